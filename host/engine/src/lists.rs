//! Lists of cases: an applicant's own, a role's queue, a clerk's search. Each page is found by key, so that the last
//! page of a million answers as fast as the first.

use crate::Engine;
use crate::actor::{Actor, ClerkActor};
use crate::baskets::is_for_baskets;
use crate::commit::{role_name, tone_name};
use crate::error::EngineError;
use crate::fitting::is_free;
use crate::pages::claim_view;
use crate::views::{CaseLine, Lines, ListFilter, Offer, OrderMark, QueueView};
use std::collections::HashMap;
use std::sync::Arc;
use yinxin_core::definition::{Definition, Role, Tone};
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::cases::{self, After, Filter, Key, Line};
use yinxin_store::{Connection, StoreError, orders, plugins};

/// How long a clerk holds a case after the last sign of life.
const CLAIM_SECONDS: i64 = 30 * 60;

const ROLES: [Role; 5] = [
    Role::Reviewer,
    Role::Finance,
    Role::Maker,
    Role::Shipper,
    Role::Administrator,
];

impl Engine {
    /// Services that can be begun on the site, project by project.
    pub fn offers(&self, site: &SiteId) -> Vec<Offer> {
        let plugins = self.inner.registry.plugins(site);
        let offers = plugins.iter().flat_map(|plugin| {
            plugin.definition.services.iter().map(|service| Offer {
                plugin: plugin.name.clone(),
                project_title: plugin.definition.title.clone(),
                project_summary: plugin.definition.summary.clone(),
                service: service.clone(),
            })
        });
        offers.collect()
    }

    /// The plugin's rules let this paper be printed in this state of a case.
    pub fn prints_in(&self, site: &SiteId, plugin: &str, document: &str, state: &str) -> bool {
        let plugin = self.inner.registry.plugin(site, plugin);
        plugin.is_some_and(|plugin| {
            let mut documents = plugin.definition.documents.iter();
            documents.any(|paper| {
                paper.id == document
                    && (paper.states.is_empty() || paper.states.iter().any(|known| known == state))
            })
        })
    }

    /// The applicant's own cases, newest first.
    pub async fn my_cases(
        &self,
        site: &SiteId,
        account: &AccountId,
        filter: &ListFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Lines, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let filter = Filter {
            account: Some(account.clone()),
            ..stored(filter)
        };
        let lines = cases::newest(&mut conn, site, &filter, after, one_more(limit)).await?;
        let viewer = Actor::Applicant(account.clone());
        let (lines, more) = cut(lines, limit);
        let next = lines
            .last()
            .filter(|_| more)
            .map(|line| line.id.to_string());
        self.lines(&mut conn, site, &viewer, lines, next).await
    }

