//! Rules called in the real sandbox, with the real grants, limits and checks of answers; the plugin's storage is an
//! SQLite database.

use crate::Runner;
use crate::component::{component, workspace};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;
use yinxin_capabilities as host;
use yinxin_capabilities::{
    CallContext, CaseFacts, CertificateStanding, CertificateView, DocumentIssue, Manifest,
    PaymentStatus, Plugin, PluginEntry, ProfileField, Quotas, Registry, TokenTask,
};
use yinxin_core::ids::SiteId;
use yinxin_sandbox::{Sandbox, Settings};
use yinxin_sdk::certificates::{self, Attribute, Request, Standing};
use yinxin_sdk::definition::{Definition, Ordering};
use yinxin_sdk::fake::{Effect, World};
use yinxin_sdk::tokens::Task;
use yinxin_sdk::{
    Basket, Case, Checkpoint, Decision, Event, Moment, NamedValue, Problem, Quotation, Sources,
    accounts,
};
use yinxin_store::plugin_storage;
use yinxin_store::testing::{TestStore, sqlite};

/// An active plugin, as the host has it.
pub struct Sandboxed {
    runtime: Runtime,
    plugin: Arc<Plugin>,
    database: TestStore,
    /// Two scenarios share the database: one call at a time.
    turn: Mutex<()>,
}

impl Sandboxed {
    /// The plugin of `plugins/<name>`, built and activated once for all tests of the process, with every capability
    /// granted that its `plugin.toml` declares.
    pub fn shared(name: &str) -> Arc<Self> {
        static ACTIVE: Mutex<BTreeMap<String, Arc<Sandboxed>>> = Mutex::new(BTreeMap::new());
        let mut active = ACTIVE.lock().unwrap_or_else(PoisonError::into_inner);
        active
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Self::activate(name)))
            .clone()
    }

    /// The same for one caller alone, gone with the value; not inside of another runtime.
    pub fn activate(name: &str) -> Self {
        let component = component(name).unwrap_or_else(|error| panic!("{error:#}"));
        let manifest = workspace().join("plugins").join(name).join("plugin.toml");
        let manifest = std::fs::read_to_string(manifest).expect("plugin.toml is there");
        let manifest = Manifest::parse(&manifest).expect("plugin.toml can be read");
        let entry = PluginEntry {
            name: name.to_owned(),
            digest: None,
            grants: manifest.capabilities.iter().map(|c| c.interface).collect(),
            quotas: Quotas::default(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("tokio starts");
        let (plugin, database) = runtime.block_on(async {
            let settings = Settings {
                places: 4, // a test makes one call at a time
                ..Settings::default()
            };
            let sandbox = Sandbox::new(settings).expect("the sandbox starts");
            let registry = Registry::new(sandbox).expect("the registry starts");
            let database = sqlite().await;
            let active = registry
                .activate(&database.store, &site(), &component, &manifest, &entry)
                .await
                .unwrap_or_else(|error| panic!("{error}"));
            assert!(
                active.warnings.is_empty(),
                "the lint warns: {:?}",
                active.warnings
            );
            (active.plugin, database)
        });
        Self {
            runtime,
            plugin,
            database,
            turn: Mutex::new(()),
        }
    }

    /// The context of a call, with the plugin's storage as the world has it.
    async fn context(&self, world: &World) -> CallContext {
        let mut tx = self
            .database
            .store
            .begin()
            .await
            .expect("the database answers");
        let (site, plugin) = (site(), &self.plugin.name);
        let stored = plugin_storage::scan(&mut tx, &site, plugin, "", None, i64::MAX);
        let stored = stored.await.expect("the database answers");
        plugin_storage::lock(&mut tx, &site, plugin)
            .await
            .expect("the database answers");
        let gone = stored
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !world.storage.contains_key(*key));
        let kept = world
            .storage
            .iter()
            .map(|(key, value)| (key, Some(value.as_slice())));
        for (key, value) in gone.map(|key| (key, None)).chain(kept) {
            let written = plugin_storage::write(&mut tx, &site, plugin, key, value).await;
            written.expect("the database answers");
        }
        tx.commit().await.expect("the database answers");
        CallContext {
            store: self.database.store.clone(),
            sealer: self.database.sealer.clone(),
            facts: Some(facts(world).into()),
        }
    }

    fn call<T>(&self, world: &World, call: impl AsyncFnOnce(CallContext) -> T) -> T {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.runtime
            .block_on(async { call(self.context(world).await).await })
    }
}

impl Runner for Sandboxed {
    fn name(&self) -> &'static str {
        "sandboxed"
    }

    fn describe(&self) -> Definition {
        same(&*self.plugin.definition)
    }

    fn check(&self, world: &World, case: &Case, at: &Moment, point: &Checkpoint) -> Vec<Problem> {
        let (case, at, point) = (same(case), same(at), same(point));
        let called = self.call(world, async |context| {
            self.plugin.check(context, &case, &at, &point).await
        });
        same(&answered(called).value)
    }

    fn quote(&self, world: &World, basket: &Basket) -> Result<Quotation, Vec<Problem>> {
        let basket = same(basket);
        let called = self.call(world, async |context| {
            self.plugin.quote(context, &basket).await
        });
        match answered(called).value {
            Ok(quotation) => Ok(same(&quotation)),
            Err(problems) => Err(same(&problems)),
        }
    }

    fn prefill(&self, world: &World, sources: &Sources) -> Vec<NamedValue> {
        let sources = same(sources);
        let called = self.call(world, async |context| {
            self.plugin.prefill(context, &sources).await
        });
        same(&answered(called).value)
    }

    fn handle(
        &self,
        world: &mut World,
        case: &Case,
        event: &Event,
    ) -> Result<(Decision, Vec<Effect>), Vec<Problem>> {
        let (case, event) = (same(case), same(event));
        let called = self.call(world, async |context| {
            self.plugin.handle(context, &case, &event).await
        });
        let handled = answered(called);
        match handled.result {
            Ok(decision) => {
                let mut effects = Vec::new();
                for effect in handled.effects {
                    let effect = in_sdk_words(effect, world);
                    world.apply(&effect);
                    effects.push(effect);
                }
                Ok((same(&decision), effects))
            }
            Err(problems) => {
                assert!(handled.effects.is_empty(), "a declined call left effects");
                Err(same(&problems))
            }
        }
    }
}

