//! How a call is judged.
//!
//! Every function is called four times, each time in a transaction that is rolled back: in the first round the site
//! `jiangxi` has rows and `hunan` has none; in the second `hunan` has the same rows under the same keys, as far as keys
//! are a site's own. In each round both sites call. Whoever calls, the other site's rows stay as they were. That the
//! owner's call is not without effect shows that the stranger's could have had one.

use sqlx::{AssertSqlSafe, Column, Row};
use std::collections::BTreeMap;
use std::sync::Arc;
use yinxin_core::{ids::SiteId, money::Fen};
use yinxin_store::{Connection, StoreError, Transaction, seal::Sealer, testing::TestStore};

/// The rows of one site, by table, in words.
type Rows = BTreeMap<String, Vec<String>>;

/// One database with two sites in it.
pub struct Trial {
    pub store: TestStore,
    pub sealer: Arc<Sealer>,
    sites: [SiteId; 2],
    tables: Vec<String>,
    before: [Rows; 2],
    /// Rounds that were begun.
    round: usize,
    /// How much the owner saw in the first round, call by call.
    alone: Vec<i64>,
    calls: usize,
}

/// Who calls: the first is `jiangxi`, the owner of the rows in the first round.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Caller(usize);

pub const CALLERS: [Caller; 2] = [Caller(1), Caller(0)];

/// What came of a call.
pub struct Call {
    pub name: &'static str,
    pub caller: Caller,
    pub tx: Transaction,
    /// How much was seen or done; none when the database refused, which ends the transaction.
    pub amount: Option<i64>,
}

impl Trial {
    pub fn new(store: TestStore) -> Self {
        Self {
            sealer: Arc::clone(&store.sealer),
            store,
            sites: ["jiangxi", "hunan"].map(|name| SiteId::parse(name).unwrap()),
            tables: crate::sources::tables(),
            before: Default::default(),
            round: 0,
            alone: Vec::new(),
            calls: 0,
        }
    }

    /// The site whose rows are written next.
    pub fn owner(&self) -> &SiteId {
        &self.sites[self.round]
    }

    pub fn site(&self, caller: Caller) -> &SiteId {
        &self.sites[caller.0]
    }

    pub async fn begin_round(&mut self) {
        let mut conn = self.store.read().await.unwrap();
        for (site, before) in self.sites.iter().zip(&mut self.before) {
            *before = rows_of(&mut conn, &self.tables, site).await;
        }
        drop(conn);
        self.round += 1;
        self.calls = 0;
    }

    pub fn end_round(&self) {
        assert_eq!(
            self.calls,
            self.alone.len(),
            "each round makes the same calls"
        );
    }

    fn strangers_first_round(&self, caller: Caller) -> bool {
        self.round == 1 && caller.0 == 1
    }

    /// Looks at the rows after a call and takes it back. Gives whether the caller's own rows changed.
    async fn changed_own(&self, mut call: Call) -> bool {
        if call.amount.is_none() {
            return false;
        }
        let (own, other) = (call.caller.0, 1 - call.caller.0);
        let after = rows_of(&mut call.tx, &self.tables, &self.sites[other]).await;
        assert_eq!(
            after, self.before[other],
            "{}: {} changed rows of {} ({})",
            call.name, self.sites[own], self.sites[other], self.store.name
        );
        let changed =
            rows_of(&mut call.tx, &self.tables, &self.sites[own]).await != self.before[own];
        call.tx.rollback().await.unwrap();
        changed
    }

    /// Compares what the sites saw: in the second round each sees as much as the owner saw alone.
    fn compare(&mut self, name: &str, caller: Caller, amount: i64) {
        if self.round == 1 && caller.0 == 0 {
            self.alone.push(amount);
        } else if self.round == 2 {
            let alone = self.alone[self.calls];
            assert_eq!(
                amount, alone,
                "{name}: {} sees another's rows",
                self.sites[caller.0]
            );
        }
        if caller.0 == 0 {
            self.calls += 1;
        }
    }

