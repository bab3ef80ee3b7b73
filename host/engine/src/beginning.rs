//! Beginning an application: empty, from what the profile knows, or from a certificate (manual row F-11).

use crate::Engine;
use crate::applicant::note;
use crate::commit::{enter, fingerprints};
use crate::error::EngineError;
use crate::situation::{Situation, profile};
use std::sync::Arc;
use yinxin_capabilities::Plugin;
use yinxin_core::definition::{Service, ServiceKind};
use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::rules::{NamedValue, Sources};
use yinxin_core::shared::Shared;
use yinxin_services::certificates::{Holding, Outlook, Reading};
use yinxin_store::StoreError;
use yinxin_store::cases::{self, Case, Standing};
use yinxin_store::certificates::{self, Origin};

/// Open drafts of one account and service. Nobody needs more, and a script that makes them is stopped.
const DRAFTS: usize = 50;

/// An application that was begun, or gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub case: CaseId,
    /// It was there before.
    pub resumed: bool,
}

/// The certificate that an application begins from.
struct Source {
    origin: Origin,
    /// What the rules are told of it.
    fields: Vec<NamedValue>,
}

impl Engine {
    /// Begins an application: an empty case in the first state, with what the profile already knows. A service that starts
    /// from a certificate is begun by [`Engine::start_from`].
    pub async fn start(
        &self,
        site: &SiteId,
        account: &AccountId,
        plugin: &str,
        service: &str,
    ) -> Result<CaseId, EngineError> {
        let plugin = self.plugin_of(site, plugin)?;
        if offered(&plugin, service)?.from_certificate {
            return Err(EngineError::sentence("请先选择要办理的证书"));
        }
        let begun = self.begin(site, account, &plugin, service, None).await?;
        Ok(begun.case)
    }

    /// Begins an application that is about a certificate in the account's hands, with what stands in the certificate. One
    /// that the account has begun from it and not ended goes on instead.
    pub async fn start_from(
        &self,
        site: &SiteId,
        account: &AccountId,
        plugin: &str,
        service: &str,
        serial: &str,
    ) -> Result<Begun, EngineError> {
        let inner = &self.inner;
        let plugin = self.plugin_of(site, plugin)?;
        let offered = offered(&plugin, service)?;
        if !offered.from_certificate {
            return Err(EngineError::NotFound);
        }
        let mut conn = inner.store.read().await?;
        let held = &inner.services.certificates;
        let held = held.holding(&mut conn, site, account, serial).await?;
        let held = held.ok_or(EngineError::NotFound)?;
        match held.outlook {
            Outlook::Revoked => {
                return Err(EngineError::sentence(
                    "这张证书已注销，不能再办理业务。请申请新证书。",
                ));
            }
            Outlook::Renewed if offered.kind == ServiceKind::Renewal => {
                return Err(EngineError::sentence(
                    "这张证书已经续费。请选择续费后的新证书，或在“我的证书”中查看。",
                ));
            }
            Outlook::Replaced => {
                return Err(EngineError::sentence(
                    "这张证书已由新证书代替。请选择新证书办理。",
                ));
            }
            _ => {}
        }
        let begun =
            certificates::case_from(&mut conn, site, serial, account, &plugin.name, service);
        if let Some(case) = begun.await? {
            return Ok(Begun {
                case,
                resumed: true,
            });
        }
        drop(conn);
        let read =
            Reading::of(held.pem.as_bytes()).map_err(|_| StoreError::Damaged("a certificate"))?;
        let source = Source {
            origin: Origin {
                serial: held.serial.clone(),
                kind: kind_name(offered.kind).to_owned(),
            },
            fields: fields(&held, &read),
        };
        self.begin(site, account, &plugin, service, Some(source))
            .await
    }

    fn plugin_of(&self, site: &SiteId, name: &str) -> Result<Arc<Plugin>, EngineError> {
        let found = self.inner.registry.plugin(site, name);
        found.ok_or(EngineError::NotFound)
    }

