//! Identity checks against the simulated provider, on both databases. Notifications come to a host's route as small as
//! one can be: a socket that hands the request to the service.

use super::*;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use yinxin_simulators::face::{Face, Outcome, routes};
use yinxin_simulators::misbehave::Mode;
use yinxin_simulators::secrets::{FACE_KEY_ID, Secrets};
use yinxin_store::testing::{TestStore, stores};

const NAME: &str = "张三";
const NUMBER: &str = "11010519491231002X";
const CHECK: &str = "legal-representative";

/// A clock that a test moves.
struct Clockwork(AtomicI64);

impl Clock for Clockwork {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

struct Hall {
    store: Store,
    clock: Arc<Clockwork>,
    identity: Arc<Identity>,
    face: Arc<Face>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    _state: tempfile::TempDir,
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

fn case() -> CaseId {
    CaseId::from_stored("case-1")
}

async fn hall(store: &TestStore) -> Hall {
    hall_with(store, None).await
}

/// With another secret than the provider's, where one is given.
async fn hall_with(store: &TestStore, secret: Option<&str>) -> Hall {
    let state = tempfile::tempdir().unwrap();
    let secrets = Secrets::load_or_create(state.path()).unwrap();
    let face = Arc::new(Face::new(secrets.clone()).unwrap());
    let loopback = "127.0.0.1:0".parse().unwrap();
    let (address, provider) = yinxin_simulators::serve(loopback, routes(face.clone()))
        .await
        .unwrap();
    let account = FaceAccount {
        endpoint: format!("http://{address}/").parse().unwrap(),
        key_id: FACE_KEY_ID.into(),
        secret: secret.map_or(secrets.face.clone(), str::to_owned),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let configured = IdentitySite {
        provider: Arc::new(HttpFaceCheck::new(account).unwrap()),
        address: "https://jiangxi.example.cn".into(),
        notify_url: format!("http://{}/notify/face", listener.local_addr().unwrap()),
    };
    let clock = Arc::new(Clockwork(AtomicI64::new(Millis::now().0)));
    let identity = Arc::new(Identity::new(
        store.store.clone(),
        store.sealer.clone(),
        clock.clone(),
        HashMap::from([(site(), configured)]),
    ));
    let tasks = vec![
        tokio::spawn(async move {
            let _ = provider.await;
        }),
        tokio::spawn(listen(listener, identity.clone())),
    ];
    Hall {
        store: store.store.clone(),
        clock,
        identity,
        face,
        tasks,
        _state: state,
    }
}

/// Takes one request a connection; the answer is `success` where the service took the notification.
async fn listen(listener: TcpListener, identity: Arc<Identity>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let (head, length) = loop {
            let mut part = [0; 4096];
            let read = stream.read(&mut part).await.unwrap();
            request.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .filter_map(|line| line.split_once(": "))
                    .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                    .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
                if body.len() >= length {
                    break (head.to_owned(), length);
                }
            }
            assert!(read > 0, "the provider went away");
        };
        let mut headers = reqwest::header::HeaderMap::new();
        for (name, value) in head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
        {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let body = &request[request.len() - length..];
        let notification = Notification {
            path: "/notify/face",
            headers: &headers,
            body,
        };
        let (status, text) = match identity.notified(&site(), &notification).await {
            Ok(_) => ("200 OK", "success"),
            Err(_) => ("400 Bad Request", "no"),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

impl Hall {
    async fn ensure(&self, name: &str) -> IdentityCheck {
        let mut tx = self.store.begin().await.unwrap();
        let check = self
            .identity
            .ensure(&mut tx, &site(), &case(), CHECK, name, NUMBER)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        check
    }

    /// Presses "start" on the phone; gives the provider's number of the visit.
    async fn start(&self, check: &IdentityCheck) -> String {
        let page = self.identity.start(&site(), &check.token).await.unwrap();
        page.rsplit('/').next().unwrap().to_owned()
    }

    async fn state(&self, check: &IdentityCheck) -> State {
        self.identity
            .by_token(&site(), &check.token)
            .await
            .unwrap()
            .state
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Leases all jobs that are due and gives those of a kind.
    async fn jobs(&self, kind: &str) -> Vec<jobs::Job> {
        let mut found = Vec::new();
        loop {
            let mut tx = self.store.begin().await.unwrap();
            let now = self.clock.now();
            let job = jobs::lease(&mut tx, now, Millis(i64::MAX)).await.unwrap();
            let Some(job) = job else { return found };
            jobs::finish(&mut tx, &site(), &job.id).await.unwrap();
            tx.commit().await.unwrap();
            if job.kind == kind {
                found.push(job);
            }
        }
    }

    async fn events(&self) -> Vec<String> {
        let event = |job: jobs::Job| {
            let told: CaseEvent = serde_json::from_str(&job.payload).unwrap();
            assert_eq!((told.case_id, told.fact), (case(), Fact::None));
            told.event
        };
        self.jobs(crate::case_event::CASE_EVENT_JOB)
            .await
            .into_iter()
            .map(event)
            .collect()
    }
}

#[tokio::test]
async fn a_passed_check_is_one_event_of_the_case() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        assert_eq!(
            hall.ensure(NAME).await.token,
            check.token,
            "the printed letter stays good"
        );
        assert_eq!(check.token.len(), 32);
        assert_eq!(phone_path(&check), format!("/p/{}", check.token));
        let visit = hall.start(&check).await;
        hall.face.misbehaviour.next(Mode::Repeat, 1);
        assert!(hall.face.press(&visit, Outcome::Passed).await);
        assert_eq!(hall.state(&check).await, State::Passed);
        assert_eq!(hall.events().await, ["identity-passed"], "{}", store.name);
        assert!(
            hall.face
                .sessions()
                .iter()
                .all(|session| session.acknowledged)
        );
        let again = hall
            .identity
            .start(&site(), &check.token)
            .await
            .unwrap_err();
        assert!(matches!(again, IdentityError::Passed));
        assert_eq!(hall.ensure(NAME).await.state, State::Passed);
    }
}

#[tokio::test]
async fn a_failed_check_may_be_tried_again_until_the_attempts_are_used_up() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        for _ in 0..ATTEMPTS {
            let visit = hall.start(&check).await;
            assert_eq!(hall.state(&check).await, State::Waiting);
            hall.face.press(&visit, Outcome::Failed).await;
            assert_eq!(hall.state(&check).await, State::Failed);
        }
        assert_eq!(
            hall.events().await.len(),
            usize::try_from(ATTEMPTS).unwrap()
        );
        let error = hall
            .identity
            .start(&site(), &check.token)
            .await
            .unwrap_err();
        assert!(matches!(error, IdentityError::UsedUp));
        hall.pass(LIFETIME);
        let error = hall
            .identity
            .start(&site(), &check.token)
            .await
            .unwrap_err();
        assert!(matches!(
            error,
            IdentityError::UsedUp | IdentityError::Expired
        ));
        let renewed = hall.ensure(NAME).await;
        assert_eq!(renewed.token, check.token);
        let visit = hall.start(&renewed).await;
        hall.face.press(&visit, Outcome::Passed).await;
        assert_eq!(hall.state(&check).await, State::Passed);
    }
}

#[tokio::test]
async fn a_forged_notification_is_refused() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        let visit = hall.start(&check).await;
        hall.face.misbehaviour.next(Mode::Forge, 1);
        hall.face.press(&visit, Outcome::Failed).await;
        assert_eq!(
            hall.state(&check).await,
            State::Waiting,
            "the forger said: passed"
        );
        assert!(hall.events().await.is_empty());
        assert!(
            hall.face
                .sessions()
                .iter()
                .all(|session| !session.acknowledged)
        );
        // The truth comes by asking.
        let changed = hall.identity.refresh(&site(), &check.id).await.unwrap();
        assert_eq!(changed, Some(case()));
        assert_eq!(hall.state(&check).await, State::Failed);
    }
}

