//! A hall where one site's rules decide, with both providers in front of it on the wire: they are asked over HTTP, and tell
//! over HTTP. Its clock can be moved on.

use crate::hall::{Answer, Browser, Hall, hall_in};
use crate::market::{Person, opened, site};
use crate::providers::Providers;
use crate::rules::{self, Rules};
use http::StatusCode;
use ring::digest::{SHA256, digest};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use yinxin_core::definition::Role;
use yinxin_core::ids::{CaseId, ClerkId, OrderId, SiteId};
use yinxin_core::money::Method;
use yinxin_core::time::{Clock, Millis};
use yinxin_services::payments::{OrderState, check_ledger};
use yinxin_services::staff::Hiring;
use yinxin_store::payments::{self as rows, Payment};
use yinxin_store::postings::{self, Account};
use yinxin_store::sessions::{self, Session, SessionKind};
use yinxin_store::testing::TestStore;
use yinxin_store::{clerks, jobs};

/// A test that waits longer for something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The system's clock, moved on by tests.
#[derive(Default)]
pub struct Moved(AtomicI64);

impl Moved {
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for Moved {
    fn now(&self) -> Millis {
        Millis(Millis::now().0 + self.0.load(Ordering::SeqCst))
    }
}

pub struct World {
    pub rules: Rules,
    pub hall: Hall,
    pub clock: Arc<Moved>,
    pub name: &'static str,
    pub providers: Providers,
    inbox: JoinHandle<()>,
    counted: AtomicUsize,
    finance: OnceCell<ClerkId>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.inbox.abort();
    }
}

pub async fn world(store: TestStore, rules: Rules) -> World {
    let name = store.name;
    let notices = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = notices.local_addr().unwrap();
    let retries = [50, 100, 200].map(Duration::from_millis);
    let notify = |provider: &str| format!("http://{at}/notify/{provider}/{}", site());
    let providers = Providers::open(notify, &retries).await;
    let clock = Arc::new(Moved::default());
    let hall = hall_in(store, clock.clone(), false, |payments| {
        for gateway in providers.gateways() {
            payments.add_gateway(site(), gateway);
        }
    });
    let hall = match rules {
        Rules::Fujian => opened(hall.await).await,
        Rules::Yingtan => rules::yingtan(hall.await).await,
        Rules::Hostile => rules::hostile(hall.await).await,
    };
    let router = hall.router.clone();
    World {
        rules,
        hall,
        clock,
        name,
        providers,
        inbox: tokio::spawn(async move { axum::serve(notices, router).await.unwrap() }),
        counted: AtomicUsize::new(0),
        finance: OnceCell::new(),
    }
}

/// An order and who made it.
pub struct Bought {
    pub person: Person,
    pub case: CaseId,
    pub order: OrderId,
}

/// A clerk's browser, and the token of his forms.
pub struct Desk {
    pub browser: Browser,
    pub token: String,
}

impl World {
    /// The providers that the site takes money by.
    pub fn gateways(&self) -> Vec<Method> {
        let mut methods = self.hall.state.payments.methods(&site());
        methods.retain(|method| *method != Method::BankTransfer);
        methods
    }

    /// Another provider than this one.
    pub fn other(&self, than: Method) -> Method {
        let mut others = self.gateways().into_iter();
        others.find(|method| *method != than).unwrap()
    }