    async fn begin(
        &self,
        site: &SiteId,
        account: &AccountId,
        plugin: &Plugin,
        service: &str,
        source: Option<Source>,
    ) -> Result<Begun, EngineError> {
        let inner = &self.inner;
        let definition = &plugin.definition;
        let service = offered(plugin, service)?;
        let lifecycle = definition
            .lifecycles
            .iter()
            .find(|l| l.id == service.lifecycle);
        let lifecycle = lifecycle.ok_or(EngineError::NotFound)?;
        let initial = lifecycle
            .states
            .iter()
            .find(|state| state.id == lifecycle.initial);
        let initial = initial.ok_or(EngineError::NotFound)?;

        let profile = {
            let mut conn = inner.store.read().await?;
            let drafts = cases::Filter {
                account: Some(account.clone()),
                service: Some(service.id.clone()),
                state: Some(initial.id.clone()),
                ..cases::Filter::default()
            };
            let limit = i64::try_from(DRAFTS).unwrap_or(i64::MAX);
            if cases::newest(&mut conn, site, &drafts, None, limit)
                .await?
                .len()
                >= DRAFTS
            {
                return Err(EngineError::sentence(
                    "未提交的申请过多，请先提交或删除已有的申请",
                ));
            }
            profile(inner, &mut conn, site, account).await?
        };
        let (origin, certificate) = match source {
            Some(Source { origin, fields }) => (Some(origin), fields),
            None => (None, Vec::new()),
        };
        let sources = Sources {
            service: service.id.clone(),
            profile,
            earlier: None,
            certificate,
            at: inner.moment(),
        };
        let prefilled = plugin.prefill(inner.context(None), &sources).await?.value;
        let values = Values::from(prefilled);

        let now = inner.now();
        let mut tx = inner.store.begin().await?;
        // Whoever begins at the same time waits here until the other is through, and then sees what was begun.
        let number = cases::next_number(&mut tx, site, now).await?;
        if let Some(Origin { serial, .. }) = &origin {
            let begun =
                certificates::case_from(&mut tx, site, serial, account, &plugin.name, &service.id);
            if let Some(case) = begun.await? {
                return Ok(Begun {
                    case,
                    resumed: true,
                });
            }
        }
        let mut case = Case {
            id: CaseId::generate(),
            number,
            account: account.clone(),
            plugin: plugin.name.clone(),
            plugin_digest: plugin.digest.clone(),
            plugin_version: definition.version.clone(),
            service: service.id.clone(),
            state: String::new(),
            standing: Standing {
                tone: String::new(),
                queue: String::new(),
                payable: false,
                ended: false,
                deleted: false,
            },
            subject: values.get(&service.subject_field).to_owned(),
            values,
            version: 1,
            entered_at: now,
            due_at: None,
            created_at: now,
            updated_at: now,
            claim: None,
        };
        enter(inner, site, &mut case, initial, now)?;
        cases::insert(&mut tx, &inner.sealer, site, &case).await?;
        let mut input = Vec::new();
        if let Some(origin) = origin {
            certificates::set_origin(&mut tx, site, &case.id, &origin).await?;
            input.push(NamedValue {
                name: "certificate".to_owned(),
                value: origin.serial,
            });
        }
        note(inner, &mut tx, site, &case, "begin", "开始申请", &input).await?;
        let situation = Situation::read(inner, &mut tx, site, &case.id).await?;
        let fingerprints = fingerprints(inner, site, &situation, &case);
        cases::set_lookups(&mut tx, site, &case.id, &fingerprints).await?;
        crate::timers::set(&mut tx, site, inner.site(site)?, &situation, &case).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Begun {
            case: case.id,
            resumed: false,
        })
    }
}

fn offered<'a>(plugin: &'a Plugin, service: &str) -> Result<&'a Shared<Service>, EngineError> {
    let mut services = plugin.definition.services.iter();
    services
        .find(|offered| offered.id == service)
        .ok_or(EngineError::NotFound)
}

/// What the contract promises of `sources.certificate`.
fn fields(held: &Holding, read: &Reading) -> Vec<NamedValue> {
    let named = |name: &str, value: String| NamedValue {
        name: name.to_owned(),
        value,
    };
    let standing = match held.outlook {
        Outlook::Revoked => "revoked",
        Outlook::Expired(_) => "expired",
        Outlook::Held => "held",
        Outlook::Valid | Outlook::Ending(_) | Outlook::Renewed | Outlook::Replaced => "valid",
    };
    let attributes = read.subject.iter();
    let attributes =
        attributes.map(|a| named(&format!("subject.{}", a.name), a.value.trim().to_owned()));
    let mut fields: Vec<NamedValue> = attributes.collect();
    fields.push(named("serial", held.serial.clone()));
    fields.push(named("not-before", held.not_before.day().to_string()));
    fields.push(named("not-after", held.not_after.day().to_string()));
    fields.push(named("standing", standing.to_owned()));
    fields
}

/// The word for a service's kind in the database.
fn kind_name(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::New => "new",
        ServiceKind::Renewal => "renewal",
        ServiceKind::Reissue => "reissue",
        ServiceKind::Inspection => "inspection",
        ServiceKind::Change => "change",
        ServiceKind::Freeze => "freeze",
        ServiceKind::Restore => "restore",
        ServiceKind::Revoke => "revoke",
        ServiceKind::KeyRecovery => "key-recovery",
        ServiceKind::Bind => "bind",
    }
}
