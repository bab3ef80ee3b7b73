//! SMS by the simulated providers.

use super::*;
use yinxin_core::definition::SmsText;
use yinxin_simulators::misbehave::{Mode, Orders};
use yinxin_simulators::secrets::{ALIYUN_KEY_ID, Secrets, TENCENT_KEY_ID};
use yinxin_simulators::sms::{self, Provider, Template};
use yinxin_store::testing::stores;

struct Providers {
    sms: Arc<sms::Sms>,
    endpoint: url::Url,
    secrets: Secrets,
    _state: tempfile::TempDir,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Providers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn providers() -> Providers {
    let state = tempfile::tempdir().unwrap();
    let secrets = Secrets::load_or_create(state.path()).unwrap();
    let sms = Arc::new(sms::Sms::new(secrets.clone()));
    sms.register(Template {
        provider: Provider::Aliyun,
        code: "SMS_1001".into(),
        text: "您的申请${number}未通过：${reason}。".into(),
    });
    sms.register(Template {
        provider: Provider::Tencent,
        code: "2002".into(),
        text: "您的申请{1}未通过：{2}。".into(),
    });
    let loopback = "127.0.0.1:0".parse().unwrap();
    let (address, task) = yinxin_simulators::serve(loopback, sms::routes(sms.clone()))
        .await
        .unwrap();
    let endpoint = format!("http://{address}/").parse().unwrap();
    Providers {
        sms,
        endpoint,
        secrets,
        _state: state,
        task,
    }
}

impl Providers {
    fn aliyun(&self, secret: &str) -> Channels {
        let account = AliyunAccount {
            endpoint: self.endpoint.clone(),
            key_id: ALIYUN_KEY_ID.into(),
            key_secret: secret.into(),
            sign_name: "江西CA".into(),
        };
        Channels {
            sms: Some(Arc::new(Aliyun::new(account).unwrap())),
            mail: None,
        }
    }

    fn tencent(&self, secret: &str) -> Channels {
        let account = TencentAccount {
            endpoint: self.endpoint.clone(),
            region: "ap-guangzhou".into(),
            secret_id: TENCENT_KEY_ID.into(),
            secret_key: secret.into(),
            app_id: "1400006666".into(),
            sign_name: "江西CA".into(),
        };
        Channels {
            sms: Some(Arc::new(Tencent::new(account).unwrap())),
            mail: None,
        }
    }

