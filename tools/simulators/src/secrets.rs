//! Shared secrets of the simulated providers: made at the first start, kept in the state directory, one file each, so
//! that the host reads them by reference (`file:…`) as it reads a real provider's.

use anyhow::Context;
use std::path::Path;

pub const ALIYUN_KEY_ID: &str = "LTAIsimulator";
pub const TENCENT_KEY_ID: &str = "AKIDsimulator";
pub const FACE_KEY_ID: &str = "face-simulator";
pub const COURIER_KEY_ID: &str = "courier-simulator";

#[derive(Clone)]
pub struct Secrets {
    /// File `aliyun-sms.secret`, belongs to [`ALIYUN_KEY_ID`].
    pub aliyun: String,
    /// File `tencent-sms.secret`, belongs to [`TENCENT_KEY_ID`].
    pub tencent: String,
    /// File `face.secret`, belongs to [`FACE_KEY_ID`].
    pub face: String,
    /// File `courier.secret`, belongs to [`COURIER_KEY_ID`].
    pub courier: String,
    /// File `nuonuo.secret`, belongs to [`crate::invoice::APP_KEY`].
    pub nuonuo: String,
}

impl Secrets {
    pub fn load_or_create(state_dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(state_dir)
            .with_context(|| format!("cannot make the folder {}", state_dir.display()))?;
        let one = |name: &str| load_or_create(&state_dir.join(name));
        Ok(Self {
            aliyun: one("aliyun-sms.secret")?,
            tencent: one("tencent-sms.secret")?,
            face: one("face.secret")?,
            courier: one("courier.secret")?,
            nuonuo: one("nuonuo.secret")?,
        })
    }
}

fn load_or_create(file: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(file) {
        Ok(secret) => Ok(secret.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = random_hex::<16>()?;
            std::fs::write(file, &secret)
                .with_context(|| format!("cannot write {}", file.display()))?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// `N` random bytes as hex.
pub fn random_hex<const N: usize>() -> anyhow::Result<String> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}
