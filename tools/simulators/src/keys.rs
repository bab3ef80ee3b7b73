//! RSA keys of the simulated payment providers and of the one merchant they know: made at the first start, kept in the
//! state directory as PEM, so that the host's configuration refers to them as it refers to a real merchant's.
//!
//! | file | who has it in reality |
//! |---|---|
//! | `wechat/merchant.key`, `alipay/app.key` | the merchant: signs requests |
//! | `wechat/merchant.pub`, `alipay/app.pub` | uploaded to the provider |
//! | `wechat/platform.key`, `alipay/platform.key` | the provider: signs answers and notifications |
//! | `wechat/platform.pub`, `alipay/platform.pub` | downloaded by the merchant |
//! | `wechat/apiv3.key` | both: 32 characters, seals the resource of a notification |

use anyhow::{Context, anyhow};
use ring::rand::SystemRandom;
use ring::signature::{self, RsaKeyPair, UnparsedPublicKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Bits: what both providers ask for.
const BITS: usize = 2048;

/// A private key that signs with SHA256withRSA (RSASSA-PKCS1-v1_5), and its public half.
pub struct SigningKey {
    pair: RsaKeyPair,
}

impl SigningKey {
    /// Reads `<name>.key` in `folder`; makes it when it is not there. `<name>.pub` is written beside it.
    pub fn load_or_create(folder: &Path, name: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join(format!("{name}.key"));
        if !file.exists() {
            let key = rsa::RsaPrivateKey::new(
                &mut getrandom::rand_core::UnwrapErr(getrandom::SysRng),
                BITS,
            )?;
            publish(&file, key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
        }
        let pem = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let key = rsa::RsaPrivateKey::from_pkcs8_pem(&pem)
            .with_context(|| format!("{} is no PKCS#8 PEM", file.display()))?;
        let public = key.to_public_key().to_public_key_pem(LineEnding::LF)?;
        let published = folder.join(format!("{name}.pub"));
        if !published.exists() {
            publish(&published, public.as_bytes())?;
        }
        let pair = RsaKeyPair::from_pkcs8(key.to_pkcs8_der()?.as_bytes())
            .map_err(|error| anyhow!("{} cannot be used: {error}", file.display()))?;
        Ok(Self { pair })
    }

    /// A key that nobody knows: what a forger has. Made once, because it takes a while.
    pub fn unknown() -> anyhow::Result<Arc<Self>> {
        static UNKNOWN: Mutex<Option<Arc<SigningKey>>> = Mutex::new(None);
        let mut known = UNKNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.as_ref() {
            return Ok(Arc::clone(key));
        }
        let key = rsa::RsaPrivateKey::new(
            &mut getrandom::rand_core::UnwrapErr(getrandom::SysRng),
            BITS,
        )?;
        let pair = RsaKeyPair::from_pkcs8(key.to_pkcs8_der()?.as_bytes())
            .map_err(|error| anyhow!("{error}"))?;
        Ok(Arc::clone(known.insert(Arc::new(Self { pair }))))
    }

    pub fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| anyhow!("the key does not sign"))?;
        Ok(signature)
    }

    /// Whether `signature` is of this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(
            &signature::RSA_PKCS1_2048_8192_SHA256,
            self.pair.public().as_ref(),
        )
        .verify(message, signature)
        .is_ok()
    }
}

/// Writes a file that is not there yet, whole or not at all; when another process was faster, its file stays.
fn publish(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    // Two processes, or two threads of one, may make the same key at once: each has a draft of its own.
    let draft = file.with_extension(format!("{}.draft", crate::secrets::random_hex::<8>()?));
    std::fs::write(&draft, content).with_context(|| format!("cannot write {}", draft.display()))?;
    let linked = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot write {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// The merchant at WeChat Pay.
pub struct WechatKeys {
    pub merchant: SigningKey,
    pub platform: Arc<SigningKey>,
    /// 32 ASCII characters.
    pub api_v3: String,
}

impl WechatKeys {
    pub const MCHID: &str = "1900000001";
    pub const APPID: &str = "wxd678efh567hg6787";
    /// Serial number of the merchant's certificate.
    pub const MERCHANT_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
    /// Id of the provider's public key, as it stands in `Wechatpay-Serial`.
    pub const PLATFORM_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000000001";

    pub fn load_or_create(state_dir: &Path) -> anyhow::Result<Self> {
        let folder = state_dir.join("wechat");
        let merchant = SigningKey::load_or_create(&folder, "merchant")?;
        let platform = Arc::new(SigningKey::load_or_create(&folder, "platform")?);
        let file = folder.join("apiv3.key");
        if !file.exists() {
            publish(&file, crate::secrets::random_hex::<16>()?.as_bytes())?;
        }
        let api_v3 = std::fs::read_to_string(&file)?.trim().to_owned();
        Ok(Self {
            merchant,
            platform,
            api_v3,
        })
    }
}

/// The application at Alipay.
pub struct AlipayKeys {
    pub app: SigningKey,
    pub platform: Arc<SigningKey>,
}

impl AlipayKeys {
    pub const APP_ID: &str = "2021000000000001";
    /// The merchant's own account number, `seller_id` in notifications.
    pub const SELLER_ID: &str = "2088000000000001";

    pub fn load_or_create(state_dir: &Path) -> anyhow::Result<Self> {
        let folder = state_dir.join("alipay");
        Ok(Self {
            app: SigningKey::load_or_create(&folder, "app")?,
            platform: Arc::new(SigningKey::load_or_create(&folder, "platform")?),
        })
    }
}