    /// How many of the applicant's cases stand in each tone.
    pub async fn tones(
        &self,
        site: &SiteId,
        account: &AccountId,
    ) -> Result<Vec<(Tone, i64)>, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let counts = cases::tone_counts(&mut conn, site, account).await?;
        Ok(counts
            .into_iter()
            .map(|(tone, count)| (tone_of(&tone), count))
            .collect())
    }

    /// How the queues stand that this clerk may work on, empty ones included.
    pub async fn queues(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
    ) -> Result<Vec<QueueView>, EngineError> {
        let roles = || ROLES.into_iter().filter(|role| clerk.may(*role));
        let names: Vec<&str> = roles().map(role_name).collect();
        let mut conn = self.inner.store.read().await?;
        let counts = cases::queue_counts(&mut conn, site, &names, self.inner.now()).await?;
        let view = |role| {
            let count = counts.iter().find(|count| count.queue == role_name(role));
            QueueView {
                role,
                cases: count.map_or(0, |count| count.cases),
                overdue: count.map_or(0, |count| count.overdue),
                oldest: count.map(|count| count.oldest),
            }
        };
        Ok(roles().map(view).collect())
    }

    /// One role's queue, what is due first on top.
    pub async fn queue(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        role: Role,
        filter: &ListFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Lines, EngineError> {
        if !clerk.may(role) {
            return Err(EngineError::NotAllowed);
        }
        let filter = Filter {
            queue: Some(role_name(role).to_owned()),
            ..stored(filter)
        };
        self.found(site, clerk, filter, after, limit).await
    }

    /// All cases of the site by acceptance or order number, name, mobile, USCC, identity number, tracking number or
    /// certificate serial, whatever the text may look like.
    pub async fn search(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        filter: &ListFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Lines, EngineError> {
        self.found(site, clerk, stored(filter), after, limit).await
    }

    /// Cases that the clerk holds at the moment.
    pub async fn claimed(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        limit: usize,
    ) -> Result<Lines, EngineError> {
        let filter = Filter {
            claimed_by: Some((clerk.id.clone(), self.inner.now())),
            ..Filter::default()
        };
        self.by_due(site, clerk, &filter, None, limit).await
    }

    async fn by_due(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Lines, EngineError> {
        let store = &self.inner.store;
        let mut conn = store.read().await?;
        let after = after.and_then(After::parse);
        let lines = cases::by_due(
            &mut conn,
            site,
            filter,
            after.as_ref(),
            one_more(limit),
            store.name_statistics(),
        )
        .await?;
        let (lines, more) = cut(lines, limit);
        let next = lines
            .last()
            .filter(|_| more)
            .map(|line| After::line(line).text());
        self.lines(&mut conn, site, &Actor::Clerk(clerk.clone()), lines, next)
            .await
    }

    /// Takes a case, so that colleagues see who works on it.
    pub async fn claim(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        id: &CaseId,
    ) -> Result<(), EngineError> {
        let now = self.inner.now();
        let mut tx = self.inner.store.begin().await?;
        let case = cases::get(&mut tx, &self.inner.sealer, site, id).await?;
        let role = ROLES
            .into_iter()
            .find(|role| role_name(*role) == case.standing.queue);
        if !role.is_some_and(|role| clerk.may(role)) {
            return Err(EngineError::NotAllowed);
        }
        let until = now.plus(CLAIM_SECONDS);
        if !cases::claim(&mut tx, site, id, &clerk.id, now, until).await? {
            return Err(EngineError::sentence("这件申请正由其他同事办理"));
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.inner.changed(site, id);
        Ok(())
    }

    /// Gives a case back; an administrator also one that a colleague holds.
    pub async fn release(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        id: &CaseId,
    ) -> Result<(), EngineError> {
        let holder = (!clerk.roles.contains(&Role::Administrator)).then_some(&clerk.id);
        let mut tx = self.inner.store.begin().await?;
        cases::lock(&mut tx, site, id).await?;
        cases::release(&mut tx, site, id, holder).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.inner.changed(site, id);
        Ok(())
    }

    /// Claims the case of the queue that is due first and that nobody holds.
    pub async fn next_unclaimed(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        role: Role,
    ) -> Result<Option<CaseId>, EngineError> {
        // A page of the queue; when colleagues hold all of it, the clerk waits for one of them rather than for the page.
        const LOOK: usize = 100;
        let lines = self
            .queue(site, clerk, role, &ListFilter::default(), None, LOOK)
            .await?;
        for line in lines.lines.iter().filter(|line| line.claim.is_none()) {
            match self.claim(site, clerk, &line.id).await {
                Ok(()) => return Ok(Some(line.id.clone())),
                Err(EngineError::Problems(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// A text that may be a whole number or code is looked up as such, in all kinds at once, which are found by index; one
    /// that names no case so, and any other, is looked for in names and acceptance numbers.
    async fn found(
        &self,
        site: &SiteId,
        clerk: &ClerkActor,
        filter: Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Lines, EngineError> {
        if let Some(key) = filter.text.as_deref().and_then(|text| self.key(site, text)) {
            let by_key = Filter {
                text: None,
                key: Some(key),
                ..filter.clone()
            };
            let lines = self.by_due(site, clerk, &by_key, after, limit).await?;
            if !lines.lines.is_empty() {
                return Ok(lines);
            }
        }
        self.by_due(site, clerk, &filter, after, limit).await
    }

    /// The text as a number or code, however it is written: a serial in groups, a mobile with spaces.
    fn key(&self, site: &SiteId, text: &str) -> Option<Key> {
        /// Characters of the shortest code, a tracking number.
        const SHORTEST: usize = 8;
        /// Digits that no number of people's is long enough for: a serial.
        const SERIAL: usize = 21;
        let text: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | ':'))
            .collect();
        if text.len() < SHORTEST || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let is_serial = text.len() >= SERIAL && text.bytes().all(|b| b.is_ascii_hexdigit());
        let looked_up = if is_serial {
            text.to_ascii_lowercase()
        } else {
            text.to_ascii_uppercase()
        };
        let context = cases::lookup_context(site);
        Some(Key {
            fingerprint: self.inner.sealer.fingerprint(&context, &looked_up),
            text: looked_up,
        })
    }

    async fn lines(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        viewer: &Actor,
        lines: Vec<Line>,
        next: Option<String>,
    ) -> Result<Lines, EngineError> {
        // A clerk's lists are of cases, an applicant's lead to what is to be done with them, which is paying too.
        let mut orders = match viewer {
            Actor::Applicant(_) => {
                let ids: Vec<&CaseId> = lines.iter().map(|line| &line.id).collect();
                orders::of_cases(conn, site, &ids).await?
            }
            _ => HashMap::new(),
        };
        let mut definitions = HashMap::new();
        let mut out = Vec::with_capacity(lines.len());
        for line in lines {
            let key = (line.plugin.clone(), line.plugin_digest.clone());
            if !definitions.contains_key(&key) {
                let definition = self.definition_of(conn, site, &key.0, &key.1).await?;
                definitions.insert(key.clone(), definition);
            }
            if let Some(definition) = definitions.get(&key) {
                let order = orders.remove(&line.id);
                let in_baskets = is_for_baskets(definition, &line.service);
                let mut line = case_line(definition, line, viewer, self.inner.now());
                if let (Actor::Applicant(_), true, true) = (viewer, in_baskets, line.payable) {
                    let payments = &self.inner.services.payments;
                    let share = payments
                        .case_status_in(conn, site, &line.id, order.as_ref())
                        .await?;
                    line.orderable = is_free(share.standing);
                }
                line.order = order.map(|order| OrderMark {
                    id: order.id.to_string(),
                    number: order.number,
                    state: order.state.as_str().to_owned(),
                });
                out.push(line);
            }
        }
        Ok(Lines { lines: out, next })
    }

    pub(crate) async fn definition_of(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        plugin: &str,
        digest: &str,
    ) -> Result<Arc<Definition>, EngineError> {
        if let Some(plugin) = self.inner.registry.version(site, plugin, digest) {
            return Ok(plugin.definition.clone());
        }
        let stored = plugins::activation(conn, site, plugin, digest).await?;
        let stored = stored.ok_or(EngineError::NotFound)?;
        let definition = serde_json::from_str(&stored.definition)
            .map_err(|_| StoreError::Damaged("a definition"))?;
        Ok(Arc::new(definition))
    }
}

fn case_line(definition: &Definition, line: Line, viewer: &Actor, now: Millis) -> CaseLine {
    let service = definition
        .services
        .iter()
        .find(|service| service.id == line.service);
    let lifecycle = service.and_then(|service| {
        definition
            .lifecycles
            .iter()
            .find(|lifecycle| lifecycle.id == service.lifecycle)
    });
    let state = lifecycle.and_then(|l| l.states.iter().find(|state| state.id == line.state));
    let clerk = matches!(viewer, Actor::Clerk(_));
    let label = state.map(|state| {
        if clerk {
            state.clerk_label.clone()
        } else {
            state.applicant_label.clone()
        }
    });
    let transitions = lifecycle
        .map(|l| l.transitions.as_slice())
        .unwrap_or_default()
        .iter();
    let actions = transitions.filter(|transition| {
        transition.from.contains(&line.state) && viewer.may_bring(&transition.actor)
    });
    CaseLine {
        service_title: service
            .map(|service| service.title.clone())
            .unwrap_or_default(),
        project_title: definition.title.clone(),
        state_label: label.unwrap_or_default(),
        next: state.map(|state| state.next.clone()).unwrap_or_default(),
        tone: tone_of(&line.standing.tone),
        payable: line.standing.payable,
        orderable: false,
        order: None,
        actions: actions.map(|transition| transition.label.clone()).collect(),
        claim: match viewer {
            Actor::Clerk(clerk) => claim_view(line.claim.as_ref(), &clerk.id, now),
            _ => None,
        },
        id: line.id,
        number: line.number,
        subject: line.subject,
        entered_at: line.entered_at,
        due_at: line.due_at,
        created_at: line.created_at,
    }
}

fn stored(filter: &ListFilter) -> Filter {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Filter {
        text: given(&filter.text),
        plugin: given(&filter.plugin),
        service: given(&filter.service),
        state: given(&filter.state),
        tone: given(&filter.tone),
        ..Filter::default()
    }
}

fn tone_of(name: &str) -> Tone {
    let tones = [
        Tone::Draft,
        Tone::Waiting,
        Tone::Action,
        Tone::Done,
        Tone::Refused,
    ];
    tones
        .into_iter()
        .find(|tone| tone_name(*tone) == name)
        .unwrap_or(Tone::Waiting)
}

/// One line more than the page, to know whether there is a next one.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn cut(mut lines: Vec<Line>, limit: usize) -> (Vec<Line>, bool) {
    let more = lines.len() > limit;
    lines.truncate(limit);
    (lines, more)
}
