//! From configuration to a running host: opens the database, activates the plugins and joins the services.

use crate::codes::Codes;
use crate::config::{self, MailTls, SiteFile, SmsProvider};
use crate::development::Simulators;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;
use yinxin_capabilities::{ActivationError, Manifest, PluginEntry, Registry};
use yinxin_core::ids::SiteId;
use yinxin_core::time::{Clock, SystemClock};
use yinxin_documents::Renderer;
use yinxin_engine::{Engine, Services};
use yinxin_sandbox::{Cache, Sandbox, Settings};
use yinxin_services::accounts::{Accounts, Passwords};
use yinxin_services::certificates::{Certificates, EmbeddedIssuer, IssuerNames};
use yinxin_services::content::Content;
use yinxin_services::identity::{FaceAccount, HttpFaceCheck, Identity, IdentitySite};
use yinxin_services::invoices::{Invoices, Nuonuo, NuonuoAccount, TaxRate};
use yinxin_services::messaging::{
    Aliyun, AliyunAccount, Channels, Mailer, Messaging, SmsProvider as SmsSender, Smtp,
    SmtpAccount, Tencent, TencentAccount, Tls,
};
use yinxin_services::papers::Papers;
use yinxin_services::payments::{
    Alipay, AlipayMerchant, Gateway, Payments, Wechat, WechatMerchant,
};
use yinxin_services::reconciliation::Reconciliation;
use yinxin_services::staff::Staff;
use yinxin_services::statements::Statements;
use yinxin_services::uploads::Uploads;
use yinxin_store::Store;
use yinxin_store::blobs::Blobs;
use yinxin_store::seal::Sealer;

/// Where everything lies.
#[derive(Clone, Debug)]
pub struct Places {
    pub sites: PathBuf,
    /// Folder with `NAME.wasm` and `NAME.toml`.
    pub plugins: PathBuf,
    /// Database, blobs, compiled components and the master key, where they are not said to be elsewhere.
    pub data: PathBuf,
    pub secrets: PathBuf,
    /// `sqlite://…` or `postgres://…`; none: a file in the data folder.
    pub database: Option<String>,
}

/// A host that is ready to serve.
pub struct Host {
    pub store: Store,
    pub sealer: Arc<Sealer>,
    pub clock: Arc<dyn Clock>,
    pub sites: BTreeMap<String, SiteFile>,
    /// Those of them that have no rules for their accounts.
    pub closed: BTreeSet<String>,
    pub registry: Arc<Registry>,
    pub engine: Engine,
    pub services: Services,
    pub staff: Arc<Staff>,
    pub content: Arc<Content>,
    pub statements: Arc<Statements>,
    /// Signs cookies; derived from the master key.
    pub cookie_key: [u8; 32],
}

/// Opens the database of `places`.
pub async fn open_store(places: &Places) -> Result<Store> {
    // The database in it has names and masked numbers in the clear, for lists.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&places.data)
        .with_context(|| format!("the data folder {} cannot be made", places.data.display()))?;
    let url = match &places.database {
        Some(url) => url.clone(),
        None => format!("sqlite://{}", places.data.join("yinxin.db").display()),
    };
    Store::open(&url)
        .await
        .context("the database cannot be opened")
}

/// Reads the master key, and makes one at the very first start.
pub fn master_key(data: &Path) -> Result<[u8; 32]> {
    let path = data.join("master.key");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0_u8; 32];
            getrandom::fill(&mut key).context("the system gives no random bytes")?;
            keep_private(&path, &hex::encode(key))?;
            tracing::warn!(path = %path.display(), "a new master key was made; without it sealed data is lost, keep a copy elsewhere");
            hex::encode(key)
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    let bytes = hex::decode(text.trim())
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.with_context(|| format!("{} does not hold 64 hexadecimal digits", path.display()))
}

/// Makes a file that is whole or not there: written beside and given its name when it is on the disk. One that is there
/// already, because another process made it meanwhile, stays.
fn keep_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike a renaming, a link does not replace what is there.
        std::fs::hard_link(&beside, path)?;
        match path.parent() {
            Some(folder) => std::fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    });
    let _ = std::fs::remove_file(&beside);
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// The sandbox with its compile cache.
pub fn sandbox(data: &Path, master: &[u8; 32]) -> Result<Sandbox> {
    let cache = Cache::open(
        data.join("compiled"),
        &derived(master, "yinxin compile cache v1"),
    )?;
    Ok(Sandbox::new(Settings {
        cache: Some(cache),
        ..Settings::default()
    })?)
}