#[tokio::test]
async fn a_signed_notification_counts_for_its_own_path_body_and_hour_only() {
    let store = yinxin_store::testing::sqlite().await;
    let hall = hall(&store).await;
    let check = hall.ensure(NAME).await;
    let visit = hall.start(&check).await;
    let sessions = hall.face.sessions();
    let reference = sessions[0].reference.clone();
    let secret = std::fs::read_to_string(hall._state.path().join("face.secret")).unwrap();
    let body = json!({ "session": visit, "reference": reference, "result": "passed" }).to_string();
    let notified = async |path: &str, body: &str, headers: &reqwest::header::HeaderMap| {
        let notification = Notification {
            path,
            headers,
            body: body.as_bytes(),
        };
        hall.identity.notified(&site(), &notification).await
    };
    let nonce = "0123456789abcdef";
    let signed = |body: &str| {
        yinxin_simulators::signed::headers(
            FACE_KEY_ID,
            secret.trim(),
            nonce,
            "POST",
            "/notify/face",
            body.as_bytes(),
        )
    };
    let headers = signed(&body);
    assert!(notified("/notify/other", &body, &headers).await.is_err());
    assert!(
        notified("/notify/face", &body.replace("passed", "failed"), &headers)
            .await
            .is_err()
    );
    let mut stale = headers.clone();
    stale.insert("x-timestamp", "1700000000".parse().unwrap());
    assert!(notified("/notify/face", &body, &stale).await.is_err());
    let stranger = body.replace(&visit, "another-visit");
    assert!(
        notified("/notify/face", &stranger, &signed(&stranger))
            .await
            .is_err(),
        "another visit's number"
    );
    let unknown = body.replace(&reference, "unknown");
    assert!(
        notified("/notify/face", &unknown, &signed(&unknown))
            .await
            .is_err()
    );
    assert_eq!(hall.state(&check).await, State::Waiting);
    assert_eq!(
        notified("/notify/face", &body, &headers).await.unwrap(),
        Some(case())
    );
    assert_eq!(
        notified("/notify/face", &body, &headers).await.unwrap(),
        None,
        "a repeat is acknowledged"
    );
    assert_eq!(hall.events().await, ["identity-passed"]);
}

