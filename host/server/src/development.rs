//! Running against the simulators: every gateway of `site.toml` is replaced by a simulated one, which knows the same
//! merchant, and the texts that the CA would register with its SMS provider are registered there.

use crate::codes::CODE_TEXT;
use crate::config::{MailTls, SiteFile, SmsProvider};
use crate::wiring::Host;
use anyhow::{Context, Result};
use serde_json::json;
use std::net::SocketAddr;
use yinxin_core::definition::MessageContent;

/// Where the simulators are.
#[derive(Clone, Debug)]
pub struct Simulators {
    /// `http://127.0.0.1:8090`, without a slash at the end.
    pub url: String,
    pub smtp: SocketAddr,
    /// The port of this host, under which browsers and simulators reach it.
    pub port: u16,
}

impl Simulators {
    /// Puts the simulators in the place of a site's gateways.
    pub fn stand_in(&self, site: &mut SiteFile) {
        let host = site
            .domains
            .first()
            .map(|domain| domain.host.clone())
            .unwrap_or_default();
        site.address = format!("http://{host}:{}", self.port);
        if let Some(wechat) = &mut site.payments.wechat {
            wechat.endpoint.clone_from(&self.url);
        }
        if let Some(alipay) = &mut site.payments.alipay {
            alipay.endpoint = format!("{}/gateway.do", self.url);
        }
        if let Some(sms) = &mut site.sms {
            sms.endpoint.clone_from(&self.url);
        }
        if let Some(face) = &mut site.face {
            face.endpoint = format!("{}/", self.url);
        }
        if let Some(invoice) = &mut site.invoice {
            invoice.endpoint = format!("{}/open/v1/services", self.url);
            invoice.token_endpoint = format!("{}/accessToken", self.url);
        }
        if let Some(mail) = &mut site.mail {
            mail.host = self.smtp.ip().to_string();
            mail.port = self.smtp.port();
            mail.tls = MailTls::None;
            mail.user.clear();
        }
    }

    /// Registers the SMS texts of all plugins, as a CA does once by hand at its provider.
    pub async fn register_texts(&self, host: &Host) -> Result<()> {
        let client = reqwest::Client::new();
        for site in host.sites.values() {
            let Some(sms) = &site.sms else { continue };
            let provider = match sms.provider {
                SmsProvider::Aliyun => "aliyun",
                SmsProvider::Tencent => "tencent",
            };
            let mut texts = vec![(
                sms.code_template.clone(),
                CODE_TEXT.to_owned(),
                vec!["code".to_owned()],
            )];
            for plugin in host.registry.plugins(&site.id()?) {
                for message in &plugin.definition.messages {
                    if let MessageContent::Sms(sms) = &message.content {
                        let code = sms.template_code.clone();
                        texts.push((code, sms.text.clone(), sms.parameters.clone()));
                    }
                }
            }
            let texts: Vec<_> = texts
                .into_iter()
                .map(|(code, text, parameters)| {
                    let text = in_provider_form(sms.provider, &text, &parameters);
                    json!({ "provider": provider, "code": code, "text": text })
                })
                .collect();
            client
                .post(format!("{}/control/sms/templates", self.url))
                .header("content-type", "application/json")
                .body(serde_json::Value::from(texts).to_string())
                .send()
                .await
                .and_then(reqwest::Response::error_for_status)
                .context("the simulators do not take SMS texts")?;
        }
        Ok(())
    }
}

/// Aliyun writes a parameter as `${code}`, Tencent as `{1}`.
fn in_provider_form(provider: SmsProvider, text: &str, parameters: &[String]) -> String {
    parameters
        .iter()
        .enumerate()
        .fold(text.to_owned(), |text, (index, name)| {
            let place = match provider {
                SmsProvider::Aliyun => format!("${{{name}}}"),
                SmsProvider::Tencent => format!("{{{}}}", index + 1),
            };
            text.replace(&format!("{{{name}}}"), &place)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_registered_in_the_providers_form() {
        let parameters = ["number".to_owned(), "reason".to_owned()];
        let text = "{number} 未通过：{reason}";
        assert_eq!(
            in_provider_form(SmsProvider::Aliyun, text, &parameters),
            "${number} 未通过：${reason}"
        );
        assert_eq!(
            in_provider_form(SmsProvider::Tencent, text, &parameters),
            "{1} 未通过：{2}"
        );
    }
}
