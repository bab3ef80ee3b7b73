//! The world outside: phones, payers and what providers have in their books.

use crate::browser::Lost;
use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Messages are sent within a second or two; a busy machine, or one whose server is killed now and then, takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub struct Simulated {
    client: Client,
    pub address: String,
}

impl Simulated {
    pub fn at(port: u16) -> Result<Self> {
        Ok(Self {
            client: Client::builder().build()?,
            address: format!("http://127.0.0.1:{port}"),
        })
    }

    /// What a simulator tells of itself: `control/sms?mobile=…`, `control/wechat/trades`, `control/invoice`.
    pub async fn tell<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self
            .client
            .get(format!("{}/{path}", self.address))
            .send()
            .await
            .context(Lost)?;
        let text = answer.error_for_status()?.text().await.context(Lost)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Tells a simulator what to do: `control/wechat/mode`.
    pub async fn order(&self, path: &str, what: Value) -> Result<String> {
        let answer = self
            .client
            .post(format!("{}/{path}", self.address))
            .header("content-type", "application/json")
            .body(what.to_string())
            .send()
            .await
            .context(Lost)?;
        let status = answer.status();
        let text = answer.text().await.context(Lost)?;
        if !status.is_success() {
            bail!("{path}: {status} {text}");
        }
        Ok(text)
    }

    /// Every SMS to a number, oldest first: objects with `template`, `text`, `reference`.
    pub async fn texts(&self, mobile: &str) -> Result<Vec<Value>> {
        self.tell(&format!("control/sms?mobile={mobile}")).await
    }

    /// The code in the `count`th SMS with this template to a number, once it has come.
    pub async fn code(&self, mobile: &str, template: &str, count: usize) -> Result<String> {
        let begun = Instant::now();
        loop {
            let texts = self.texts(mobile).await?;
            let codes = texts.iter().filter(|text| text["template"] == template);
            if let Some(text) = codes
                .skip(count - 1)
                .map(|text| text["text"].clone())
                .next()
            {
                let text = text.as_str().unwrap_or_default().to_owned();
                let digits = text
                    .split(|c: char| !c.is_ascii_digit())
                    .find(|run| run.len() == 6);
                return Ok(digits
                    .with_context(|| format!("no code in “{text}”"))?
                    .to_owned());
            }
            if begun.elapsed() > PATIENCE {
                bail!("no SMS {template} came to {mobile}");
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The payer of a trade, found by its number or code, pays; `mode` is `normal`, or how the provider then lies.
    pub async fn pay(&self, provider: &str, code_or_number: &str, mode: &str) -> Result<()> {
        let by = if code_or_number.contains(':') {
            "code_url"
        } else {
            "out_trade_no"
        };
        let what = json!({ by: code_or_number, "mode": mode });
        self.order(&format!("control/{provider}/pay"), what).await?;
        Ok(())
    }

    /// All trades of a provider.
    pub async fn trades(&self, provider: &str) -> Result<Vec<Value>> {
        let mut told: Value = self.tell(&format!("control/{provider}/trades")).await?;
        Ok(serde_json::from_value(told["trades"].take())?)
    }
}
