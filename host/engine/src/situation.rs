//! Everything that is known of one case at one moment, read in one go: what pages show, what rules are given and what
//! completeness is judged by.

use crate::error::EngineError;
use crate::inner::Inner;
use crate::transition::ATTEMPTS;
use std::collections::HashMap;
use std::sync::Arc;
use yinxin_capabilities::{
    CaseFacts, CertificateStanding, CertificateView, DocumentIssue, PaymentStatus, ProfileField,
};
use yinxin_core::definition::{
    Definition, Document, Form, IdentityCheck, Lifecycle, Material, Ordering, Service, State, Step,
    StepContent, Transition,
};
use yinxin_core::field;
use yinxin_core::identity::Standing as IdentityStanding;
use yinxin_core::ids::{AccountId, CaseId, FileId, SiteId};
use yinxin_core::money::Standing as PaymentStanding;
use yinxin_core::rules::{CaseView, CheckView, ItemStanding, MaterialView, NamedValue};
use yinxin_core::shared::Shared;
use yinxin_core::time::Millis;
use yinxin_services::accounts::Accounts;
use yinxin_services::payments::CaseStatus;
use yinxin_store::cases::{self, Case};
use yinxin_store::certificates::{Certificate, CertificateState, Origin};
use yinxin_store::dossiers;
use yinxin_store::files::File;
use yinxin_store::identity_checks::IdentityCheck as CheckRow;
use yinxin_store::materials::{Item, Placed};
use yinxin_store::orders::Order;
use yinxin_store::papers::IssuedPaper;
use yinxin_store::payments::{self, Payment};
use yinxin_store::{Connection, StoreError};

/// One case with all that belongs to it.
pub(crate) struct Situation {
    pub site: SiteId,
    pub case: Case,
    pub definition: Arc<Definition>,
    pub steps: Vec<cases::Step>,
    pub placed: Vec<Placed>,
    pub files: HashMap<FileId, File>,
    pub items: Vec<Item>,
    pub checks: Vec<CheckRow>,
    pub papers: Vec<IssuedPaper>,
    pub order: Option<Order>,
    /// The attempt that paid the order.
    pub payment: Option<Payment>,
    /// The case's share of the order.
    pub share: CaseStatus,
    pub certificates: Vec<Certificate>,
    /// The certificate that the case began from.
    pub origin: Option<Origin>,
    pub has_request: bool,
    pub profile: Vec<NamedValue>,
    pub account_mobile: String,
}

