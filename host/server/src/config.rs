//! `site.toml`: what a site is, which plugins decide it, and by which gateways it reaches the world.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use yinxin_capabilities::PluginEntry;
use yinxin_core::calendar::Calendar;
use yinxin_core::ids::SiteId;
use yinxin_web::{Brand, Domain, TransferAccount};

/// One `site.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SiteFile {
    pub id: String,
    /// Where applicants reach the site from outside, without a slash at the end.
    pub address: String,
    /// Days until an order that nobody paid is closed.
    pub order_days: i64,
    pub brand: Brand,
    #[serde(rename = "domain")]
    pub domains: Vec<Domain>,
    #[serde(rename = "plugin")]
    pub plugins: Vec<PluginEntry>,
    #[serde(default)]
    pub payments: Gateways,
    pub sms: Option<Sms>,
    pub mail: Option<Mail>,
    pub face: Option<Face>,
    pub invoice: Option<Invoice>,
    pub issuer: Option<Issuer>,
    #[serde(default)]
    pub calendar: Calendar,
    /// The folder that the file stands in.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// Accounts with payment gateways; a method without one cannot be chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateways {
    pub wechat: Option<Wechat>,
    pub alipay: Option<Alipay>,
    /// The account that bank transfers go to; clerks verify them.
    pub transfer: Option<TransferAccount>,
}

/// WeChat Pay v3.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wechat {
    pub endpoint: String,
    pub mchid: String,
    pub appid: String,
    pub merchant_serial: String,
    pub merchant_key: SecretRef,
    /// Serial number of the platform's certificate, or id of its public key.
    pub platform_key_id: String,
    pub platform_key: SecretRef,
    pub api_v3_key: SecretRef,
}

/// Alipay with RSA2.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alipay {
    pub endpoint: String,
    pub app_id: String,
    pub seller_id: String,
    pub app_key: SecretRef,
    pub platform_key: SecretRef,
}

/// An SMS provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sms {
    pub provider: SmsProvider,
    pub endpoint: String,
    pub key_id: String,
    pub key_secret: SecretRef,
    pub sign_name: String,
    /// Tencent only.
    #[serde(default)]
    pub region: String,
    /// Tencent only.
    #[serde(default)]
    pub app_id: String,
    /// Template of the codes that prove a mobile number, with the one parameter `code`.
    pub code_template: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsProvider {
    Aliyun,
    Tencent,
}

/// A mail server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub user: String,
    pub password: SecretRef,
    pub from_name: String,
    pub from_address: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// A server on the same machine.
    None,
    StartTls,
    Implicit,
}

/// A provider of face checks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Face {
    pub endpoint: String,
    pub key_id: String,
    pub key_secret: SecretRef,
}

/// Nuonuo's open platform, and what stands on the CA's invoices. Without it finance uploads invoices by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Invoice {
    pub endpoint: String,
    pub token_endpoint: String,
    pub app_key: String,
    pub app_secret: SecretRef,
    /// The CA's own.
    pub tax_number: String,
    /// As registered with the tax office.
    pub name: String,
    pub address: String,
    pub phone: String,
    /// Who issues 开票员: the person whose tax office login the platform uses.
    pub clerk: String,
    /// 19 digits of the tax classification 税收分类编码.
    pub goods_code: String,
    /// `0.06`
    pub tax_rate: String,
}

/// Names of the embedded issuer's two authorities.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Issuer {
    pub organisation: String,
    pub root: String,
    pub issuing: String,
}

/// A secret by reference: `file:NAME` in the folder of secrets, or `env:NAME`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct SecretRef(String);

impl SecretRef {
    /// The secret's text without the line's end.
    pub fn read(&self, folder: &Path) -> Result<String> {
        let text = if let Some(name) = self.0.strip_prefix("file:") {
            if name.split('/').any(|part| part == "..") || name.starts_with('/') {
                bail!("the secret `{}` leads out of the folder of secrets", self.0);
            }
            let path = folder.join(name);
            std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "the secret `{}` cannot be read at {}",
                    self.0,
                    path.display()
                )
            })?
        } else if let Some(name) = self.0.strip_prefix("env:") {
            std::env::var(name)
                .with_context(|| format!("the environment has no `{name}` for a secret"))?
        } else {
            bail!("write a secret as `file:NAME` or `env:NAME`; secrets do not stand in site.toml");
        };
        Ok(text.trim_end().to_owned())
    }
}

impl SiteFile {
    pub fn id(&self) -> Result<SiteId> {
        SiteId::parse(&self.id)
            .with_context(|| format!("`{}` is no site id: use a-z, 0-9 and -", self.id))
    }
}

/// Reads every `*/site.toml` of a folder, by id.
pub fn read_sites(folder: &Path) -> Result<BTreeMap<String, SiteFile>> {
    let mut sites = BTreeMap::new();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("the folder of sites {} cannot be read", folder.display()))?;
    for entry in entries {
        let file = entry?.path().join("site.toml");
        if !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let mut site: SiteFile =
            toml::from_str(&text).with_context(|| format!("{} is not right", file.display()))?;
        site.folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        site.id()?;
        if sites.insert(site.id.clone(), site).is_some() {
            bail!("two sites have the id of {}", file.display());
        }
    }
    if sites.is_empty() {
        bail!(
            "{} holds no site: expected NAME/site.toml",
            folder.display()
        );
    }
    Ok(sites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sites_of_the_repository_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sites");
        let sites = read_sites(&folder).unwrap();
        assert!(sites.contains_key("jiangxi"));
    }

    #[test]
    fn a_secret_stays_in_its_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for text in ["file:../Cargo.toml", "file:/etc/passwd", "hunter2"] {
            assert!(SecretRef(text.to_owned()).read(folder).is_err(), "{text}");
        }
        assert!(SecretRef("file:Cargo.toml".to_owned()).read(folder).is_ok());
    }
}