/// A sandbox for a single look, which leaves nothing behind.
pub fn sandbox_uncached() -> Result<Sandbox> {
    Ok(Sandbox::new(Settings::default())?)
}

fn derived(master: &[u8; 32], purpose: &str) -> [u8; 32] {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, master);
    let tag = ring::hmac::sign(&key, purpose.as_bytes());
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    out
}

/// Reads a plugin's component and manifest.
pub fn read_plugin(folder: &Path, name: &str) -> Result<(Vec<u8>, Manifest)> {
    let component = folder.join(format!("{name}.wasm"));
    let manifest = folder.join(format!("{name}.toml"));
    let bytes = std::fs::read(&component)
        .with_context(|| format!("the component {} cannot be read", component.display()))?;
    let text = std::fs::read_to_string(&manifest)
        .with_context(|| format!("the manifest {} cannot be read", manifest.display()))?;
    let manifest =
        Manifest::parse(&text).with_context(|| format!("{} is not right", manifest.display()))?;
    Ok((bytes, manifest))
}

/// Builds the whole host. With `simulators`, every gateway of every site is a simulated one.
pub async fn assemble(places: &Places, simulators: Option<&Simulators>) -> Result<Host> {
    // Ninety megabytes of fonts are read while the database is opened and the plugins are loaded.
    let renderer = tokio::task::spawn_blocking(Renderer::with_system_fonts);
    let store = open_store(places).await?;
    let master = master_key(&places.data)?;
    let sealer = Arc::new(Sealer::new(&master));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut sites = config::read_sites(&places.sites)?;
    if let Some(simulators) = simulators {
        sites
            .values_mut()
            .for_each(|site| simulators.stand_in(site));
    }

    let registry = Arc::new(Registry::new(sandbox(&places.data, &master)?)?);
    let mut closed = BTreeSet::new();
    for (id, file) in &sites {
        if !activate(&registry, &store, file, &places.plugins).await? {
            closed.insert(id.clone());
        }
    }
    if closed.len() == sites.len() {
        bail!("no site can be opened: see the errors above");
    }

    let blobs = Blobs::folder(&places.data.join("blobs"), sealer.clone())?;
    let mut channels = HashMap::new();
    let mut templates = HashMap::new();
    let mut payments = Payments::new(store.clone(), sealer.clone(), clock.clone());
    let mut checks = HashMap::new();
    let mut lists = BTreeMap::new();
    for file in sites.values() {
        let id = file.id()?;
        let failed = || format!("{}", file.folder.join("site.toml").display());
        channels.insert(
            id.clone(),
            channels_of(file, &places.secrets).with_context(failed)?,
        );
        for gateway in gateways_of(file, &places.secrets).with_context(failed)? {
            payments.add_gateway(id.clone(), gateway);
        }
        if file.payments.transfer.is_some() {
            payments.add_transfers(id.clone());
        }
        if let Some(sms) = &file.sms {
            templates.insert(id.clone(), sms.code_template.clone());
        }
        if let Some(check) = face_of(file, &places.secrets).with_context(failed)? {
            checks.insert(id.clone(), check);
        }
        lists.insert(id, format!("{}/crl", file.address));
    }

    let messaging = Arc::new(Messaging::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        Arc::new(blobs.clone()),
        channels,
    ));
    let codes = Arc::new(Codes {
        messaging: messaging.clone(),
        templates,
    });
    let passwords = Passwords::new()?;
    let accounts = Accounts::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        passwords.clone(),
        codes,
    );
    let issuer = EmbeddedIssuer::new(store.clone(), sealer.clone(), clock.clone(), lists);
    for file in sites.values() {
        if let Some(names) = &file.issuer {
            let names = IssuerNames {
                organisation: names.organisation.clone(),
                root: names.root.clone(),
                issuing: names.issuing.clone(),
            };
            if issuer.establish(&file.id()?, &names).await? {
                tracing::info!(site = file.id, "root and issuing authority were made");
            }
        }
    }
    let uploads = Arc::new(Uploads::new(
        store.clone(),
        sealer.clone(),
        blobs,
        clock.clone(),
    ));
    let mut invoices = Invoices::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        uploads.clone(),
        messaging.clone(),
    );
    for file in sites.values() {
        if let Some(invoice) = &file.invoice {
            let failed = || format!("{}", file.folder.join("site.toml").display());
            let (account, rate) =
                invoice_account_of(invoice, &places.secrets).with_context(failed)?;
            let (store, sealer) = (store.clone(), sealer.clone());
            let provider = Nuonuo::new(account, file.id()?, store, sealer, clock.clone())?;
            invoices.add_provider(file.id()?, Arc::new(provider), rate);
        }
    }
    let payments = Arc::new(payments);
    let services = Services {
        accounts: Arc::new(accounts),
        reconciliation: Arc::new(Reconciliation::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            payments.clone(),
        )),
        payments,
        messaging,
        identity: Arc::new(Identity::new(
            store.clone(),
            sealer.clone(),
            clock.clone(),
            checks,
        )),
        uploads,
        invoices: Arc::new(invoices),
        certificates: Arc::new(Certificates::new(
            store.clone(),
            clock.clone(),
            Arc::new(issuer),
        )),
        papers: Papers::new(
            renderer.await.context("the fonts were not read")??,
            sealer.clone(),
            clock.clone(),
        ),
    };
    let setups = sites.values().map(|file| {
        Ok(yinxin_engine::Site {
            id: file.id()?,
            title: file.brand.name.clone(),
            address: file.address.clone(),
            calendar: file.calendar.clone(),
            order_days: file.order_days,
        })
    });
    let engine = Engine::new(
        store.clone(),
        sealer.clone(),
        registry.clone(),
        services.clone(),
        setups.collect::<Result<_>>()?,
        clock.clone(),
    );
    let staff = Arc::new(Staff::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        passwords,
    ));
    let content = Arc::new(Content::new(store.clone(), clock.clone()));
    let statements = Arc::new(Statements::new(
        store.clone(),
        sealer.clone(),
        clock.clone(),
        services.payments.clone(),
    ));
    for file in sites.values() {
        content
            .import_pages(&file.id()?, &file.folder.join("pages"))
            .await?;
    }
    Ok(Host {
        cookie_key: derived(&master, "yinxin cookies v1"),
        store,
        sealer,
        clock,
        sites,
        closed,
        registry,
        engine,
        services,
        staff,
        content,
        statements,
    })
}