    /// Both, each with the code that it knows the text by.
    fn both(&self) -> [(Channels, &'static str); 2] {
        [
            (self.aliyun(&self.secrets.aliyun), "SMS_1001"),
            (self.tencent(&self.secrets.tencent), "2002"),
        ]
    }
}

fn refusal(key: &str, code: &str) -> NewMessage {
    NewMessage {
        key: key.into(),
        case_id: Some(CaseId::from_stored("case-1")),
        recipient: "138 0000 1234".into(),
        template: "refused".into(),
        content: MessageContent::Sms(SmsText {
            template_code: code.into(),
            text: "您的申请{number}未通过：{reason}。".into(),
            parameters: vec!["number".into(), "reason".into()],
        }),
        parameters: vec![
            named("reason", "执照 & 印章+不清晰~*'"),
            named("number", "JX2026112000001"),
        ],
        attachments: Vec::new(),
        expires_at: None,
    }
}

const TEXT: &str = "【江西CA】您的申请JX2026112000001未通过：执照 & 印章+不清晰~*'。";

#[tokio::test]
async fn an_sms_is_queued_once_and_arrives_by_either_provider() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, code)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let key = format!("refused/{round}");
            let id = office.queue(refusal(&key, code)).await;
            assert_eq!(
                office.queue(refusal(&key, code)).await,
                id,
                "the same message"
            );
            assert_eq!(office.work().await, [JobEnd::Done]);
            let texts = providers.sms.texts();
            assert_eq!(texts.len(), round + 1);
            let text = texts.last().unwrap();
            assert_eq!(
                (text.text.as_str(), text.mobile.as_str()),
                (TEXT, "13800001234")
            );
            assert_eq!(text.reference, id.as_str());
            let message = office.message(&id).await;
            assert_eq!(message.state, State::Sent);
            assert_eq!(message.provider_no, text.number);
            assert_eq!(message.recipient_masked, "138****1234");
            let of_case = office
                .messaging
                .of_case(&site(), &CaseId::from_stored("case-1"), None, 10)
                .await
                .unwrap();
            assert_eq!(of_case.len(), round + 1);
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_when_the_transaction_is_rolled_back() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.aliyun(&providers.secrets.aliyun));
        let mut tx = store.begin().await.unwrap();
        office
            .messaging
            .queue(&mut tx, &site(), refusal("a", "SMS_1001"))
            .await
            .unwrap();
        drop(tx);
        assert!(office.work().await.is_empty());
        assert!(providers.sms.texts().is_empty());
    }
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_later() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, code)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let id = office.queue(refusal(&format!("busy/{round}"), code)).await;
            providers.sms.misbehaviour.next(Mode::Error, 1);
            let ends = office.work().await;
            let [JobEnd::Again { at, why }] = ends.as_slice() else {
                panic!("{ends:?}")
            };
            assert!(why.starts_with("短信服务商暂时不能发送"), "{why}");
            let wait = at.0 - office.clock.now().0;
            assert!((12_000..=18_000).contains(&wait), "{wait}");
            assert!(office.work().await.is_empty(), "not due yet");
            office.pass(20);
            assert_eq!(office.work().await, [JobEnd::Done]);
            let message = office.message(&id).await;
            assert_eq!((message.state, message.attempts), (State::Sent, 2));
            assert_eq!(providers.sms.texts().len(), round + 1);
        }
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_send_a_second_text() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, code)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let id = office.queue(refusal(&format!("lost/{round}"), code)).await;
            for mode in [Mode::Drop, Mode::Forge] {
                providers.sms.misbehaviour.next(mode, 1);
                assert!(matches!(
                    office.work().await.as_slice(),
                    [JobEnd::Again { .. }]
                ));
                assert_eq!(
                    providers.sms.texts().len(),
                    round + 1,
                    "taken, but the answer is lost"
                );
                office.pass(60);
            }
            assert_eq!(office.work().await, [JobEnd::Done]);
            assert_eq!(providers.sms.texts().len(), round + 1, "{}", store.name);
            let message = office.message(&id).await;
            assert_eq!(message.state, State::Sent);
            assert!(!message.provider_no.is_empty());
        }
    }
}

#[tokio::test]
async fn a_sender_that_died_in_the_middle_is_followed_by_one_that_asks_first() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.tencent(&providers.secrets.tencent));
        let id = office.queue(refusal("died", "2002")).await;
        let mut tx = store.begin().await.unwrap();
        messages::begin_try(&mut tx, &site(), &id, 0).await.unwrap();
        tx.commit().await.unwrap();
        let message = office.message(&id).await;
        office.messaging.send(&site(), &message).await.unwrap();
        // Here the process ends: sent, but not written down.
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(providers.sms.texts().len(), 1);
        assert_eq!(office.message(&id).await.state, State::Sent);
    }
}