    /// A function that reads: a stranger finds nothing, the owner something.
    pub async fn reads(&mut self, call: Call) {
        let (name, caller, amount) = (call.name, call.caller, call.amount.unwrap_or(0));
        if self.strangers_first_round(caller) {
            assert_eq!(
                amount, 0,
                "{name}: a stranger sees rows ({})",
                self.store.name
            );
        } else {
            assert_ne!(
                amount, 0,
                "{name}: the owner sees nothing, so the attempt proves nothing"
            );
        }
        assert!(!self.changed_own(call).await, "{name} only reads");
        self.compare(name, caller, amount);
    }

    /// A function that reads by a key which no two sites share: only the one that has it finds it.
    pub async fn finds(&mut self, call: Call) {
        let (name, caller, amount) = (call.name, call.caller, call.amount.unwrap_or(0));
        assert_eq!(
            amount != 0,
            caller.0 == 0,
            "{name}: found by its owner only ({})",
            self.store.name
        );
        assert!(!self.changed_own(call).await, "{name} only reads");
        if caller.0 == 0 {
            self.compare(name, caller, 0);
        }
    }

    /// A function that changes rows which are there: a stranger's call changes nothing at all and does not say that it
    /// did; the owner's does.
    pub async fn changes(&mut self, call: Call) {
        let (name, caller, amount) = (call.name, call.caller, call.amount.unwrap_or(0));
        let stranger = self.strangers_first_round(caller);
        let changed = self.changed_own(call).await;
        assert_eq!(
            changed, !stranger,
            "{name}: the owner changes rows, a stranger none ({})",
            self.store.name
        );
        if stranger {
            assert_eq!(amount, 0, "{name}: a stranger is told that it worked");
        }
        self.compare(name, caller, amount);
    }

    /// A function that writes under a key: a stranger may use the same key and gets a row of its own; for the owner the
    /// key is taken or its row changes.
    pub async fn creates(&mut self, call: Call) {
        let (name, caller, amount) = (call.name, call.caller, call.amount);
        let stranger = self.strangers_first_round(caller);
        let changed = self.changed_own(call).await;
        if stranger {
            assert!(
                changed,
                "{name}: the key is a site's own ({})",
                self.store.name
            );
        } else {
            assert!(
                changed || amount.unwrap_or(0) == 0,
                "{name}: the owner's key was neither taken nor written again ({})",
                self.store.name
            );
        }
        self.compare(name, caller, amount.unwrap_or(0));
    }
}

/// How much a call saw or did. Nothing is 0, as is an answer that says nothing.
pub fn amount<T: Amount>(name: &str, outcome: Result<T, StoreError>) -> Option<i64> {
    match outcome {
        Ok(seen) => Some(seen.amount()),
        Err(StoreError::NotFound | StoreError::Conflict) => Some(0),
        Err(error) if error.is_duplicate() => None,
        Err(error) => panic!("{name}: {error}"),
    }
}

pub trait Amount {
    fn amount(&self) -> i64;
}

impl Amount for () {
    fn amount(&self) -> i64 {
        0
    }
}

impl Amount for bool {
    fn amount(&self) -> i64 {
        i64::from(*self)
    }
}

impl Amount for usize {
    fn amount(&self) -> i64 {
        i64::try_from(*self).unwrap()
    }
}

impl Amount for i64 {
    fn amount(&self) -> i64 {
        *self
    }
}

impl Amount for u64 {
    fn amount(&self) -> i64 {
        i64::try_from(*self).unwrap()
    }
}

impl Amount for Fen {
    fn amount(&self) -> i64 {
        self.0
    }
}

impl Amount for yinxin_store::postings::Held {
    fn amount(&self) -> i64 {
        self.posted.0
    }
}

impl Amount for String {
    fn amount(&self) -> i64 {
        i64::try_from(self.len()).unwrap()
    }
}

impl<T> Amount for Vec<T> {
    fn amount(&self) -> i64 {
        i64::try_from(self.len()).unwrap()
    }
}