fn site() -> SiteId {
    SiteId::parse("kit").expect("a name of a site")
}

fn answered<T>(called: Result<T, host::RuleError>) -> T {
    called.unwrap_or_else(|error| panic!("the sandbox ended the call: {error}"))
}

/// The same value in the other side's words: the host's records and the SDK's have the same names.
pub(crate) fn same<A: Serialize, B: DeserializeOwned>(value: &A) -> B {
    let json = serde_json::to_value(value).expect("records can be written");
    serde_json::from_value(json).expect("both sides have the same records")
}

fn facts(world: &World) -> CaseFacts {
    CaseFacts {
        profile: world.profile.iter().map(same).collect(),
        profile_fields: world
            .profile
            .iter()
            .map(|entry| ProfileField {
                name: entry.name.clone(),
                max_length: 200,
                clerk_only: false,
            })
            .collect(),
        account_mobile: world.account_mobile.clone(),
        payment: PaymentStatus {
            standing: same(&world.balance.standing),
            total: world.balance.total,
            refunded: world.balance.refunded,
            method: same(&world.balance.method),
        },
        // As the fake says: plugins have one ordering or the other.
        in_baskets: world
            .definition
            .services
            .iter()
            .any(|service| service.ordering == Ordering::Basket),
        methods: world.methods.iter().map(same).collect(),
        checks: world
            .checks
            .iter()
            .map(|(check, standing)| yinxin_core::rules::CheckView {
                check: check.clone(),
                standing: same(standing),
            })
            .collect(),
        certificates: world.certificates.iter().map(certificate).collect(),
        documents: world
            .papers
            .iter()
            .map(|(document, issue)| DocumentIssue {
                document: document.clone(),
                number: issue.number.clone(),
                made: issue.made,
                outdated: issue.outdated,
            })
            .collect(),
        has_request: world.has_certificate_request,
        values: world.answers.iter().map(same).collect(),
    }
}

fn certificate(view: &certificates::Certificate) -> CertificateView {
    CertificateView {
        serial: view.serial.clone(),
        subject: view.subject.clone(),
        not_before: view.not_before,
        not_after: view.not_after,
        standing: match view.standing {
            Standing::Valid => CertificateStanding::Valid,
            Standing::Held => CertificateStanding::Held,
            Standing::Revoked => CertificateStanding::Revoked,
            Standing::Expired => CertificateStanding::Expired,
        },
    }
}

fn in_sdk_words(effect: host::Effect, world: &World) -> Effect {
    match effect {
        host::Effect::StoragePut { key, value } => Effect::Put { key, value },
        host::Effect::StorageDelete { key } => Effect::Delete { key },
        host::Effect::Remember { entries } => Effect::Remember(
            entries
                .into_iter()
                .map(|entry| accounts::Entry {
                    name: entry.name,
                    value: entry.value,
                })
                .collect(),
        ),
        host::Effect::RequestPayment { lines, methods } => Effect::RequestPayment {
            lines: same(&lines),
            methods: same(&methods),
        },
        host::Effect::CancelPayment => Effect::CancelPayment,
        host::Effect::Invoice => Effect::Invoice,
        host::Effect::Refund { amount, reason } => Effect::Refund { amount, reason },
        host::Effect::Send {
            message,
            parameters,
        } => {
            let known = world.definition.messages.iter().find(|m| m.id == message);
            Effect::Send {
                to: known
                    .map_or("", |known| world.recipient(&known.to))
                    .to_owned(),
                parameters: parameters.into_iter().map(|p| (p.name, p.value)).collect(),
                message,
            }
        }
        host::Effect::RequestToken { task } => Effect::TokenTask(match task {
            TokenTask::Read => Task::Read,
            TokenTask::Prove(serial) => Task::Prove(serial),
            TokenTask::Enrol(serial) => Task::Enrol(serial),
            TokenTask::Write(serial) => Task::Write(serial),
        }),
        host::Effect::CancelToken => Effect::CancelToken,
        host::Effect::VoidIdentity { check } => Effect::VoidCheck(check),
        host::Effect::Issue { subject, months } => Effect::Issue(Request {
            subject: subject
                .into_iter()
                .map(|attribute| Attribute {
                    name: attribute.name,
                    value: attribute.value,
                })
                .collect(),
            months,
        }),
        host::Effect::Revoke { serial, reason } => Effect::Revoke { serial, reason },
        host::Effect::Hold { serial } => Effect::Hold { serial },
        host::Effect::Release { serial } => Effect::Release { serial },
        host::Effect::VoidDocument { document } => Effect::VoidPaper(document),
    }
}