#[tokio::test]
async fn a_refused_message_is_a_dead_letter_that_a_clerk_sends_again() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.aliyun(&providers.secrets.aliyun));
        let id = office.queue(refusal("refused", "SMS_1001")).await;
        let orders = Orders {
            mode: Mode::Error,
            count: 1,
            delay_ms: 0,
            code: "isv.MOBILE_NUMBER_ILLEGAL".into(),
        };
        providers.sms.misbehaviour.order(orders);
        assert_eq!(office.work().await, [JobEnd::Done]);
        let letters = office
            .messaging
            .dead_letters(&site(), None, 10)
            .await
            .unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!((&letters[0].id, letters[0].state), (&id, State::Dead));
        assert_eq!(letters[0].last_error, "手机号码有误，服务商拒绝发送");

        let other = SiteId::parse("hunan").unwrap();
        assert!(!office.messaging.resend(&other, &id).await.unwrap());
        assert!(office.messaging.resend(&site(), &id).await.unwrap());
        assert!(
            !office.messaging.resend(&site(), &id).await.unwrap(),
            "it is under way"
        );
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(office.message(&id).await.state, State::Sent);
        assert_eq!(providers.sms.texts().len(), 1);
        assert!(
            office
                .messaging
                .dead_letters(&site(), None, 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_wrong_template_is_final_and_a_wrong_secret_is_not() {
    for store in stores().await {
        let providers = providers().await;
        for (round, (channels, _)) in providers.both().into_iter().enumerate() {
            let office = Office::new(&store, channels);
            let code = if round == 0 { "SMS_9" } else { "9" };
            let id = office
                .queue(refusal(&format!("template/{round}"), code))
                .await;
            assert_eq!(office.work().await, [JobEnd::Done]);
            assert_eq!(office.message(&id).await.state, State::Dead);
        }
        for (round, channels) in [providers.aliyun("wrong"), providers.tencent("wrong")]
            .into_iter()
            .enumerate()
        {
            let office = Office::new(&store, channels);
            let code = if round == 0 { "SMS_1001" } else { "2002" };
            office
                .queue(refusal(&format!("secret/{round}"), code))
                .await;
            let ends = office.work().await;
            let [JobEnd::Again { why, .. }] = ends.as_slice() else {
                panic!("{ends:?}")
            };
            assert!(why.contains("密钥或权限不对"), "{why}");
            office.pass(1_000_000);
            let mut tx = store.begin().await.unwrap();
            let job = jobs::lease(&mut tx, office.clock.now(), Millis(i64::MAX))
                .await
                .unwrap();
            jobs::bury(&mut tx, &site(), &job.unwrap().id, "")
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        assert!(providers.sms.texts().is_empty());
    }
}

#[tokio::test]
async fn tries_end_and_the_message_waits_for_a_clerk() {
    for store in stores().await {
        // Nobody listens there.
        let account = AliyunAccount {
            endpoint: "http://127.0.0.1:9/".parse().unwrap(),
            key_id: String::new(),
            key_secret: String::new(),
            sign_name: String::new(),
        };
        let channels = Channels {
            sms: Some(Arc::new(Aliyun::new(account).unwrap())),
            mail: None,
        };
        let office = Office::new(&store, channels);
        let id = office.queue(refusal("nobody", "SMS_1001")).await;
        let mut tries = 0;
        loop {
            let ends = office.work().await;
            tries += ends.len();
            if ends == [JobEnd::Done] {
                break;
            }
            office.pass(3600 * 2);
        }
        assert_eq!(tries, 10);
        let message = office.message(&id).await;
        assert_eq!(
            (message.state, message.last_error.as_str()),
            (State::Failed, "连不上短信服务商")
        );
    }
}

#[tokio::test]
async fn an_outdated_code_is_not_sent() {
    for store in stores().await {
        let providers = providers().await;
        let office = Office::new(&store, providers.aliyun(&providers.secrets.aliyun));
        let mut new = refusal("code", "SMS_1001");
        new.expires_at = Some(office.clock.now().plus(300));
        let id = office.queue(new).await;
        office.pass(301);
        assert_eq!(office.work().await, [JobEnd::Done]);
        assert_eq!(office.message(&id).await.state, State::Dead);
        assert!(providers.sms.texts().is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_filled_or_reached_is_not_queued() {
    let store = yinxin_store::testing::sqlite().await;
    let office = Office::new(&store, Channels::default());
    let mut tx = store.begin().await.unwrap();
    let mut missing = refusal("a", "SMS_1001");
    missing.parameters.pop();
    let error = office
        .messaging
        .queue(&mut tx, &site(), missing)
        .await
        .unwrap_err();
    assert!(matches!(error, MessagingError::MissingParameter(name) if name == "number"));
    let mut nobody = refusal("b", "SMS_1001");
    nobody.recipient = "12345".into();
    let error = office
        .messaging
        .queue(&mut tx, &site(), nobody)
        .await
        .unwrap_err();
    assert!(matches!(error, MessagingError::NoRecipient));
}
