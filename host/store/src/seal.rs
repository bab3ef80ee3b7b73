//! Sealing of personal data at rest: AES-256-GCM (NIST SP 800-38D) with one key of the operator's, and keyed fingerprints
//! (HMAC-SHA-256) to look up what is sealed.

use crate::StoreError;
use ring::{
    aead, hmac,
    rand::{SecureRandom, SystemRandom},
};

/// First byte of every sealed value, so that a later format or key can stand beside this one.
const FORMAT: u8 = 1;
const NONCE: usize = 12;

/// Seals and opens with the operator's master key. Two keys are derived from it: one to seal, one for fingerprints.
pub struct Sealer {
    key: aead::LessSafeKey,
    fingerprints: hmac::Key,
    random: SystemRandom,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// From the 32-byte master key.
    pub fn new(master: &[u8; 32]) -> Self {
        let derive = |purpose: &str| {
            hmac::sign(
                &hmac::Key::new(hmac::HMAC_SHA256, master),
                purpose.as_bytes(),
            )
        };
        let sealing = derive("yinxin seal v1");
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, sealing.as_ref());
        let Ok(key) = key else {
            unreachable!("HMAC-SHA-256 yields the 32 bytes that AES-256 takes")
        };
        Self {
            key: aead::LessSafeKey::new(key),
            fingerprints: hmac::Key::new(
                hmac::HMAC_SHA256,
                derive("yinxin fingerprint v1").as_ref(),
            ),
            random: SystemRandom::new(),
        }
    }

    /// Seals `plain`. `context` (for example `jiangxi/case/<id>`) is bound to it: a value moved to another row does not
    /// open there.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE];
        self.random
            .fill(&mut nonce)
            .map_err(|_| StoreError::Damaged("the random source"))?;
        let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + aead::AES_256_GCM.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(context.as_bytes()),
                &mut body,
            )
            .map_err(|_| StoreError::Damaged("a value to seal"))?;
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] made with the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged("a sealed column");
        let (&FORMAT, rest) = sealed.split_first().ok_or(DAMAGED)? else {
            return Err(DAMAGED);
        };
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or(DAMAGED)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| DAMAGED)?;
        let mut body = body.to_vec();
        let length = self
            .key
            .open_in_place(nonce, aead::Aad::from(context.as_bytes()), &mut body)
            .map_err(|_| DAMAGED)?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// Keyed hash to find a sealed value by: the same for the same context and text, useless without the key.
    pub fn fingerprint(&self, context: &str, text: &str) -> String {
        let mut signer = hmac::Context::with_key(&self.fingerprints);
        signer.update(&(context.len() as u64).to_be_bytes());
        signer.update(context.as_bytes());
        signer.update(text.as_bytes());
        hex::encode(signer.sign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_key_and_in_its_place() {
        let sealer = Sealer::new(&[1; 32]);
        let sealed = sealer.seal("jiangxi/case/1", "身份证".as_bytes()).unwrap();
        assert_eq!(
            sealer.open("jiangxi/case/1", &sealed).unwrap(),
            "身份证".as_bytes()
        );
        assert!(sealer.open("jiangxi/case/2", &sealed).is_err());
        assert!(
            Sealer::new(&[2; 32])
                .open("jiangxi/case/1", &sealed)
                .is_err()
        );
        for cut in 0..sealed.len() {
            assert!(sealer.open("jiangxi/case/1", &sealed[..cut]).is_err());
        }
        assert_ne!(sealer.fingerprint("a", "bc"), sealer.fingerprint("ab", "c"));
    }
}