/// Loads a site's plugins. What is wrong with one of them does not keep the others from serving, nor other sites: the
/// version before goes on where there is one. False where the site has no rules for its accounts then.
async fn activate(
    registry: &Registry,
    store: &Store,
    file: &SiteFile,
    plugins: &Path,
) -> Result<bool> {
    let site = file.id()?;
    registry.load(store, &site, &file.plugins).await?;
    for entry in &file.plugins {
        let Err(error) = renew(registry, store, &site, entry, plugins).await else {
            continue;
        };
        let of_database = |error: &ActivationError| error.is_of_database();
        if error.downcast_ref().is_some_and(of_database) {
            return Err(error);
        }
        let why = format!("{error:#}");
        let goes_on = registry.plugin(&site, &entry.name);
        let goes_on = goes_on.map(|plugin| plugin.definition.version.clone());
        tracing::error!(%site, plugin = entry.name, %why, ?goes_on, "a plugin was not activated");
        registry.refuse(&site, &entry.name, why);
    }
    let owners = registry.plugins(&site);
    let owners = owners
        .iter()
        .filter(|plugin| plugin.definition.account_policy.is_some())
        .count();
    if owners != 1 {
        tracing::error!(%site, owners, "a site needs exactly one plugin with an account policy: it is closed");
    }
    Ok(owners == 1)
}

/// Activates the version that lies in the plugins folder.
async fn renew(
    registry: &Registry,
    store: &Store,
    site: &SiteId,
    entry: &PluginEntry,
    plugins: &Path,
) -> Result<()> {
    let (component, manifest) = read_plugin(plugins, &entry.name)?;
    let activated = registry
        .activate(store, site, &component, &manifest, entry)
        .await?;
    for warning in &activated.warnings {
        tracing::warn!(%site, plugin = entry.name, "{warning}");
    }
    Ok(())
}

