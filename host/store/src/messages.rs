//! SMS and mail: what is to be sent, what was, and what could not be.

use crate::query::AFTER_EVERY_ID;
use crate::{Connection, StoreError, seal::Sealer};
use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use yinxin_core::ids::{CaseId, FileId, MessageId, SiteId};
use yinxin_core::time::Millis;

/// The way that a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Sms,
    Mail,
}

impl Channel {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Mail => "mail",
        }
    }
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its next try.
    Queued,
    /// Handed to the provider, whose answer is not known yet.
    Sending,
    Sent,
    /// Given up after as many tries as it had; a clerk may send it again.
    Failed,
    /// Refused for good or out of date; a clerk may send it again.
    Dead,
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let all = [
            Self::Queued,
            Self::Sending,
            Self::Sent,
            Self::Failed,
            Self::Dead,
        ];
        all.into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Damaged("messages.state"))
    }
}

/// One message with its text. Recipient, subject, body and parameters are personal data.
#[derive(Clone)]
pub struct Message {
    pub id: MessageId,
    /// The sender's key: queuing it again changes nothing.
    pub idem: String,
    /// The case that it tells of, or none.
    pub case: Option<CaseId>,
    pub channel: Channel,
    /// Id of the text in the plugin's definition.
    pub template: String,
    /// Code by which the SMS provider knows the text; empty for mail.
    pub template_code: String,
    pub recipient: String,
    /// What a clerk's list shows.
    pub recipient_masked: String,
    /// Empty for an SMS.
    pub subject: String,
    pub body: String,
    /// Names and values in the provider's order.
    pub parameters: Vec<(String, String)>,
    pub attachments: Vec<FileId>,
    pub state: State,
    /// Times a clerk sent it again.
    pub round: i64,
    /// Tries in this round, the present one included.
    pub attempts: i64,
    pub next_at: Millis,
    /// After this it is not sent any more.
    pub expires_at: Option<Millis>,
    pub provider: String,
    pub provider_no: String,
    /// Why the last try did not work, in words for a clerk.
    pub last_error: String,
    pub created_at: Millis,
    pub sent_at: Option<Millis>,
}

const COLUMNS: &str = "id, idem, case_id, channel, template, template_code, recipient, recipient_masked, subject, body, \
                       parameters, attachments, state, round, attempts, next_at, expires_at, provider, provider_no, \
                       last_error, created_at, sent_at";

fn context(site: &SiteId, id: &str, column: &str) -> String {
    format!("{site}/messages/{id}/{column}")
}

/// Writes a message; false when one with this key is already there.
pub async fn insert(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    message: &Message,
) -> Result<bool, StoreError> {
    let json = |result: Result<Vec<u8>, serde_json::Error>| {
        result.map_err(|_| StoreError::Damaged("a message"))
    };
    let seal = |column: &str, plain: &[u8]| {
        sealer.seal(&context(site, message.id.as_str(), column), plain)
    };
    let parameters = json(serde_json::to_vec(&message.parameters))?;
    let attachments = serde_json::to_string(&message.attachments)
        .map_err(|_| StoreError::Damaged("a message"))?;
    let written = sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO messages (site, {COLUMNS})
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
         ON CONFLICT (site, idem) DO NOTHING"
    )))
    .bind(site.as_str())
    .bind(message.id.as_str())
    .bind(&message.idem)
    .bind(message.case.as_ref().map_or("", CaseId::as_str))
    .bind(message.channel.as_str())
    .bind(&message.template)
    .bind(&message.template_code)
    .bind(seal("recipient", message.recipient.as_bytes())?)
    .bind(&message.recipient_masked)
    .bind(seal("subject", message.subject.as_bytes())?)
    .bind(seal("body", message.body.as_bytes())?)
    .bind(seal("parameters", &parameters)?)
    .bind(attachments)
    .bind(message.state.as_str())
    .bind(message.round)
    .bind(message.attempts)
    .bind(message.next_at.0)
    .bind(message.expires_at.map_or(0, |at| at.0))
    .bind(&message.provider)
    .bind(&message.provider_no)
    .bind(&message.last_error)
    .bind(message.created_at.0)
    .bind(message.sent_at.map_or(0, |at| at.0))
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

fn message(row: &AnyRow, sealer: &Sealer, site: &SiteId) -> Result<Message, StoreError> {
    let id: String = row.try_get("id")?;
    let open = |column: &'static str| -> Result<Vec<u8>, StoreError> {
        sealer.open(
            &context(site, &id, column),
            &row.try_get::<Vec<u8>, _>(column)?,
        )
    };
    let text = |column: &'static str| -> Result<String, StoreError> {
        String::from_utf8(open(column)?).map_err(|_| StoreError::Damaged("a message's text"))
    };
    let instant = |column: &'static str| -> Result<Option<Millis>, StoreError> {
        let at: i64 = row.try_get(column)?;
        Ok((at != 0).then_some(Millis(at)))
    };
    let case: String = row.try_get("case_id")?;
    let parameters = serde_json::from_slice(&open("parameters")?);
    let attachments = serde_json::from_str(&row.try_get::<String, _>("attachments")?);
    Ok(Message {
        idem: row.try_get("idem")?,
        case: (!case.is_empty()).then(|| CaseId::from_stored(case)),
        channel: match row.try_get::<String, _>("channel")?.as_str() {
            "sms" => Channel::Sms,
            "mail" => Channel::Mail,
            _ => return Err(StoreError::Damaged("messages.channel")),
        },
        template: row.try_get("template")?,
        template_code: row.try_get("template_code")?,
        recipient: text("recipient")?,
        recipient_masked: row.try_get("recipient_masked")?,
        subject: text("subject")?,
        body: text("body")?,
        parameters: parameters.map_err(|_| StoreError::Damaged("messages.parameters"))?,
        attachments: attachments.map_err(|_| StoreError::Damaged("messages.attachments"))?,
        state: State::parse(&row.try_get::<String, _>("state")?)?,
        round: row.try_get("round")?,
        attempts: row.try_get("attempts")?,
        next_at: Millis(row.try_get("next_at")?),
        expires_at: instant("expires_at")?,
        provider: row.try_get("provider")?,
        provider_no: row.try_get("provider_no")?,
        last_error: row.try_get("last_error")?,
        created_at: Millis(row.try_get("created_at")?),
        sent_at: instant("sent_at")?,
        id: MessageId::from_stored(id),
    })
}

