use yinxin_core::ids::{CaseId, MessageId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::messages::{Channel, Message, State, insert};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    case: CaseId,
    queued: Message,
    sending: Message,
    failed: Message,
}

pub fn keys() -> Keys {
    let case = CaseId::generate();
    let message = |idem: &str, state: State| Message {
        id: MessageId::generate(),
        idem: idem.into(),
        case: Some(case.clone()),
        channel: Channel::Sms,
        template: "passed".into(),
        template_code: "SMS_1".into(),
        recipient: "13800005678".into(),
        recipient_masked: "138****5678".into(),
        subject: String::new(),
        body: "审核通过。".into(),
        parameters: Vec::new(),
        attachments: Vec::new(),
        state,
        round: 0,
        attempts: 0,
        next_at: Millis(1),
        expires_at: None,
        provider: String::new(),
        provider_no: String::new(),
        last_error: String::new(),
        created_at: Millis(1),
        sent_at: None,
    };
    Keys {
        queued: message("a", State::Queued),
        sending: message("b", State::Sending),
        failed: message("c", State::Failed),
        case,
    }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    for message in [&keys.queued, &keys.sending, &keys.failed] {
        assert!(insert(conn, sealer, site, message).await.unwrap());
    }
}

attempts!(messages, keys: Keys => {
    creates insert with sealer (&keys.queued);
    creates insert with sealer (&Message { id: MessageId::generate(), ..keys.queued.clone() });
    reads find with sealer (&keys.queued.id);
    reads id_by_key("a");
    reads by_state with sealer (State::Queued, None, 9);
    reads unsent with sealer (None, 9);
    reads unsent_count();
    reads of_case with sealer (&keys.case, None, 9);
    changes begin_try(&keys.queued.id, 0);
    changes mark_sent(&keys.sending.id, ("aliyun", "1"), Millis(2));
    changes mark_unsent(&keys.sending.id, State::Failed, Millis(2), "busy");
    changes requeue(&keys.failed.id, Millis(2));
});
