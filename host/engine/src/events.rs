//! Events that services bring: paid, identity passed, issued. Each is a job written in the transaction of what happened,
//! and finished in the transaction of what the rule decided.

use crate::actor::Actor;
use crate::error::EngineError;
use crate::inner::Inner;
use crate::situation::Situation;
use crate::transition::{self, Request, Submission};
use yinxin_core::definition::{self, HostEvent};
use yinxin_services::case_event::CaseEvent;
use yinxin_store::StoreError;
use yinxin_store::jobs::{self, Job};
use yinxin_store::ledger::{self, Entry};

fn host_event(name: &str) -> Option<(HostEvent, &'static str)> {
    Some(match name {
        "identity-passed" => (HostEvent::IdentityPassed, "身份核验通过"),
        "identity-failed" => (HostEvent::IdentityFailed, "身份核验未通过"),
        "paid" => (HostEvent::Paid, "已收到付款"),
        "refunded" => (HostEvent::Refunded, "已退款"),
        "slip-verified" => (HostEvent::SlipVerified, "汇款已核实"),
        "token-done" => (HostEvent::TokenDone, "密钥操作完成"),
        "token-failed" => (HostEvent::TokenFailed, "密钥操作失败"),
        "issued" => (HostEvent::Issued, "证书已签发"),
        "issue-failed" => (HostEvent::IssueFailed, "证书签发失败"),
        "delivered" => (HostEvent::Delivered, "快递已签收"),
        "invoiced" => (HostEvent::Invoiced, "发票已开具"),
        _ => return None,
    })
}

/// Brings the event to its case. Where the lifecycle has no place for it in the present state, it is noted in the
/// history and nothing moves.
pub(crate) async fn run(inner: &Inner, job: &Job) -> Result<(), EngineError> {
    let event: CaseEvent =
        serde_json::from_str(&job.payload).map_err(|_| StoreError::Damaged("an event"))?;
    let (host, label) = host_event(&event.event).ok_or(StoreError::Damaged("an event"))?;
    let situation = {
        let mut conn = inner.store.read().await?;
        Situation::read(inner, &mut conn, &job.site, &event.case_id).await?
    };
    let transition = situation
        .lifecycle()?
        .transitions
        .iter()
        .find(|transition| {
            transition.actor == definition::Actor::Host(host)
                && transition.from.contains(&situation.case.state)
        });
    let Some(transition) = transition.filter(|_| !situation.case.standing.deleted) else {
        return note(inner, job, &situation, &event.event, label).await;
    };
    let request = Request {
        actor: &Actor::Host(host),
        transition: &transition.id,
        submission: &Submission::default(),
        fact: event.fact,
        job: Some(&job.id),
        deletes: false,
    };
    transition::fire(inner, &job.site, &event.case_id, request).await
}

async fn note(
    inner: &Inner,
    job: &Job,
    situation: &Situation,
    event: &str,
    label: &str,
) -> Result<(), EngineError> {
    let case = &situation.case;
    let context = format!("{}/ledger/{}", job.site, case.id);
    let entry = Entry {
        at: inner.now(),
        case_id: case.id.clone(),
        transition: event.to_owned(),
        label: label.to_owned(),
        actor_kind: "host".to_owned(),
        actor: String::new(),
        actor_name: String::new(),
        plugin: case.plugin.clone(),
        plugin_digest: case.plugin_digest.clone(),
        from_state: case.state.clone(),
        to_state: case.state.clone(),
        note: String::new(),
        input: inner.sealer.seal(&context, job.payload.as_bytes())?,
        reads: "[]".to_owned(),
        effects: inner.sealer.seal(&context, b"[]")?,
    };
    let mut tx = inner.store.begin().await?;
    ledger::append(&mut tx, &job.site, &entry).await?;
    jobs::finish(&mut tx, &job.site, &job.id).await?;
    tx.commit().await.map_err(StoreError::from)?;
    inner.changed(&job.site, &case.id);
    Ok(())
}