fn channels_of(file: &SiteFile, secrets: &Path) -> Result<Channels> {
    let sms = match &file.sms {
        None => None,
        Some(sms) => {
            let endpoint = Url::parse(&sms.endpoint).context("[sms] endpoint")?;
            let secret = sms.key_secret.read(secrets)?;
            let provider: Arc<dyn SmsSender> = match sms.provider {
                SmsProvider::Aliyun => Arc::new(Aliyun::new(AliyunAccount {
                    endpoint,
                    key_id: sms.key_id.clone(),
                    key_secret: secret,
                    sign_name: sms.sign_name.clone(),
                })?),
                SmsProvider::Tencent => Arc::new(Tencent::new(TencentAccount {
                    endpoint,
                    region: sms.region.clone(),
                    secret_id: sms.key_id.clone(),
                    secret_key: secret,
                    app_id: sms.app_id.clone(),
                    sign_name: sms.sign_name.clone(),
                })?),
            };
            Some(provider)
        }
    };
    let mail = match &file.mail {
        None => None,
        Some(mail) => {
            let mailer: Arc<dyn Mailer> = Arc::new(Smtp::new(SmtpAccount {
                host: mail.host.clone(),
                port: mail.port,
                tls: match mail.tls {
                    MailTls::None => Tls::None,
                    MailTls::StartTls => Tls::StartTls,
                    MailTls::Implicit => Tls::Wrapped,
                },
                login: match mail.user.as_str() {
                    "" => None,
                    user => Some((user.to_owned(), mail.password.read(secrets)?)),
                },
                from_name: mail.from_name.clone(),
                from_address: mail.from_address.clone(),
                root_certificate: None,
            })?);
            Some(mailer)
        }
    };
    Ok(Channels { sms, mail })
}

fn gateways_of(file: &SiteFile, secrets: &Path) -> Result<Vec<Arc<dyn Gateway>>> {
    let mut gateways: Vec<Arc<dyn Gateway>> = Vec::new();
    let notify = |gateway: &str| format!("{}/notify/{gateway}/{}", file.address, file.id);
    if let Some(wechat) = &file.payments.wechat {
        let platform_key = (
            wechat.platform_key_id.clone(),
            wechat.platform_key.read(secrets)?,
        );
        gateways.push(Arc::new(Wechat::new(WechatMerchant {
            endpoint: Url::parse(&wechat.endpoint).context("[payments.wechat] endpoint")?,
            appid: wechat.appid.clone(),
            mchid: wechat.mchid.clone(),
            merchant_serial: wechat.merchant_serial.clone(),
            merchant_key: wechat.merchant_key.read(secrets)?,
            platform_keys: vec![platform_key],
            api_v3_key: wechat.api_v3_key.read(secrets)?,
            notify_url: notify("wechat"),
        })?));
    }
    if let Some(alipay) = &file.payments.alipay {
        gateways.push(Arc::new(Alipay::new(AlipayMerchant {
            endpoint: Url::parse(&alipay.endpoint).context("[payments.alipay] endpoint")?,
            app_id: alipay.app_id.clone(),
            seller_id: alipay.seller_id.clone(),
            app_key: alipay.app_key.read(secrets)?,
            alipay_key: alipay.platform_key.read(secrets)?,
            notify_url: notify("alipay"),
        })?));
    }
    Ok(gateways)
}

fn face_of(file: &SiteFile, secrets: &Path) -> Result<Option<IdentitySite>> {
    let Some(face) = &file.face else {
        return Ok(None);
    };
    let provider = HttpFaceCheck::new(FaceAccount {
        endpoint: Url::parse(&face.endpoint).context("[face] endpoint")?,
        key_id: face.key_id.clone(),
        secret: face.key_secret.read(secrets)?,
    })?;
    Ok(Some(IdentitySite {
        provider: Arc::new(provider),
        address: file.address.clone(),
        notify_url: format!("{}/notify/face/{}", file.address, file.id),
    }))
}

fn invoice_account_of(
    invoice: &config::Invoice,
    secrets: &Path,
) -> Result<(NuonuoAccount, TaxRate)> {
    let rate = TaxRate::parse(&invoice.tax_rate)
        .context("[invoice] tax-rate is not one of 0.01, 0.03, 0.06, 0.09, 0.13")?;
    let code = &invoice.goods_code;
    if code.len() != 19 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("[invoice] goods-code has 19 digits, as the tax classification has them");
    }
    let account = NuonuoAccount {
        endpoint: Url::parse(&invoice.endpoint).context("[invoice] endpoint")?,
        token_endpoint: Url::parse(&invoice.token_endpoint).context("[invoice] token-endpoint")?,
        app_key: invoice.app_key.clone(),
        app_secret: invoice.app_secret.read(secrets)?,
        tax_number: invoice.tax_number.clone(),
        name: invoice.name.clone(),
        address: invoice.address.clone(),
        phone: invoice.phone.clone(),
        clerk: invoice.clerk.clone(),
        goods_code: code.clone(),
    };
    Ok((account, rate))
}
