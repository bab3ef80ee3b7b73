//! Freezing, restoring and revoking certificates, and the list that tells everyone (RFC 5280, 5).

use super::{CertificateError, Certificates, ListEntry, ListToSign};
use yinxin_core::ids::SiteId;
use yinxin_store::certificates::{self as rows, CertificateState};
use yinxin_store::issuers::{self, RevocationList};
use yinxin_store::{Connection, StoreError};

/// A list is replaced every day, and at once when a standing changed.
const LIST_AGE_SECONDS: i64 = 24 * 3600;
/// It stays acceptable for a week, so that a verifier survives our long week-end.
const LIST_VALIDITY_SECONDS: i64 = 7 * 24 * 3600;
/// What expired stays on the list for so long after its end, or after it was revoked behind its end, so that each verifier
/// sees it there: it must be on one list at least beyond the certificate's end (RFC 5280, 3.3).
const LIST_KEEPS_SECONDS: i64 = 30 * 24 * 3600;
/// Rows read at once while a list is gathered.
const LIST_PAGE: i64 = 1000;

/// A change of a certificate's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// For good.
    Revoke,
    /// Freezes: certificateHold on the next list.
    Hold,
    /// Restores a frozen one: it is off the next list.
    Release,
}

impl Turn {
    /// From where it is possible, and where it leads.
    fn way(self) -> (&'static [CertificateState], CertificateState) {
        use CertificateState::{Held, Revoked, Valid};
        match self {
            Self::Revoke => (&[Valid, Held], Revoked),
            Self::Hold => (&[Valid], Held),
            Self::Release => (&[Held], Valid),
        }
    }

    /// True when a certificate that stands so can be turned.
    pub fn is_possible(self, from: CertificateState) -> bool {
        self.way().0.contains(&from)
    }
}

impl Certificates {
    /// Revokes for good.
    pub async fn revoke(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        serial: &str,
        reason: &str,
    ) -> Result<(), CertificateError> {
        self.turn(conn, site, serial, Turn::Revoke, reason).await
    }

    /// Freezes: certificateHold on the next list.
    pub async fn hold(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        serial: &str,
    ) -> Result<(), CertificateError> {
        self.turn(conn, site, serial, Turn::Hold, "").await
    }

    /// Restores a frozen certificate: it is off the next list.
    pub async fn release(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        serial: &str,
    ) -> Result<(), CertificateError> {
        self.turn(conn, site, serial, Turn::Release, "").await
    }

    /// Changes the standing. The reason is in words, or a name of RFC 5280's CRLReason, which the list then carries.
    pub async fn turn(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        serial: &str,
        turn: Turn,
        reason: &str,
    ) -> Result<(), CertificateError> {
        let (from, to) = turn.way();
        let turned =
            rows::change_state(conn, site, serial, from, to, reason, self.clock.now()).await?;
        if turned {
            Ok(())
        } else {
            Err(CertificateError::NotPossible)
        }
    }

    /// The certificate revocation list (RFC 5280, 5) as DER.
    pub async fn crl(&self, site: &SiteId) -> Result<Vec<u8>, CertificateError> {
        let now = self.clock.now();
        let mut conn = self.store.read().await?;
        let stored = issuers::revocation_list(&mut conn, site).await?;
        let (number, counted) = stored
            .as_ref()
            .map_or((0, 0), |list| (list.number, list.changes));
        let made = |list: &RevocationList| list.next_update.plus(-LIST_VALIDITY_SECONDS);
        if let Some(list) = stored
            && list.changes == 0
            && now < made(&list).plus(LIST_AGE_SECONDS)
        {
            return Ok(list.list);
        }
        let mut entries: Vec<ListEntry> = Vec::new();
        loop {
            let after = entries.last().map(|entry| entry.serial.clone());
            let since = now.plus(-LIST_KEEPS_SECONDS);
            let page = rows::unusable(&mut conn, site, since, after.as_deref(), LIST_PAGE).await?;
            if page.is_empty() {
                break;
            }
            entries.extend(page.into_iter().map(|row| ListEntry {
                held: row.state == CertificateState::Held,
                serial: row.serial,
                at: row.changed_at,
                reason: row.reason,
            }));
        }
        drop(conn);
        let next_update = now.plus(LIST_VALIDITY_SECONDS);
        let wish = ListToSign {
            number: number + 1,
            this_update: now,
            next_update,
            entries,
        };
        let list = self.issuer.sign_list(site, &wish).await?;
        let new = RevocationList {
            number: wish.number,
            list: list.clone(),
            next_update,
            changes: 0,
        };
        let mut tx = self.store.begin().await?;
        match issuers::replace_revocation_list(&mut tx, site, &new, counted).await {
            Ok(()) => tx.commit().await.map_err(StoreError::from)?,
            // Another process signed one at the same time, which holds the same.
            Err(StoreError::Conflict) => {
                let stored = issuers::revocation_list(&mut tx, site).await?;
                return Ok(stored.map_or(list, |stored| stored.list));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(list)
    }
}
