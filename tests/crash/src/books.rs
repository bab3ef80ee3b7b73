//! What the outside world remembers, against what stands in the database: each message, payment, certificate and invoice
//! once, and every one of them.

use crate::records::Records;
use anyhow::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use yinxin_house::House;

/// What was counted, for the record of a run.
#[derive(Debug, Default)]
pub struct Counted {
    pub sms: usize,
    pub mails: usize,
    /// Mails that arrived again under their own name, because the answer to the first had been lost: SMTP has no way to
    /// ask.
    pub mails_again: usize,
    pub paid_trades: usize,
    pub certificates: usize,
    pub invoices: usize,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} SMS, {} mails ({} of them came again under the same Message-ID), {} payments, {} certificates, {} invoices",
            self.sms,
            self.mails,
            self.mails_again,
            self.paid_trades,
            self.certificates,
            self.invoices
        )
    }
}

/// Compares everything; sentences about what does not agree.
pub async fn compare(house: &House) -> Result<(Counted, Vec<String>)> {
    let mut records = Records::of(house).await?;
    let mut counted = Counted::default();
    let mut faults = Vec::new();
    messages(house, &mut records, &mut counted, &mut faults).await?;
    for provider in ["wechat", "alipay"] {
        trades(house, &mut records, provider, &mut counted, &mut faults).await?;
    }
    invoices(house, &mut records, &mut counted, &mut faults).await?;
    for (case, states) in records.certificates().await? {
        counted.certificates += states.len();
        if states != ["valid"] {
            faults.push(format!("{case} has the certificates {states:?}"));
        }
    }
    objects(house, &mut records, &mut faults).await?;
    for command in [["audit", "verify"], ["ledger", "verify"]] {
        if let Err(error) = house.command(&command).await {
            faults.push(format!("{error:#}"));
        }
    }
    Ok((counted, faults))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

async fn messages(
    house: &House,
    records: &mut Records,
    counted: &mut Counted,
    faults: &mut Vec<String>,
) -> Result<()> {
    let texts: Vec<Value> = house.simulated.tell("control/sms?mobile=").await?;
    let letters: Vec<Value> = house.simulated.tell("control/mail").await?;
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for sms in &texts {
        *arrived
            .entry(text(sms, "reference").to_owned())
            .or_default() += 1;
    }
    for letter in &letters {
        let id = text(letter, "message_id");
        let id = id.split('@').next().unwrap_or_default();
        *arrived.entry(id.trim_matches('<').to_owned()).or_default() += 1;
    }
    let mut known = BTreeSet::new();
    for message in records.messages().await? {
        let times = arrived.get(&message.id).copied().unwrap_or(0);
        let is_mail = message.channel == "mail";
        if is_mail {
            counted.mails += 1;
        } else {
            counted.sms += 1;
        }
        // A mail whose answer was lost is sent again under its own name, so that its receiver can tell.
        let again = is_mail && times > 1 && message.attempts > 1;
        if again {
            counted.mails_again += 1;
        }
        // A code that ran out before its SMS was known to be sent is given up, and says so.
        let ran_out = message.error.contains("已过有效期");
        let given_up = message.state == "dead" && (times == 0 || times == 1 && ran_out);
        if !(message.state == "sent" && (times == 1 || again) || given_up) {
            faults.push(format!("{message:?} arrived {times} times"));
        }
        known.insert(message.id);
    }
    for id in arrived.keys().filter(|id| !known.contains(*id)) {
        faults.push(format!("a message {id} arrived that nobody has written"));
    }
    Ok(())
}

async fn trades(
    house: &House,
    records: &mut Records,
    provider: &str,
    counted: &mut Counted,
    faults: &mut Vec<String>,
) -> Result<()> {
    let trades = house.simulated.trades(provider).await?;
    let payments = records.payments(provider).await?;
    let mut paid_orders: BTreeMap<String, usize> = BTreeMap::new();
    for trade in &trades {
        let number = text(trade, "out_trade_no");
        let paid = trade["state"] == "paid";
        let received = trade["receipt"]["amount"].as_i64().unwrap_or(0);
        if paid {
            counted.paid_trades += 1;
            *paid_orders
                .entry(text(trade, "subject").to_owned())
                .or_default() += 1;
        }
        match payments.iter().find(|(known, ..)| known == number) {
            None => faults.push(format!("{provider} has a trade {number} that is not ours")),
            Some((_, state, booked)) => {
                let fits = (state == "paid") == paid && (!paid || *booked == received);
                if !fits {
                    faults.push(format!(
                        "{number} is {state} with {booked} fen, at {provider} {trade}"
                    ));
                }
            }
        }
        if trade["refunds"]
            .as_array()
            .is_some_and(|refunds| !refunds.is_empty())
        {
            faults.push(format!("{number} was given back: somebody paid twice"));
        }
    }
    for (order, times) in paid_orders.iter().filter(|(_, times)| **times > 1) {
        faults.push(format!("{order} was paid {times} times over {provider}"));
    }
    for (number, state, _) in payments.iter().filter(|(_, state, _)| state == "paid") {
        if !trades
            .iter()
            .any(|trade| text(trade, "out_trade_no") == number)
        {
            faults.push(format!(
                "{number} is {state}, and {provider} knows nothing of it"
            ));
        }
    }
    Ok(())
}

async fn invoices(
    house: &House,
    records: &mut Records,
    counted: &mut Counted,
    faults: &mut Vec<String>,
) -> Result<()> {
    let told: Value = house.simulated.tell("control/invoice").await?;
    let issued = told["invoices"]
        .as_array()
        .or(told.as_array())
        .cloned()
        .unwrap_or_default();
    let ours = records.invoices().await?;
    counted.invoices = issued.len();
    for (number, state, _) in &ours {
        let there = issued
            .iter()
            .filter(|invoice| text(invoice, "order_no") == number);
        let times = there.count();
        if state != "issued" || times != 1 {
            faults.push(format!(
                "the invoice {number} is {state}, and there {times} times"
            ));
        }
    }
    if issued.len() != ours.len() {
        faults.push(format!(
            "the provider has {} invoices, we have {}",
            issued.len(),
            ours.len()
        ));
    }
    Ok(())
}

/// What is kept is there.
async fn objects(house: &House, records: &mut Records, faults: &mut Vec<String>) -> Result<()> {
    let folder = house.data().join("blobs");
    for key in records.kept_objects().await? {
        if !folder.join(&key).is_file() {
            faults.push(format!("the object {key} is kept, and lost"));
        }
    }
    Ok(())
}
