//! A case with all that belongs to it, as pages show it and rules are given it: asked in one trip where the database can.

use crate::accounts::{self, SealedProfile};
use crate::cases::{self, Case, Step};
use crate::certificates::origins::{self, Origin};
use crate::certificates::{self, Certificate};
use crate::files::{self, File};
use crate::identity_checks::{self, IdentityCheck};
use crate::materials::{self, Item, Placed};
use crate::orders::{self, Order};
use crate::papers::{self, IssuedPaper};
use crate::together::Together;
use crate::{Connection, StoreError, seal::Sealer};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::LazyLock;
use yinxin_core::ids::{CaseId, SiteId};

/// A case and what belongs to it.
#[derive(Clone)]
pub struct Dossier {
    pub case: Case,
    pub steps: Vec<Step>,
    /// By material and position.
    pub placed: Vec<Placed>,
    /// Of the places.
    pub files: Vec<File>,
    pub items: Vec<Item>,
    /// The newest of each document that is not void.
    pub papers: Vec<IssuedPaper>,
    /// Those that count, one of a name at most.
    pub checks: Vec<IdentityCheck>,
    /// The one that the case was put into last.
    pub order: Option<Order>,
    /// Newest first, without reservations.
    pub certificates: Vec<Certificate>,
    /// The certificate that the case began from.
    pub origin: Option<Origin>,
    pub has_request: bool,
    /// Of the case's account.
    pub profile: Option<SealedProfile>,
    /// Of the case when all else had been read: another one than the case's own means that they do not belong together.
    pub version: i64,
}

static STATEMENTS: LazyLock<Together<13>> = LazyLock::new(|| {
    Together::new([
        cases::text_of_one(),
        cases::STEPS.to_owned(),
        materials::OF_CASE.to_owned(),
        files::text_placed(),
        materials::ITEMS.to_owned(),
        papers::text_of_case(),
        identity_checks::text_of_case(),
        orders::text_of_case(),
        certificates::text_of_case(),
        origins::OF_CASE.to_owned(),
        "SELECT id FROM certificate_requests WHERE site = $1 AND case_id = $2 LIMIT 1".to_owned(),
        "SELECT data, version FROM profiles WHERE site = $1 AND account_id =
             (SELECT account_id FROM cases WHERE site = $1 AND id = $2)"
            .to_owned(),
        cases::VERSION.to_owned(),
    ])
});

/// The case of this id, deleted ones too; [`StoreError::NotFound`] when this site has none.
pub async fn get(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &CaseId,
) -> Result<Dossier, StoreError> {
    let [
        case,
        steps,
        placed,
        files,
        items,
        papers,
        checks,
        order,
        certificates,
        origin,
        request,
        profile,
        version,
    ] = STATEMENTS.rows(conn, &[site.as_str(), id.as_str()]).await?;
    Ok(Dossier {
        case: cases::case(only(&case)?, sealer, site)?,
        steps: steps.iter().map(cases::step).collect::<Result<_, _>>()?,
        placed: placed
            .iter()
            .map(materials::placed)
            .collect::<Result<_, _>>()?,
        files: files
            .iter()
            .map(|row| files::file(row, sealer, site))
            .collect::<Result<_, _>>()?,
        items: items
            .iter()
            .map(materials::item)
            .collect::<Result<_, _>>()?,
        papers: papers.iter().map(papers::paper).collect::<Result<_, _>>()?,
        checks: checks
            .iter()
            .map(|row| identity_checks::check(row, sealer, site))
            .collect::<Result<_, _>>()?,
        order: order.first().map(orders::order).transpose()?,
        certificates: certificates
            .iter()
            .map(certificates::certificate)
            .collect::<Result<_, _>>()?,
        origin: origin.first().map(origins::origin).transpose()?,
        has_request: !request.is_empty(),
        profile: profile.first().map(accounts::sealed_profile).transpose()?,
        version: only(&version)?.try_get("version")?,
    })
}

fn only(rows: &[AnyRow]) -> Result<&AnyRow, StoreError> {
    rows.first().ok_or(StoreError::NotFound)
}

#[cfg(test)]
mod tests;