#[tokio::test]
async fn a_voided_check_takes_no_one_in_and_no_result() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        let visit = hall.start(&check).await;
        let mut tx = hall.store.begin().await.unwrap();
        hall.identity
            .void(&mut tx, &site(), &case(), None)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let error = hall
            .identity
            .start(&site(), &check.token)
            .await
            .unwrap_err();
        assert!(matches!(error, IdentityError::Voided));
        hall.face.press(&visit, Outcome::Passed).await;
        assert_eq!(hall.state(&check).await, State::Voided);
        assert!(hall.events().await.is_empty());
        assert!(
            hall.face.sessions()[0].acknowledged,
            "acknowledged, so that it is not repeated"
        );
        let new = hall.ensure(NAME).await;
        assert_ne!(new.token, check.token);
        assert_ne!(new.id, check.id);
    }
}

#[tokio::test]
async fn another_name_voids_the_check_even_when_it_was_passed() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        let visit = hall.start(&check).await;
        hall.face.press(&visit, Outcome::Passed).await;
        let other = hall.ensure("李四").await;
        assert_eq!(other.state, State::Waiting);
        assert_eq!(hall.state(&check).await, State::Voided);
    }
}

#[tokio::test]
async fn a_lost_notification_is_made_up_for_by_the_job() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        let visit = hall.start(&check).await;
        hall.pass(QUESTION);
        let job = hall.jobs(RESULT_JOB).await.remove(0);
        let end = hall.identity.run(&site(), &job.payload).await.unwrap();
        assert!(
            matches!(end, JobEnd::Again { .. }),
            "the person is still at it"
        );
        hall.face.misbehaviour.next(Mode::Drop, 1);
        hall.face.press(&visit, Outcome::Passed).await;
        assert_eq!(hall.state(&check).await, State::Waiting);
        assert_eq!(
            hall.identity.run(&site(), &job.payload).await.unwrap(),
            JobEnd::Done
        );
        assert_eq!(hall.state(&check).await, State::Passed);
        assert_eq!(hall.events().await, ["identity-passed"]);
    }
}

#[tokio::test]
async fn a_visit_that_nobody_ends_is_closed() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        let closed = hall.start(&check).await;
        hall.face.press(&closed, Outcome::Closed).await;
        assert_eq!(
            hall.identity.refresh(&site(), &check.id).await.unwrap(),
            None
        );
        hall.start(&check).await;
        hall.pass(VISIT);
        for job in hall.jobs(RESULT_JOB).await {
            assert_eq!(
                hall.identity.run(&site(), &job.payload).await.unwrap(),
                JobEnd::Done
            );
        }
        let mut conn = hall.store.read().await.unwrap();
        assert!(
            identity_checks::open_sessions(&mut conn, &site(), &check.id)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            hall.state(&check).await,
            State::Waiting,
            "the QR code may be scanned again"
        );
    }
}

#[tokio::test]
async fn a_provider_that_is_away_costs_no_attempt() {
    for store in stores().await {
        let hall = hall(&store).await;
        let check = hall.ensure(NAME).await;
        hall.face.misbehaviour.next(Mode::Error, 10);
        for _ in 0..10 {
            let error = hall
                .identity
                .start(&site(), &check.token)
                .await
                .unwrap_err();
            assert!(matches!(
                error,
                IdentityError::Provider(FaceError::Unavailable)
            ));
        }
        hall.start(&check).await;
        let other = SiteId::parse("hunan").unwrap();
        assert!(matches!(
            hall.identity.by_token(&other, &check.token).await,
            Err(IdentityError::Unknown)
        ));
        assert!(matches!(
            hall.identity.by_token(&site(), "x").await,
            Err(IdentityError::Unknown)
        ));
    }
}

#[tokio::test]
async fn a_provider_takes_only_what_its_customer_signed() {
    let store = yinxin_store::testing::sqlite().await;
    let hall = hall_with(&store, Some("another secret")).await;
    let check = hall.ensure(NAME).await;
    let error = hall
        .identity
        .start(&site(), &check.token)
        .await
        .unwrap_err();
    assert!(
        matches!(error, IdentityError::Provider(FaceError::Refused(status)) if status == "401")
    );
    assert!(hall.face.sessions().is_empty());
}
