//! Where the specimens of one site are put, with what they have to say.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use yinxin_house::{Browser, Clerk};
use yinxin_kit::{Runner, Sandboxed};

/// By plugin: its documents and services, as it describes them.
pub type Documents = BTreeMap<String, Value>;

/// What every plugin under `plugins/` describes.
pub fn documents_of_all_plugins() -> Result<Documents> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut all = Documents::new();
    for entry in std::fs::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let definition = serde_json::to_value(Sandboxed::activate(&name).describe())?;
        let found = json!({
            "documents": definition["documents"],
            "services": definition["services"],
        });
        all.insert(name, found);
    }
    Ok(all)
}

/// What people typed, by the name of the field or of the order's fact: a paper says it in place of `{name}`.
pub type Typed = BTreeMap<&'static str, String>;

/// Whose papers: a case's, or those of an order.
pub struct Sheet<'a> {
    pub plugin: &'a str,
    /// `/cases/…/papers/{}/pdf`, with `{}` for the document.
    pub address: String,
    /// The case's path, where steps of identity checks are.
    pub case: &'a str,
    /// What the code says: the number of case or order.
    pub number: String,
    /// Number and holder of each case of the order.
    pub cases: Vec<[String; 2]>,
    pub typed: Typed,
}

pub struct Shelf<'a> {
    folder: PathBuf,
    documents: &'a Documents,
    certificates: Vec<Value>,
    papers: Vec<Value>,
}

impl<'a> Shelf<'a> {
    pub fn of(site: &str, folder: &Path, documents: &'a Documents) -> Result<Self> {
        let folder = folder.join(site);
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            documents,
            certificates: Vec::new(),
            papers: Vec::new(),
        })
    }

    pub fn facts(&self) -> Value {
        json!({ "certificates": self.certificates, "papers": self.papers })
    }

    /// Keeps the file at this address, which has to be one.
    pub async fn keep(&self, browser: &mut Browser, path: &str, name: &str) -> Result<()> {
        let page = browser.open(path).await?;
        let file = self.folder.join(name);
        std::fs::write(&file, &page.body).with_context(|| format!("{}", file.display()))
    }

    /// Keeps each document that can be had now and is not kept yet.
    pub async fn papers(&mut self, browser: &mut Browser, sheet: &Sheet<'_>) -> Result<()> {
        let described = self.documents.get(sheet.plugin);
        let described = described.with_context(|| format!("no plugin {}", sheet.plugin))?;
        for document in described["documents"].as_array().into_iter().flatten() {
            let id = document["id"].as_str().context("a document has an id")?;
            let is_kept = |paper: &Value| {
                paper["plugin"] == sheet.plugin && paper["document"].as_str() == Some(id)
            };
            if self.papers.iter().any(is_kept) {
                continue;
            }
            let page = browser.get(&sheet.address.replace("{}", id)).await?;
            if page.status.is_server_error() {
                bail!("{}: {} {}", page.path, page.status, page.main_text());
            }
            if !page.status.is_success() {
                continue; // not of this case, or not now
            }
            let file = format!("{}-{id}.pdf", sheet.plugin);
            std::fs::write(self.folder.join(&file), &page.body)?;
            let mut phones = BTreeMap::new();
            for block in document["blocks"].as_array().into_iter().flatten() {
                if let Some(check) = block["IdentityQr"].as_str() {
                    let step = step_of(described, check).context("a check has a step")?;
                    let link = phone(browser, &format!("{}/steps/{step}", sheet.case)).await?;
                    phones.insert(check, link);
                }
            }
            self.papers.push(json!({
                "plugin": sheet.plugin,
                "document": id,
                "file": file,
                "typed": sheet.typed,
                "number": sheet.number,
                "cases": sheet.cases,
                "phones": phones,
            }));
        }
        Ok(())
    }

    /// Keeps the certificate that the case's page shows, once alone and once with its chain. `says` has to stand in it, and
    /// `hides` must not.
    pub async fn certificate(
        &mut self,
        browser: &mut Browser,
        case: &str,
        name: &str,
        says: &[&String],
        hides: &[&String],
    ) -> Result<()> {
        let page = browser.open(case).await?;
        let links = page.links();
        let mut serials = links
            .iter()
            .filter_map(|link| link.href.strip_prefix("/certificates/"));
        let serial = serials
            .next()
            .with_context(|| format!("no certificate on {case}"))?;
        for (form, file) in [
            ("pem", format!("{name}.pem")),
            ("chain", format!("chain-of-{name}.pem")),
        ] {
            let path = format!("/certificates/{serial}/file?form={form}");
            self.keep(browser, &path, &file).await?;
        }
        self.certificates
            .push(json!({ "file": name, "serial": serial, "says": says, "hides": hides }));
        Ok(())
    }

    /// The revocation list as it is at first, with the first certificate frozen, after it was restored, and with the last
    /// one revoked.
    pub async fn lists(&self, administrator: &mut Clerk) -> Result<()> {
        let serial = |place: Option<&Value>| {
            let serial = place.and_then(|certificate| certificate["serial"].as_str());
            serial.map(str::to_owned).context("no certificate")
        };
        let (first, last) = (
            serial(self.certificates.first())?,
            serial(self.certificates.last())?,
        );
        let browser = &mut administrator.browser;
        self.keep(browser, "/crl", "at-first.crl").await?;
        for (serial, turn, code, name) in [
            (&first, "hold", "", "frozen"),
            (&first, "release", "", "restored"),
            (&last, "revoke", "keyCompromise", "revoked"),
        ] {
            decide(browser, serial, turn, code).await?;
            self.keep(browser, "/crl", &format!("{name}.crl")).await?;
        }
        Ok(())
    }
}

/// Id of the step in which the check is done.
fn step_of<'d>(described: &'d Value, check: &str) -> Option<&'d str> {
    let services = described["services"].as_array()?;
    let mut steps = services.iter().flat_map(|service| {
        let steps = service["steps"].as_array();
        steps.into_iter().flatten()
    });
    let step = steps.find(|step| step["content"]["Identity"] == check)?;
    step["id"].as_str()
}

/// `/p/…`, where the phone is led to. A paper names the site's first domain, whichever the applicant came by.
async fn phone(browser: &mut Browser, step: &str) -> Result<String> {
    let page = browser.open(step).await?;
    let links = page.links();
    let mut tokens = links.iter().filter_map(|link| link.href.split_once("/p/"));
    let (_, token) = tokens
        .next()
        .with_context(|| format!("{step} has no link for the phone"))?;
    Ok(format!("/p/{token}"))
}

async fn decide(browser: &mut Browser, serial: &str, turn: &str, code: &str) -> Result<()> {
    let path = format!("/console/certificates/{serial}/{turn}");
    let page = browser.open(&path).await?;
    let forms = page.forms();
    let form = forms.into_iter().find(|form| form.action == path);
    let mut form = form.with_context(|| format!("{path}: {}", page.main_text()))?;
    if !code.is_empty() {
        form.fill("code", code)?;
    }
    form.fill("why", "样本")?;
    let page = browser.send(&form, Some(0)).await?;
    if page.path != format!("/console/certificates/{serial}") {
        bail!("{turn}: {}", page.main_text());
    }
    Ok(())
}
