//! Builds the hostile plugin once and puts it into a house of its own.

use std::sync::{Arc, OnceLock};
use yinxin_capabilities::{
    CallContext, Capability, CaseFacts, CertificateStanding, CertificateView, DocumentIssue,
    Handled, Manifest, PaymentStatus, Plugin, PluginEntry, ProfileField, Quotas, Registry,
    RuleError,
};
use yinxin_core::identity;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Method, Standing};
use yinxin_core::rules::{CaseView, CheckView, Event, Fact, Moment, NamedValue};
use yinxin_sandbox::{Limits, Sandbox, Settings};
use yinxin_store::testing::TestStore;

/// The component's bytes.
pub fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| yinxin_kit::hostile().unwrap_or_else(|error| panic!("{error:#}")))
}

/// The component with one text written over by another of the same length.
pub fn component_with(text: &str, by: &str) -> Vec<u8> {
    yinxin_kit::with_text(component(), text, by)
}

/// The component whose `describe` lies or harms in this way.
pub fn describing(mode: &str) -> Vec<u8> {
    component_with(
        "describe:plain---------------",
        &format!("describe:{mode:-<20}"),
    )
}

/// The same rules under another name.
pub fn another() -> Vec<u8> {
    component_with("hostile|1.0.0", "another|1.0.0")
}

pub fn neighbour() -> SiteId {
    SiteId::parse("hunan").unwrap()
}

pub fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

pub fn manifest(version: &str, capabilities: &[Capability]) -> Manifest {
    manifest_of("hostile", version, capabilities)
}

pub fn manifest_of(name: &str, version: &str, capabilities: &[Capability]) -> Manifest {
    let mut text = format!("name = \"{name}\"\nversion = \"{version}\"\n");
    for capability in capabilities {
        text.push_str(&format!(
            "[[capability]]\ninterface = \"{capability}\"\nreason = \"to misbehave\"\n"
        ));
    }
    Manifest::parse(&text).unwrap()
}

pub fn entry(grants: &[Capability]) -> PluginEntry {
    PluginEntry {
        name: "hostile".into(),
        digest: None,
        grants: grants.to_vec(),
        quotas: Quotas::default(),
    }
}

/// Limits that end a misbehaving call soon.
pub fn limits() -> Limits {
    Limits {
        guest_time: std::time::Duration::from_millis(150),
        total_time: std::time::Duration::from_secs(2),
        reads_count: 100,
        ..Limits::default()
    }
}

pub fn registry(limits: Limits) -> Registry {
    Registry::new(
        Sandbox::new(Settings {
            limits,
            ..Settings::default()
        })
        .unwrap(),
    )
    .unwrap()
}

/// Activates a component with every capability.
pub async fn activate(
    registry: &Registry,
    store: &TestStore,
    site: &SiteId,
    name: &str,
    component: &[u8],
    quotas: Quotas,
) -> Arc<Plugin> {
    let manifest = manifest_of(name, "1.0.0", &Capability::ALL);
    let entry = PluginEntry {
        name: name.into(),
        quotas,
        ..entry(&Capability::ALL)
    };
    let activated = registry
        .activate(store, site, component, &manifest, &entry)
        .await;
    activated.unwrap_or_else(|error| panic!("{error}")).plugin
}

/// An active plugin, and the store behind it.
pub struct House {
    pub store: TestStore,
    pub registry: Registry,
    pub plugin: Arc<Plugin>,
}

impl House {
    /// With every capability, and with time enough on a busy machine: what is tested is not the time.
    pub async fn open(store: TestStore) -> Self {
        let patient = Limits {
            guest_time: std::time::Duration::from_secs(20),
            total_time: std::time::Duration::from_secs(60),
            ..limits()
        };
        Self::with(store, patient, Quotas::default()).await
    }

    pub async fn with(store: TestStore, limits: Limits, quotas: Quotas) -> Self {
        let registry = registry(limits);
        let plugin = activate(&registry, &store, &site(), "hostile", component(), quotas).await;
        Self {
            store,
            registry,
            plugin,
        }
    }