impl<K, V> Amount for std::collections::HashMap<K, V> {
    fn amount(&self) -> i64 {
        i64::try_from(self.len()).unwrap()
    }
}

impl<T> Amount for Option<T> {
    fn amount(&self) -> i64 {
        i64::from(self.is_some())
    }
}

impl Amount for yinxin_store::dossiers::Dossier {
    /// All that is in it.
    fn amount(&self) -> i64 {
        [
            self.steps.amount(),
            self.placed.amount(),
            self.files.amount(),
            self.items.amount(),
            self.papers.amount(),
            self.checks.amount(),
            self.order.amount(),
            self.certificates.amount(),
            self.origin.amount(),
            i64::from(self.has_request),
            self.profile.amount(),
            self.version,
        ]
        .iter()
        .sum()
    }
}

impl Amount for Result<i64, yinxin_store::ledger::Fault> {
    fn amount(&self) -> i64 {
        *self.as_ref().unwrap()
    }
}

/// Answers that are there or are [`StoreError::NotFound`].
macro_rules! one {
    ($($answer:ty),+ $(,)?) => {
        $(impl Amount for $answer {
            fn amount(&self) -> i64 {
                1
            }
        })+
    };
}

one!(
    (String, bool),
    yinxin_store::accounts::Account,
    yinxin_store::cases::Case,
    yinxin_store::clerks::Clerk,
    yinxin_store::invoices::Invoice,
    yinxin_store::login_attempts::Attempt,
    yinxin_store::orders::Order,
    yinxin_store::orders::OrderDetails,
    yinxin_store::papers::IssuedPaper,
    yinxin_store::payments::Payment,
    yinxin_store::rate_limits::Bucket,
    yinxin_store::reconciliations::Difference,
    yinxin_store::reconciliations::Report,
    yinxin_store::refunds::Refund,
    yinxin_store::statements::Line,
    yinxin_store::statements::Statement,
);

async fn rows_of(conn: &mut Connection, tables: &[String], site: &SiteId) -> Rows {
    let mut all = Rows::new();
    for table in tables {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT * FROM {table} WHERE site = $1"
        )))
        .bind(site.as_str().to_owned())
        .fetch_all(&mut *conn)
        .await
        .unwrap();
        let mut rows: Vec<_> = rows.iter().map(in_words).collect();
        rows.sort();
        all.insert(table.clone(), rows);
    }
    all
}

fn in_words(row: &sqlx::any::AnyRow) -> String {
    let value = |index: usize| {
        if let Ok(text) = row.try_get::<String, _>(index) {
            text
        } else if let Ok(number) = row.try_get::<i64, _>(index) {
            number.to_string()
        } else {
            format!("{:?}", row.try_get::<Vec<u8>, _>(index).unwrap())
        }
    };
    let columns = row.columns().iter();
    columns
        .map(|column| format!("{}={} ", column.name(), value(column.ordinal())))
        .collect()
}

/// The attempts on one module of the store. `with sealer` hands the sealer in before the site, where the function wants
/// it there.
macro_rules! attempts {
    ($module:ident, $keys:ident: $type:ty => {
        $($kind:ident $function:ident $(with $sealer:ident)? ($($argument:expr),* $(,)?);)+
    }) => {
        pub const TRIED: &[&str] =
            &[$(concat!(stringify!($module), "::", stringify!($function))),+];

        pub async fn attempt(trial: &mut $crate::trial::Trial, $keys: &$type) {
            $(
                for caller in $crate::trial::CALLERS {
                    let name = concat!(stringify!($module), "::", stringify!($function));
                    let mut tx = trial.store.begin().await.unwrap();
                    let outcome = yinxin_store::$module::$function(
                        &mut tx,
                        $(&trial.$sealer,)?
                        trial.site(caller),
                        $($argument),*
                    )
                    .await;
                    let amount = $crate::trial::amount(name, outcome);
                    trial.$kind($crate::trial::Call { name, caller, tx, amount }).await;
                }
            )+
        }
    };
}