    pub fn count(&self) -> usize {
        self.counted.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub async fn person(&self) -> Person {
        Person::new(&self.hall, &format!("person-{}", self.count())).await
    }

    /// Somebody orders what the rules sell, and picks this way to pay. A transfer: no way yet, where there are none.
    pub async fn buys(&self, method: Method) -> Bought {
        rules::buys(self, method).await
    }

    /// The order is called off before it is paid, by whoever may.
    pub async fn cancels(&self, bought: &mut Bought) {
        rules::cancels(self, bought).await;
    }

    /// The attempts to pay an order by this provider, oldest first.
    pub async fn attempts(&self, order: &OrderId, method: Method) -> Vec<Payment> {
        let mut conn = self.hall.state.store.read().await.unwrap();
        let mut all = rows::of_order(&mut conn, &site(), order).await.unwrap();
        all.retain(|payment| payment.method == method);
        all
    }

    /// The newest attempt to pay an order by this provider.
    pub async fn attempt(&self, order: &OrderId, method: Method) -> Payment {
        self.attempts(order, method).await.pop().unwrap()
    }

    pub async fn state(&self, order: &OrderId) -> OrderState {
        let payments = &self.hall.state.payments;
        payments.order_view(&site(), order).await.unwrap().state
    }

    /// Runs what is due, and what becomes due within `seconds`.
    pub async fn work(&self, seconds: i64) {
        let end = self.clock.now().plus(seconds);
        loop {
            self.hall.state.engine.work_off().await.unwrap();
            let mut conn = self.hall.state.store.read().await.unwrap();
            let next = jobs::next_due(&mut conn).await.unwrap();
            drop(conn);
            let Some(next) = next.filter(|next| *next <= end) else {
                return;
            };
            let wait = (next.0 - self.clock.now().0).max(0) / 1000 + 1;
            self.clock.advance(wait);
        }
    }

    /// A finance clerk who has just logged in.
    pub async fn clerk(&self) -> Desk {
        let state = &self.hall.state;
        let id = self.finance.get_or_init(|| self.hired()).await;
        let now = state.clock.now();
        let name = format!("desk-{}", self.count());
        let token = format!("the-token-of-{name}");
        let session = Session {
            id: name.clone(),
            kind: SessionKind::Clerk,
            subject: id.to_string(),
            csrf: name.clone(),
            created_at: now,
            seen_at: now,
            expires_at: now.plus(3600),
            user_agent: String::new(),
        };
        let hash = hex::encode(digest(&SHA256, token.as_bytes()));
        let mut tx = state.store.begin().await.unwrap();
        sessions::insert(&mut tx, &site(), &hash, &session, "")
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut browser = Browser::default();
        browser.cookies.insert("yinxin-clerk".to_owned(), token);
        Desk {
            browser,
            token: name,
        }
    }

    async fn hired(&self) -> ClerkId {
        let new = Hiring {
            login: "finance",
            name: "林财务",
            mobile: "",
            roles: &[Role::Finance],
            password: "信江秋水共长天一色阁",
        };
        let id = self.hall.state.staff.create(&site(), new, None).await;
        let id = id.unwrap();
        // A password that somebody else chose is changed before anything else is done with it.
        let mut tx = self.hall.state.store.begin().await.unwrap();
        clerks::set_password_hash(&mut tx, &site(), &id, "", false)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn balance(&self, account: Account) -> i64 {
        let mut conn = self.hall.state.store.read().await.unwrap();
        let balance = postings::balance(&mut conn, &site(), account).await;
        balance.unwrap().0
    }

    /// What the providers hold for us, by their own books, in fen.
    pub fn held(&self) -> i64 {
        let methods = self.gateways().into_iter();
        methods.map(|method| self.providers.held(method)).sum()
    }

    /// How many notifications were refused so far, as finance reads it.
    pub async fn refused(&self) -> usize {
        let page = self.clerk().await.get(self, "/console/payments").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let text = self.hall.state.texts.get("finance.forged_notifications");
        let (before, after) = text.split_once("{n}").unwrap();
        match page.body.split_once(before) {
            // Where there was none, there is no sentence.
            None => 0,
            Some((_, rest)) => {
                let (count, _) = rest.split_once(after).unwrap();
                count.parse().unwrap()
            }
        }
    }

    pub async fn assert_sound(&self) {
        let faults = check_ledger(&self.hall.state.store, &site()).await.unwrap();
        assert_eq!(faults, [], "{}", self.name);
    }
}

impl Desk {
    pub async fn get(&mut self, world: &World, path: &str) -> Answer {
        self.browser.get(&world.hall, path).await
    }

    pub async fn post(&mut self, world: &World, path: &str, body: &str) -> Answer {
        let body = crate::market::encoded(&format!("_csrf={}&{body}", self.token));
        self.browser.post(&world.hall, path, &body, &[]).await
    }
}

/// Waits for something that happens in the background.
pub async fn until(what: &str, happened: impl Fn() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "it never came to this: {what}");
}

/// As forms name a way to pay.
pub fn name(method: Method) -> &'static str {
    yinxin_store::payments::gateway_word(method)
}

/// The site, for those who ask the services themselves.
pub fn at() -> SiteId {
    site()
}
