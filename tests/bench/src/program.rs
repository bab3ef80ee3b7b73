//! The real server: `yinxin serve` over a folder of the bench's own, with one site and the plugins that are wanted.

use crate::client::{Client, get};
use crate::plugins::Parcel;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use yinxin_core::ids::SiteId;
use yinxin_store::seal::Sealer;

/// A first start may have to compile many plugins.
const START: Duration = Duration::from_secs(240);

/// Id of the site; its only host is `bench.localhost`.
pub const SITE: &str = "bench";
pub const HOST: &str = "bench.localhost";

const MASTER: [u8; 32] = [7; 32];

/// Site, plugins and data of a server.
pub struct Ground {
    folder: PathBuf,
    database: String,
}

impl Ground {
    /// Lays it out in `folder`; what lies there already is kept.
    pub fn new(folder: &Path, database: &str, parcels: &[Parcel]) -> Self {
        let make = |path: &Path| {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .expect("a folder is made");
        };
        let site = folder.join("sites").join(SITE);
        let plugins = folder.join("plugins");
        let data = folder.join("data");
        [&site, &plugins, &data]
            .into_iter()
            .for_each(|path| make(path));
        let mut text = format!(
            "id = \"{SITE}\"\naddress = \"http://{HOST}\"\norder-days = 30\n\n[brand]\nname = \"测量\"\n\n\
             [[domain]]\nhost = \"{HOST}\"\n\n[payments.transfer]\nholder = \"测量\"\nbank = \"测量银行\"\n\
             account = \"36001000000000000001\"\n\n"
        );
        for parcel in parcels {
            parcel.write(&plugins);
            text.push_str(&parcel.in_site());
        }
        std::fs::write(site.join("site.toml"), text).expect("a site is written");
        let key = data.join("master.key");
        if !key.exists() {
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(key)
                .expect("a key is written");
            file.write_all(hex::encode(MASTER).as_bytes())
                .expect("a key is written");
        }
        Self {
            folder: folder.to_owned(),
            database: database.to_owned(),
        }
    }

    pub fn site(&self) -> SiteId {
        SiteId::parse(SITE).expect("a name of a site")
    }

    /// Seals and opens what the server does.
    pub fn sealer(&self) -> Arc<Sealer> {
        Arc::new(Sealer::new(&MASTER))
    }

    /// Starts the server, and waits until it says that it is ready.
    pub async fn start(&self) -> Server {
        let program = std::env::var_os("YINXIN_BIN")
            .expect("`cargo xtask bench` builds the server and sets YINXIN_BIN");
        // Taken and given back: somebody else could take it in between, and the start would fail with a word.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let begun = Instant::now();
        let log = std::fs::File::create(self.folder.join("log")).expect("a log");
        let mut child = Command::new(program)
            .arg("serve")
            .arg("--sites")
            .arg(self.folder.join("sites"))
            .arg("--plugins")
            .arg(self.folder.join("plugins"))
            .arg("--data")
            .arg(self.folder.join("data"))
            .args([
                "--database",
                &self.database,
                "--listen",
                &address.to_string(),
            ])
            // Each request says where it comes from, so that limits for one address do not bind all.
            .arg("--behind-proxy")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let ready = get(HOST, "/readyz", "");
        loop {
            if std::net::TcpStream::connect(address).is_ok() {
                let mut client = Client::connect(address).await;
                if client.status(&ready).await == 200 {
                    break;
                }
            }
            let ended = child.try_wait().expect("a process that can be asked");
            assert!(
                ended.is_none() && begun.elapsed() < START,
                "the server does not start:\n{}",
                std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Server {
            child,
            address,
            took: begun.elapsed(),
        }
    }
}

/// A server that runs; it is ended when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From its start until it was ready.
    pub took: Duration,
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