    /// The same component as this site would have it with fewer grants, after a restart.
    pub async fn granted(&self, grants: &[Capability]) -> Arc<Plugin> {
        let registry = registry(Limits {
            guest_time: std::time::Duration::from_secs(5),
            ..limits()
        });
        registry
            .load(&self.store, &site(), &[entry(grants)])
            .await
            .unwrap();
        registry.plugin(&site(), "hostile").unwrap()
    }

    pub fn context(&self, facts: CaseFacts) -> CallContext {
        CallContext {
            store: self.store.store.clone(),
            sealer: self.store.sealer.clone(),
            facts: Some(facts.into()),
        }
    }

    pub async fn handle(&self, transition: &str) -> Result<Handled, RuleError> {
        self.plugin
            .handle(self.context(facts()), &case(), &event(transition, &[]))
            .await
    }

    /// Runs interface calls; what they answered, and what was asked for.
    pub async fn script(&self, calls: &[(&str, &str)]) -> (Vec<String>, Handled) {
        self.script_with(&self.plugin, facts(), calls).await
    }

    pub async fn script_with(
        &self,
        plugin: &Plugin,
        facts: CaseFacts,
        calls: &[(&str, &str)],
    ) -> (Vec<String>, Handled) {
        let handled = plugin
            .handle(self.context(facts), &case(), &event("script", calls))
            .await;
        let handled = handled.unwrap_or_else(|error| panic!("{error}"));
        let log = &handled.result.as_ref().unwrap().values[0].value;
        (log.split('\n').map(str::to_owned).collect(), handled)
    }
}

pub fn named(name: &str, value: &str) -> NamedValue {
    NamedValue {
        name: name.into(),
        value: value.into(),
    }
}

pub fn case() -> CaseView {
    CaseView {
        id: "case".into(),
        number: "20261120-1".into(),
        service: "new".into(),
        state: "draft".into(),
        created: 0,
        values: vec![named("unit", "鹰潭某某有限公司")],
        materials: Vec::new(),
        checks: Vec::new(),
        payment: Standing::None,
    }
}

pub fn event(transition: &str, input: &[(&str, &str)]) -> Event {
    Event {
        transition: transition.into(),
        at: Moment {
            now: 1_795_190_399_000,
            today: "2026-11-20".into(),
        },
        actor: "account".into(),
        input: input
            .iter()
            .map(|(name, value)| named(name, value))
            .collect(),
        judgements: Vec::new(),
        fact: Fact::None,
    }
}

/// A case with something behind every interface.
pub fn facts() -> CaseFacts {
    let certificate = |serial: &str, standing| CertificateView {
        serial: serial.into(),
        subject: "CN=鹰潭某某有限公司".into(),
        not_before: 1,
        not_after: 2,
        standing,
    };
    let field = |name: &str, clerk_only| ProfileField {
        name: name.into(),
        max_length: 10,
        clerk_only,
    };
    CaseFacts {
        profile: vec![named("unit", "某某公司"), named("mobile", "13800000000")],
        profile_fields: vec![
            field("unit", true),
            field("mobile", false),
            field("handler", false),
        ],
        account_mobile: "13800000000".into(),
        payment: PaymentStatus::default(),
        in_baskets: false,
        methods: vec![Method::Wechat, Method::Alipay],
        checks: vec![CheckView {
            check: "legal".into(),
            standing: identity::Standing::Passed,
        }],
        certificates: vec![
            certificate("0b", CertificateStanding::Valid),
            certificate("0a", CertificateStanding::Revoked),
        ],
        documents: vec![DocumentIssue {
            document: "letter".into(),
            number: "L-1".into(),
            made: 5,
            outdated: false,
        }],
        has_request: true,
        values: vec![
            named("mobile", "13900000000"),
            named("email", "li@example.cn"),
        ],
    }
}
