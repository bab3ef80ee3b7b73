//! Timers of a lifecycle: jobs that bring an event when a case has stood in a state for long enough, or so many days before
//! or after the end of its certificate.
//!
//! What comes before an end warns of it, and is for who can still do something about it. A warning whose moment has passed
//! when it would be set (a certificate for a month has no sixty days) is not set; one that comes late, behind the end, or
//! for a certificate that was revoked or that another one has taken the place of, is not brought. What comes at the end or
//! after it is brought in any case: the rules know best what becomes of the application then.

use crate::actor::Actor;
use crate::error::EngineError;
use crate::inner::{Inner, Site};
use crate::situation::Situation;
use crate::transition::{self, Request, Submission};
use serde::{Deserialize, Serialize};
use yinxin_core::definition::{self, TimerBase, Transition};
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::Fact;
use yinxin_core::time::Millis;
use yinxin_store::cases::Case;
use yinxin_store::certificates::CertificateState;
use yinxin_store::jobs::{self, Job, NewJob};
use yinxin_store::{Connection, StoreError};

/// Kind of these jobs.
pub(crate) const KIND: &str = "timer";

#[derive(Serialize, Deserialize)]
struct Payload {
    transition: String,
    /// The stay in the state that it was set for; a later stay has timers of its own.
    entered_at: Millis,
}

/// Sets the timers of the state that the case has just come into.
pub(crate) async fn set(
    conn: &mut Connection,
    site: &SiteId,
    setup: &Site,
    situation: &Situation,
    case: &Case,
) -> Result<(), EngineError> {
    for transition in &situation.lifecycle()?.transitions {
        let definition::Actor::Timer(timer) = &transition.actor else {
            continue;
        };
        if !transition.from.contains(&case.state) {
            continue;
        }
        let base = match timer.base {
            TimerBase::Entered => case.entered_at,
            TimerBase::CertificateExpiry => match situation.certificates.first() {
                Some(certificate) => certificate.not_after,
                None => continue,
            },
        };
        let fires = setup.calendar.fires(base, timer);
        if timer.days < 0 && fires < case.updated_at {
            continue;
        }
        let payload = Payload {
            transition: transition.id.clone(),
            entered_at: case.entered_at,
        };
        let job = NewJob {
            kind: KIND,
            key: format!("{}:{}:{}", case.id, transition.id, case.entered_at.0),
            case_id: case.id.to_string(),
            payload: serde_json::to_string(&payload).map_err(|_| StoreError::Damaged("a timer"))?,
            run_at: fires,
        };
        jobs::enqueue(conn, site, job).await?;
    }
    Ok(())
}

/// A warning of the certificate's end that nobody needs any more.
fn is_moot(situation: &Situation, transition: &Transition, now: Millis) -> bool {
    let definition::Actor::Timer(timer) = &transition.actor else {
        return false;
    };
    let warns = timer.base == TimerBase::CertificateExpiry && timer.days < 0;
    warns
        && situation.certificates.first().is_none_or(|certificate| {
            certificate.state == CertificateState::Revoked
                || !certificate.successor.is_empty()
                || certificate.not_after < now
        })
}

/// The time has come. A timer of a stay that is over does nothing.
pub(crate) async fn run(inner: &Inner, job: &Job) -> Result<(), EngineError> {
    let payload: Payload =
        serde_json::from_str(&job.payload).map_err(|_| StoreError::Damaged("a timer"))?;
    let case_id = CaseId::from_stored(job.case_id.clone());
    let case = {
        let mut conn = inner.store.read().await?;
        Situation::read(inner, &mut conn, &job.site, &case_id).await?
    };
    let over = case.case.entered_at != payload.entered_at || case.case.standing.deleted;
    let idle = case
        .transition(&payload.transition)
        .is_ok_and(|transition| {
            !transition.from.contains(&case.case.state) || is_moot(&case, transition, inner.now())
        });
    if over || idle {
        let mut tx = inner.store.begin().await?;
        jobs::finish(&mut tx, &job.site, &job.id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        return Ok(());
    }
    let submission = Submission::default();
    let request = Request {
        actor: &Actor::Timer,
        transition: &payload.transition,
        submission: &submission,
        fact: Fact::None,
        job: Some(&job.id),
        deletes: false,
    };
    transition::fire(inner, &job.site, &case_id, request).await
}