impl Situation {
    /// Reads it over `conn`, so that a commit can read it again in its own transaction. Outside of one a commit may come
    /// between two of the reads: then it is read again, since a rule would be shown a case that never was.
    pub async fn read(
        inner: &Inner,
        conn: &mut Connection,
        site: &SiteId,
        id: &CaseId,
    ) -> Result<Self, EngineError> {
        for _ in 0..ATTEMPTS {
            let (situation, version) = Self::read_once(inner, conn, site, id).await?;
            if version == situation.case.version {
                return Ok(situation);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// With the case's version when all had been read.
    async fn read_once(
        inner: &Inner,
        conn: &mut Connection,
        site: &SiteId,
        id: &CaseId,
    ) -> Result<(Self, i64), EngineError> {
        let dossier = dossiers::get(conn, &inner.sealer, site, id).await?;
        let (case, order) = (dossier.case, dossier.order);
        let definition = inner.definition(conn, site, &case).await?;
        let payment = match order.as_ref().and_then(|order| order.paid_by.clone()) {
            Some(payment) => Some(payments::get(conn, site, &payment).await?),
            None => None,
        };
        let payments = &inner.services.payments;
        let share = payments
            .case_status_in(conn, site, id, order.as_ref())
            .await?;
        let version = match order {
            Some(_) => cases::version(conn, site, id).await?,
            None => dossier.version,
        };
        let accounts = &inner.services.accounts;
        let profile = accounts.open_profile(site, &case.account, dossier.profile)?;
        let profile = profile.values.into_vec();
        let files = dossier.files.into_iter();
        let situation = Self {
            site: site.clone(),
            steps: dossier.steps,
            files: files.map(|file| (file.id.clone(), file)).collect(),
            items: dossier.items,
            checks: in_order_of(&definition.checks, dossier.checks, |check, row| {
                check.id == row.check_name
            }),
            papers: in_order_of(&definition.documents, dossier.papers, |document, paper| {
                document.id == paper.document
            }),
            share,
            order,
            payment,
            certificates: dossier.certificates,
            origin: dossier.origin,
            has_request: dossier.has_request,
            account_mobile: mobile_of(inner, site, &profile),
            profile,
            placed: dossier.placed,
            definition,
            case,
        };
        Ok((situation, version))
    }

    pub fn service(&self) -> Result<&Shared<Service>, EngineError> {
        let found = self
            .definition
            .services
            .iter()
            .find(|s| s.id == self.case.service);
        found.ok_or(EngineError::NotFound)
    }

    pub fn lifecycle(&self) -> Result<&Lifecycle, EngineError> {
        let wanted = &self.service()?.lifecycle;
        let found = self.definition.lifecycles.iter().find(|l| &l.id == wanted);
        found.ok_or(EngineError::NotFound)
    }

    pub fn state(&self) -> Result<&Shared<State>, EngineError> {
        self.state_named(&self.case.state)
    }

    pub fn state_named(&self, id: &str) -> Result<&Shared<State>, EngineError> {
        let found = self.lifecycle()?.states.iter().find(|state| state.id == id);
        found.ok_or(EngineError::NotFound)
    }

    pub fn transition(&self, id: &str) -> Result<&Transition, EngineError> {
        let found = self
            .lifecycle()?
            .transitions
            .iter()
            .find(|transition| transition.id == id);
        found.ok_or(EngineError::NotFound)
    }

    pub fn form(&self, id: &str) -> Option<&Shared<Form>> {
        self.definition.forms.iter().find(|form| form.id == id)
    }

    pub fn document(&self, id: &str) -> Option<&Shared<Document>> {
        self.definition
            .documents
            .iter()
            .find(|document| document.id == id)
    }

    pub fn check(&self, id: &str) -> Option<&Shared<IdentityCheck>> {
        self.definition.checks.iter().find(|check| check.id == id)
    }

    pub fn step(&self, id: &str) -> Result<&Step, EngineError> {
        self.service()?
            .steps
            .iter()
            .find(|step| step.id == id)
            .ok_or(EngineError::NotFound)
    }

    /// The applicant may work on the step in the present state.
    pub fn is_open(&self, step: &str) -> bool {
        self.state()
            .is_ok_and(|state| state.open_steps.iter().any(|open| open == step))
    }

    /// Materials of these ids that the answers ask for.
    pub fn materials<'a>(
        &'a self,
        ids: &'a [String],
    ) -> impl Iterator<Item = &'a Shared<Material>> {
        ids.iter()
            .filter_map(|id| {
                self.definition
                    .materials
                    .iter()
                    .find(|material| &material.id == id)
            })
            .filter(|material| self.case.values.shows(material.shown_when.as_deref()))
    }

    /// Documents of these ids that the answers ask for.
    pub fn documents<'a>(
        &'a self,
        ids: &'a [String],
    ) -> impl Iterator<Item = &'a Shared<Document>> {
        ids.iter()
            .filter_map(|id| self.document(id))
            .filter(|document| self.case.values.shows(document.shown_when.as_deref()))
    }

    /// All materials of the service's steps that the answers ask for.
    pub fn wanted_materials(&self) -> Vec<&Shared<Material>> {
        let steps = self
            .service()
            .map(|service| service.steps.as_slice())
            .unwrap_or_default();
        steps
            .iter()
            .filter_map(|step| match &step.content {
                StepContent::Materials(ids) => Some(ids),
                _ => None,
            })
            .flat_map(|ids| self.materials(ids))
            .collect()
    }

    pub fn standing_of_material(&self, material: &Material) -> (ItemStanding, String) {
        let placed = self
            .placed
            .iter()
            .filter(|place| place.material == material.id)
            .count();
        let judged = self.items.iter().find(|item| item.item == material.id);
        match judged {
            _ if placed == 0 => (ItemStanding::Missing, String::new()),
            Some(item) => (item.standing, item.reason.clone()),
            None => (ItemStanding::Uploaded, String::new()),
        }
    }

    fn material_complete(&self, material: &Material) -> bool {
        let placed = self
            .placed
            .iter()
            .filter(|place| place.material == material.id)
            .count();
        let refused = self.standing_of_material(material).0 == ItemStanding::Refused;
        let enough = placed >= material.files as usize || (!material.required && placed == 0);
        enough && !refused
    }

    pub fn standing_of_check(&self, id: &str) -> IdentityStanding {
        let newest = self.checks.iter().find(|check| check.check_name == id);
        newest.map_or(IdentityStanding::None, |check| check.state.standing())
    }

    /// The paper of this document that was made last and is not void.
    pub fn paper(&self, document: &str) -> Option<&IssuedPaper> {
        self.papers.iter().find(|paper| paper.document == document)
    }

    /// Digest of what the paper would say now: another one than it was made with means that it is out of date.
    pub fn paper_digest(&self, inner: &Inner, document: &Document) -> Option<String> {
        let paper = crate::papers::filled(inner, &self.site, self, document).ok()?;
        inner.services.papers.digest(&paper).ok()
    }

    /// When the newest paper of the document was made, and whether it is out of date.
    pub fn made(&self, inner: &Inner, document: &Document) -> Option<(Millis, bool)> {
        let paper = self.paper(&document.id)?;
        let digest = self.paper_digest(inner, document);
        Some((paper.made_at, digest.as_ref() != Some(&paper.digest)))
    }

    /// Whether a step has all that it asks for.
    pub fn is_complete(&self, inner: &Inner, step: &Step) -> bool {
        let noted = || {
            self.steps
                .iter()
                .any(|row| row.step == step.id && row.complete)
        };
        match &step.content {
            StepContent::Agreement(_) | StepContent::Form(_) | StepContent::Token => noted(),
            StepContent::Documents(ids) => self.documents(ids).all(|document| {
                self.made(inner, document)
                    .is_some_and(|(_, outdated)| !outdated)
            }),
            StepContent::Identity(check) => {
                self.standing_of_check(check) == IdentityStanding::Passed
            }
            StepContent::Materials(ids) => self.materials(ids).all(|m| self.material_complete(m)),
            StepContent::Summary => true,
        }
    }

    /// Cases of the service are put into orders by the applicant.
    pub fn in_baskets(&self) -> bool {
        self.service()
            .is_ok_and(|service| service.ordering == Ordering::Basket)
    }

    /// The order that the case is in and that nobody has paid yet.
    pub fn unpaid_order(&self) -> Option<&Order> {
        self.order
            .as_ref()
            .filter(|_| self.share.standing == PaymentStanding::Due)
    }

    /// What a rule is shown of the case.
    pub fn view(&self) -> CaseView {
        let materials = self.wanted_materials().into_iter().map(|material| {
            let (standing, reason) = self.standing_of_material(material);
            let files = self
                .placed
                .iter()
                .filter(|place| place.material == material.id)
                .count();
            MaterialView {
                material: material.id.clone(),
                files: u32::try_from(files).unwrap_or(u32::MAX),
                standing,
                reason,
            }
        });
        CaseView {
            id: self.case.id.to_string(),
            number: self.case.number.clone(),
            service: self.case.service.clone(),
            state: self.case.state.clone(),
            created: unsigned(self.case.created_at),
            values: self.case.values.as_slice().to_vec(),
            materials: materials.collect(),
            checks: self.check_views(),
            payment: self.share.standing,
        }
    }

    /// Whether a rule would see the same case in both, with the same files behind it. Uploads, identity checks, payments
    /// and certificates do not count the case's version up.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        let certificates = |of: &Self| -> Vec<_> {
            let issued = of.certificates.iter();
            issued.map(|c| (c.serial.clone(), c.state)).collect()
        };
        let order = |of: &Self| of.order.as_ref().map(|order| order.id.clone());
        self.view() == other.view()
            && order(self) == order(other)
            && self.placed == other.placed
            && certificates(self) == certificates(other)
    }

    fn check_views(&self) -> Vec<CheckView> {
        let checks = self.definition.checks.iter();
        checks
            .map(|check| CheckView {
                check: check.id.clone(),
                standing: self.standing_of_check(&check.id),
            })
            .collect()
    }

    /// What a rule may read of the case through the interfaces.
    pub fn facts(&self, inner: &Inner, site: &SiteId, now: Millis) -> CaseFacts {
        let outdated = |id: &str| {
            let document = self.document(id);
            document
                .and_then(|document| self.made(inner, document))
                .is_none_or(|(_, old)| old)
        };
        CaseFacts {
            profile: self.profile.clone(),
            profile_fields: profile_fields(inner, site),
            account_mobile: self.account_mobile.clone(),
            payment: PaymentStatus {
                standing: self.share.standing,
                total: self.share.total.0,
                refunded: self.share.refunded.0,
                method: self.share.method,
            },
            in_baskets: self.in_baskets(),
            methods: inner.services.payments.methods(site),
            checks: self.check_views(),
            certificates: self
                .certificates
                .iter()
                .filter_map(|c| certificate(c, now))
                .collect(),
            documents: self
                .papers
                .iter()
                .map(|paper| DocumentIssue {
                    document: paper.document.clone(),
                    number: paper.number.clone(),
                    made: unsigned(paper.made_at),
                    outdated: outdated(&paper.document),
                })
                .collect(),
            has_request: self.has_request,
            values: self.case.values.as_slice().to_vec(),
        }
    }
}

