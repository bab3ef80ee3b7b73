//! Access tokens. The platform gives out fifty in thirty days, each a day long, so one is kept over restarts and shared by
//! all processes.

use super::super::provider::ProviderError;
use super::super::wire::{ANSWER_LIMIT, ask};
use reqwest::Client;
use serde_json::Value;
use std::sync::Arc;
use url::Url;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Clock;
use yinxin_store::invoices::{self as rows, Token};
use yinxin_store::seal::Sealer;
use yinxin_store::{Store, StoreError};

/// Seconds before its end at which a token is not used any more: longer than a call takes.
const MARGIN: i64 = 300;
/// Seconds that a refused token is kept nevertheless: a wrong configuration must not use up a month's tokens in an hour.
const LEAST_AGE: i64 = 3600;
/// Seconds that a token is used when its answer does not say how long it lives.
const USUAL_AGE: i64 = 86_400;

pub(super) struct Tokens {
    pub site: SiteId,
    pub store: Store,
    pub sealer: Arc<Sealer>,
    pub clock: Arc<dyn Clock>,
    pub client: Client,
    pub endpoint: Url,
    pub app_key: String,
    pub app_secret: String,
}

fn unavailable(error: StoreError) -> ProviderError {
    tracing::error!(%error, "the provider's access token cannot be read or kept");
    ProviderError::Unreachable("开票服务的访问令牌暂时读不到".to_owned())
}

impl Tokens {
    /// The kept token, or a new one.
    pub(super) async fn get(&self) -> Result<Token, ProviderError> {
        let kept = {
            let mut conn = self.store.read().await.map_err(unavailable)?;
            rows::token(&mut conn, &self.sealer, &self.site).await
        };
        let now = self.clock.now();
        if let Some(token) = kept.map_err(unavailable)?
            && token.expires_at > now.plus(MARGIN)
        {
            return Ok(token);
        }
        let token = self.obtain().await?;
        self.keep(&token).await?;
        Ok(token)
    }

    /// Has the next call get a new token, unless this one is new itself.
    pub(super) async fn give_up(&self, refused: &Token) -> Result<(), ProviderError> {
        let now = self.clock.now();
        if refused.obtained_at.plus(LEAST_AGE) > now {
            return Ok(());
        }
        let expired = Token {
            expires_at: now,
            ..refused.clone()
        };
        self.keep(&expired).await
    }

    async fn keep(&self, token: &Token) -> Result<(), ProviderError> {
        let kept = async {
            let mut tx = self.store.begin().await?;
            rows::set_token(&mut tx, &self.sealer, &self.site, token).await?;
            tx.commit().await.map_err(StoreError::from)
        };
        kept.await.map_err(unavailable)
    }

    async fn obtain(&self) -> Result<Token, ProviderError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.app_key)
            .append_pair("client_secret", &self.app_secret)
            .append_pair("grant_type", "client_credentials")
            .finish();
        let request = self
            .client
            .post(self.endpoint.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer: Value = serde_json::from_slice(&ask(request, ANSWER_LIMIT).await?)
            .map_err(|_| ProviderError::Malformed("访问令牌"))?;
        let token = super::answers::text(&answer, "access_token");
        if token.is_empty() {
            let why = "开票服务不给访问令牌，请管理员检查配置";
            return Err(ProviderError::Unreachable(why.to_owned()));
        }
        let seconds = super::answers::text(&answer, "expires_in").parse::<i64>();
        let now = self.clock.now();
        Ok(Token {
            token,
            obtained_at: now,
            expires_at: now.plus(seconds.unwrap_or(USUAL_AGE)),
        })
    }
}
