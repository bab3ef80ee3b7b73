//! Who is logged in: random tokens in the browser, their hashes in the database.

use super::client::Client;
use super::error::AccountError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use std::fmt;
use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::accounts::Account;
use yinxin_store::seal::Sealer;
use yinxin_store::sessions::{self, Session, SessionKind};
use yinxin_store::{Connection, Store, StoreError};

/// Bytes of a token: 256 bits cannot be guessed, whatever the number of sessions.
const TOKEN_BYTES: usize = 32;
/// Bytes of a CSRF token.
const CSRF_BYTES: usize = 16;

/// Uses within this many seconds are not noted one by one: a page with ten pictures is one use.
const TOUCH_SECONDS: i64 = 60;

/// Seconds without use after which a session is over, and seconds after which it is over in any case.
const fn lifetimes(kind: SessionKind) -> (i64, i64) {
    match kind {
        // Papers are looked for and stamped between two clicks; a working day is the longest that one application takes.
        SessionKind::Applicant => (2 * 3600, 12 * 3600),
        // A clerk sees everybody's papers: a desk left for half an hour locks itself, the next morning begins anew.
        SessionKind::Clerk => (1800, 12 * 3600),
    }
}

/// What the browser keeps in its cookie. Neither logged nor stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// Takes a cookie's value; whether it is worth anything, the database says.
    pub fn from_cookie(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// For the cookie.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> String {
        hex::encode(digest::digest(&digest::SHA256, self.0.as_bytes()))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken")
    }
}

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct Begun {
    pub token: SessionToken,
    pub session: Session,
}

/// Begins, finds and ends sessions of applicants and clerks. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    pub fn new(store: Store, sealer: Arc<Sealer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            sealer,
            clock,
        }
    }

    /// Begins a session with a new token, in the transaction of the log-in. The token that the browser had before is
    /// worth nothing afterwards, so that nobody can be given a session that somebody else knows.
    pub(crate) async fn begin(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        kind: SessionKind,
        subject: &str,
        client: &Client,
        replaces: Option<&SessionToken>,
    ) -> Result<Begun, AccountError> {
        if let Some(old) = replaces {
            sessions::end(conn, site, &old.hash()).await?;
        }
        let now = self.clock.now();
        let token = SessionToken(random_text::<TOKEN_BYTES>()?);
        let (_, absolute) = lifetimes(kind);
        let session = Session {
            id: uuid::Uuid::now_v7().to_string(),
            kind,
            subject: subject.to_owned(),
            csrf: random_text::<CSRF_BYTES>()?,
            created_at: now,
            seen_at: now,
            expires_at: now.plus(absolute),
            user_agent: client.user_agent().to_owned(),
        };
        sessions::insert(
            conn,
            site,
            &token.hash(),
            &session,
            &client.key(&self.sealer, site),
        )
        .await?;
        Ok(Begun { token, session })
    }

    /// The session of a token while it lasts; notes that it is used.
    pub async fn find(
        &self,
        site: &SiteId,
        token: &SessionToken,
    ) -> Result<Option<Session>, StoreError> {
        let mut conn = self.store.read().await?;
        let hash = token.hash();
        match sessions::find(&mut conn, site, &hash).await? {
            Some(session) if self.lasts(&mut conn, site, &hash, &session).await? => {
                Ok(Some(session))
            }
            _ => Ok(None),
        }
    }

    /// The same with the applicant's account, for tokens of applicants.
    pub(crate) async fn find_applicant(
        &self,
        site: &SiteId,
        token: &SessionToken,
    ) -> Result<Option<(Session, Account)>, StoreError> {
        let mut conn = self.store.read().await?;
        let hash = token.hash();
        match sessions::find_with_account(&mut conn, site, &hash).await? {
            Some((session, Some(account)))
                if self.lasts(&mut conn, site, &hash, &session).await? =>
            {
                Ok(Some((session, account)))
            }
            _ => Ok(None),
        }
    }

    /// Whether a session is not over; notes that it is used.
    async fn lasts(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        hash: &str,
        session: &Session,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if is_over(session, now) {
            return Ok(false);
        }
        if session.seen_at.plus(TOUCH_SECONDS) <= now {
            match sessions::touch(conn, site, hash, now).await {
                // On a full disk people still read; what they change says that it does not work.
                Err(error @ (StoreError::Unavailable(_) | StoreError::Conflict)) => {
                    tracing::warn!(%error, "the use of a session was not noted");
                }
                other => other?,
            }
        }
        Ok(true)
    }

    /// Logs out.
    pub async fn end(&self, site: &SiteId, token: &SessionToken) -> Result<(), StoreError> {
        let mut conn = self.store.read().await?;
        sessions::end(&mut conn, site, &token.hash()).await?;
        Ok(())
    }

    /// Logs the session's person out everywhere, here too; says how many sessions ended.
    pub async fn end_everywhere(
        &self,
        site: &SiteId,
        session: &Session,
    ) -> Result<u64, StoreError> {
        let mut conn = self.store.read().await?;
        sessions::end_all(&mut conn, site, session.kind, &session.subject, None).await
    }

    /// Ends one out of the person's list; false when it is not theirs or over already.
    pub async fn end_one(
        &self,
        site: &SiteId,
        session: &Session,
        id: &str,
    ) -> Result<bool, StoreError> {
        let mut conn = self.store.read().await?;
        sessions::end_one(&mut conn, site, session.kind, &session.subject, id).await
    }

    /// The person's sessions that last, oldest first.
    pub async fn list(&self, site: &SiteId, session: &Session) -> Result<Vec<Session>, StoreError> {
        // Nobody reads a longer list; logging out everywhere ends the rest too.
        const LONGEST_LIST: i64 = 100;
        let now = self.clock.now();
        let mut conn = self.store.read().await?;
        let (kind, subject) = (session.kind, &session.subject);
        let mut all = sessions::list(&mut conn, site, kind, subject, None, LONGEST_LIST).await?;
        all.retain(|session| !is_over(session, now));
        Ok(all)
    }
}

fn is_over(session: &Session, now: Millis) -> bool {
    let (idle, _) = lifetimes(session.kind);
    session.expires_at <= now || session.seen_at.plus(idle) <= now
}

fn random_text<const BYTES: usize>() -> Result<String, AccountError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| AccountError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