/// The rows that the definition knows, in its order.
fn in_order_of<D, R>(
    defined: &[Shared<D>],
    mut rows: Vec<R>,
    is_of: impl Fn(&D, &R) -> bool,
) -> Vec<R> {
    let taken = defined.iter().filter_map(|defined| {
        let place = rows.iter().position(|row| is_of(defined, row))?;
        Some(rows.swap_remove(place))
    });
    taken.collect()
}

/// Several cases, in the order of `ids`.
pub(crate) async fn read_all(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    ids: &[CaseId],
) -> Result<Vec<Situation>, EngineError> {
    let mut situations = Vec::with_capacity(ids.len());
    for id in ids {
        situations.push(Situation::read(inner, conn, site, id).await?);
    }
    Ok(situations)
}

/// The account's profile; empty before it has one.
pub(crate) async fn profile(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
) -> Result<Vec<NamedValue>, EngineError> {
    Ok(inner
        .services
        .accounts
        .get_profile(conn, site, account)
        .await?
        .values
        .into_vec())
}

/// The mobile number of an account with this profile, or empty.
pub(crate) fn mobile_of(inner: &Inner, site: &SiteId, profile: &[NamedValue]) -> String {
    let plugin = inner.accounts_plugin(site);
    let policy = plugin
        .as_ref()
        .and_then(|plugin| plugin.definition.account_policy.as_ref());
    policy
        .and_then(|policy| {
            profile
                .iter()
                .find(|entry| entry.name == policy.mobile_field)
        })
        .map(|entry| entry.value.clone())
        .unwrap_or_default()
}

