//! Which site a request is for: decided by the Host header and by nothing else.

use crate::session::is_console;
use crate::state::AppState;
use axum::extract::Request;
use http::header::HOST;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use yinxin_core::ids::SiteId;

/// How a site presents itself; the part `[brand]` of its `site.toml`. An empty text is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Brand {
    /// Name of the hall: `江西CA数字证书在线预受理平台`.
    pub name: String,
    /// Name of the authority that runs it.
    pub owner: String,
    pub tagline: String,
    pub phone: String,
    pub hours: String,
    pub email: String,
    pub address: String,
    /// Number of the site's registration 备案号.
    pub registration: String,
    /// Picture in the site's folder, shown beside the name.
    pub logo: String,
}

/// One address of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// With a port where the site is not on the standard one: `yingtan.localhost:8080`.
    pub host: String,
    /// The project that is chosen already for who comes by this address.
    #[serde(default)]
    pub project: Option<String>,
}

/// The bank account that transfers go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferAccount {
    pub holder: String,
    pub bank: String,
    pub account: String,
}

/// A site as its pages need it.
#[derive(Clone, Debug)]
pub struct Site {
    pub id: SiteId,
    pub brand: Brand,
    /// None where the site takes no bank transfers.
    pub transfer: Option<TransferAccount>,
    pub domains: Vec<Domain>,
    /// The site's folder: `theme.css`, logo, `templates/`, `pages/`.
    pub folder: PathBuf,
    /// Its rules are not there: see [`Site::answers`].
    pub closed: bool,
}

impl Site {
    /// A closed site takes nobody in; its clerks see why, and whoever verifies a certificate finds the lists.
    pub fn answers(&self, path: &str) -> bool {
        !self.closed || is_console(path) || matches!(path, "/crl" | "/issuers.pem")
    }
}

/// The site of a request.
#[derive(Clone, Debug)]
pub struct ChosenSite {
    pub site: Arc<Site>,
    pub project: Option<String>,
}

/// All sites of the process.
#[derive(Clone, Debug, Default)]
pub struct Sites(Vec<Arc<Site>>);

impl Sites {
    pub fn new(sites: impl IntoIterator<Item = Site>) -> Self {
        Self(sites.into_iter().map(Arc::new).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.0.iter()
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Site>> {
        self.0.iter().find(|site| site.id.as_str() == id)
    }

    /// The site that answers to a Host header. A domain without a port answers on every port.
    pub fn by_host(&self, host: &str) -> Option<ChosenSite> {
        let host = host.to_ascii_lowercase();
        let (name, port) = host.split_once(':').unwrap_or((&host, ""));
        // `ca.example.cn:1@evil.example` would be another host in the links that are made of this one.
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let answers = |domain: &&Domain| domain.host == host || domain.host == name;
        self.0.iter().find_map(|site| {
            let domain = site.domains.iter().find(answers)?;
            Some(ChosenSite {
                site: Arc::clone(site),
                project: domain.project.clone(),
            })
        })
    }
}

/// Puts the [`ChosenSite`] into the request's extensions, where a site has this host. Pages of a host that no site has
/// are not found, and say nothing of the sites that there are.
pub fn choose(state: &AppState, request: &mut Request) {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(|authority| authority.as_str())
        });
    if let Some(chosen) = host.and_then(|host| state.sites().by_host(host)) {
        request.extensions_mut().insert(chosen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Sites {
        let domain = |host: &str, project: Option<&str>| Domain {
            host: host.into(),
            project: project.map(Into::into),
        };
        Sites::new([Site {
            id: SiteId::parse("jiangxi").unwrap(),
            brand: Brand::default(),
            transfer: None,
            domains: vec![
                domain("jiangxi.localhost:8080", None),
                domain("yingtan.localhost:8080", Some("yingtan")),
                domain("ca.example.cn", None),
            ],
            folder: PathBuf::new(),
            closed: false,
        }])
    }

    #[test]
    fn a_host_chooses_the_site_and_the_project() {
        let sites = sites();
        let project = |host| sites.by_host(host).map(|chosen| chosen.project);
        assert_eq!(project("jiangxi.localhost:8080"), Some(None));
        assert_eq!(
            project("Yingtan.localhost:8080"),
            Some(Some("yingtan".into()))
        );
        assert_eq!(project("ca.example.cn"), Some(None));
        assert_eq!(project("ca.example.cn:8443"), Some(None));
    }

    #[test]
    fn an_unknown_host_is_no_site() {
        for host in [
            "",
            "localhost:8080",
            "jiangxi.localhost",
            "evil.example",
            "ca.example.cn.evil.example",
            "ca.example.cn:1@evil.example",
        ] {
            assert!(sites().by_host(host).is_none(), "{host}");
        }
    }
}