/// One message of the site, or none.
pub async fn find(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    id: &MessageId,
) -> Result<Option<Message>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM messages WHERE site = $1 AND id = $2"
    )))
    .bind(site.as_str())
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(|row| message(&row, sealer, site)).transpose()
}

/// The message queued under the sender's key, or none.
pub async fn id_by_key(
    conn: &mut Connection,
    site: &SiteId,
    idem: &str,
) -> Result<Option<MessageId>, StoreError> {
    let row = sqlx::query("SELECT id FROM messages WHERE site = $1 AND idem = $2")
        .bind(site.as_str())
        .bind(idem)
        .fetch_optional(conn)
        .await?;
    Ok(match row {
        Some(row) => Some(MessageId::from_stored(row.try_get::<String, _>("id")?)),
        None => None,
    })
}

/// The messages in a state, newest first, before the id `after`.
pub async fn by_state(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    state: State,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM messages WHERE site = $1 AND state = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    )))
    .bind(site.as_str())
    .bind(state.as_str())
    .bind(after.unwrap_or(AFTER_EVERY_ID))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| message(row, sealer, site)).collect()
}

/// What could not be sent (failed or dead), newest first, before the id `after`: the clerk's list.
pub async fn unsent(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM messages
         WHERE site = $1 AND state IN ('failed', 'dead') AND id < $2 ORDER BY id DESC LIMIT $3"
    )))
    .bind(site.as_str())
    .bind(after.unwrap_or(AFTER_EVERY_ID))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| message(row, sealer, site)).collect()
}

/// How many could not be sent.
pub async fn unsent_count(conn: &mut Connection, site: &SiteId) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS n FROM messages WHERE site = $1 AND state IN ('failed', 'dead')",
    )
    .bind(site.as_str())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get("n")?)
}

/// The messages of a case, oldest first, after the id `after`.
pub async fn of_case(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    case: &CaseId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM messages WHERE site = $1 AND case_id = $2 AND id > $3 ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str())
    .bind(case.as_str())
    .bind(after.unwrap_or_default())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| message(row, sealer, site)).collect()
}

/// Begins a try at a queued message of the given round, or at one whose sender died in the middle; false when there is
/// nothing to send.
pub async fn begin_try(
    conn: &mut Connection,
    site: &SiteId,
    id: &MessageId,
    round: i64,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE messages SET state = 'sending', attempts = attempts + 1
         WHERE site = $1 AND id = $2 AND round = $3 AND state IN ('queued', 'sending')",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(round)
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Ends a try well.
pub async fn mark_sent(
    conn: &mut Connection,
    site: &SiteId,
    id: &MessageId,
    (provider, provider_no): (&str, &str),
    at: Millis,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE messages SET state = 'sent', provider = $3, provider_no = $4, sent_at = $5, last_error = ''
         WHERE site = $1 AND id = $2 AND state = 'sending'",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(provider)
    .bind(provider_no)
    .bind(at.0)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// Ends a try badly: `Queued` until `next_at`, or `Failed` or `Dead`.
pub async fn mark_unsent(
    conn: &mut Connection,
    site: &SiteId,
    id: &MessageId,
    state: State,
    next_at: Millis,
    why: &str,
) -> Result<(), StoreError> {
    let changed = sqlx::query(
        "UPDATE messages SET state = $3, next_at = $4, last_error = $5
         WHERE site = $1 AND id = $2 AND state = 'sending'",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(state.as_str())
    .bind(next_at.0)
    .bind(why)
    .execute(conn)
    .await?;
    if changed.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

/// Puts a message that could not be sent back into the queue, from its first try and without an end; gives the new round,
/// or none when it is not failed or dead.
pub async fn requeue(
    conn: &mut Connection,
    site: &SiteId,
    id: &MessageId,
    now: Millis,
) -> Result<Option<i64>, StoreError> {
    let row = sqlx::query(
        "UPDATE messages SET state = 'queued', attempts = 0, round = round + 1, next_at = $3, expires_at = 0
         WHERE site = $1 AND id = $2 AND state IN ('failed', 'dead') RETURNING round",
    )
    .bind(site.as_str())
    .bind(id.as_str())
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(row.try_get("round")?)).transpose()
}

#[cfg(test)]
mod tests;