pub(crate) fn unsigned(at: Millis) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

/// The fields of the site's profile form, as far as a plugin may write them.
pub(crate) fn profile_fields(inner: &Inner, site: &SiteId) -> Vec<ProfileField> {
    let Some((policy, _, profile)) = inner.account_policy(site) else {
        return Vec::new();
    };
    let fields = profile.sections.iter().flat_map(|section| &section.fields);
    fields
        .map(|field| ProfileField {
            name: field.name.to_string(),
            max_length: field::limit(field),
            clerk_only: Accounts::rememberable(&policy, &profile, &field.name).is_none(),
        })
        .collect()
}

/// What a certificate is worth now; none while it is only reserved.
pub(crate) fn standing_of(certificate: &Certificate, now: Millis) -> Option<CertificateStanding> {
    match certificate.state {
        CertificateState::Reserved => None,
        CertificateState::Held => Some(CertificateStanding::Held),
        CertificateState::Revoked => Some(CertificateStanding::Revoked),
        CertificateState::Valid if certificate.not_after < now => {
            Some(CertificateStanding::Expired)
        }
        CertificateState::Valid => Some(CertificateStanding::Valid),
    }
}

fn certificate(certificate: &Certificate, now: Millis) -> Option<CertificateView> {
    Some(CertificateView {
        serial: certificate.serial.clone(),
        subject: certificate.subject.clone(),
        not_before: unsigned(certificate.not_before),
        not_after: unsigned(certificate.not_after),
        standing: standing_of(certificate, now)?,
    })
}
