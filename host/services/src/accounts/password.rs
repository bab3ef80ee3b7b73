//! Passwords: what is asked of a new one, and how they are kept.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Semaphore;

/// 19 MiB, two passes, one lane: the OWASP Password Storage Cheat Sheet's first choice for argon2id; about 25 ms of one
/// core, so that a core serves 40 log-ins a second.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Longest wait for a free core before the person is told to try again; past it, the queue only grows.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Characters; argon2 would take any number, a request's size should not decide about its cost.
const LONGEST: usize = 128;

/// The commonest passwords of published leaks that are long enough to pass the other rules, in small letters.
const COMMON: &str = include_str!("common_passwords.txt");

#[derive(Debug, Error)]
pub enum PasswordError {
    #[error("all cores are busy with other log-ins")]
    Busy,
    #[error("argon2: {0}")]
    Hashing(String),
}

/// Hashes and verifies. Cheap to clone; all clones share the cores.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    cores: Arc<Semaphore>,
    /// Hash that no password has: verifying against it takes as long as against a real one.
    nobody: Arc<str>,
}

impl Passwords {
    /// With the parameters for production.
    pub fn new() -> Result<Self, PasswordError> {
        Self::with(MEMORY_KIB, PASSES)
    }

    fn with(memory_kib: u32, passes: u32) -> Result<Self, PasswordError> {
        let params = Params::new(memory_kib, passes, LANES, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // Any 32 bytes will do: what makes the work is the hash of the password that is tried.
        let mut output = [0; 32];
        getrandom::fill(&mut output).map_err(failed)?;
        let nobody = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon2.params()).map_err(failed)?,
            salt: Some(Salt::generate()),
            hash: Some(Output::new(&output).map_err(failed)?),
        };
        Ok(Self {
            argon2,
            cores: Arc::new(Semaphore::new(cores)),
            nobody: nobody.to_string().into(),
        })
    }

    /// With the least that argon2 takes, so that tests spend their time on something else.
    #[cfg(test)]
    pub fn cheap() -> Self {
        Self::with(8, 1).unwrap()
    }

    /// The PHC string to keep.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let argon2 = self.argon2.clone();
        let password = password.to_owned();
        self.on_a_core(move || {
            let hash: PasswordHash = argon2.hash_password(password.as_bytes()).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one. Without a hash (there is no such account) it takes as long and is false.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        let known = hash.is_some() && password.chars().count() <= LONGEST;
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let password: String = password.chars().take(LONGEST).collect();
        let argon2 = self.argon2.clone();
        let matches = self
            .on_a_core(move || {
                let hash = PasswordHash::new(&hash).map_err(failed)?;
                // The parameters are those of the hash, so that older hashes go on to be right.
                Ok(argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(matches && known)
    }

    /// True when the hash was made with other parameters than those of today; the next log-in is the chance to renew it.
    pub fn is_outdated(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else {
            return true;
        };
        let today = self.argon2.params();
        Params::try_from(&hash).map_or(true, |params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (today.m_cost(), today.t_cost(), today.p_cost())
        })
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        // A log-in that costs this and one that does not would tell who exists; tests count these lines.
        tracing::trace!("a password is worked on");
        let turn = tokio::time::timeout(LONGEST_WAIT, self.cores.clone().acquire_owned());
        let core = turn
            .await
            .map_err(|_| PasswordError::Busy)?
            .map_err(failed)?;
        tokio::task::spawn_blocking(move || {
            // Kept by the work, not by the request: one that is given up does not free the core before it is free.
            let _core = core;
            work()
        })
        .await
        .map_err(failed)?
    }
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Hashing(error.to_string())
}

/// What is wrong with a new password, in a sentence; none: it will do. `shortest` counts characters; `login_ids` are the
/// account's own.
pub fn problem_of(password: &str, shortest: u32, login_ids: &[String]) -> Option<String> {
    let length = password.chars().count();
    if length < shortest as usize {
        return Some(format!("密码至少需要 {shortest} 个字符"));
    }
    if length > LONGEST {
        return Some(format!("密码最多 {LONGEST} 个字符"));
    }
    let plain = password.trim().to_lowercase();
    if login_ids.iter().any(|id| id.to_lowercase() == plain) {
        return Some("密码不能与登录名等账号资料相同，请换一个".to_owned());
    }
    if COMMON.lines().any(|common| common == plain) || is_one_run(&plain) {
        return Some("这个密码太常见，容易被人猜到，请换一个".to_owned());
    }
    None
}

/// `aaaaaaaa`, `12345678`, `hgfedcba`: each character follows the one before by the same step of -1, 0 or 1.
fn is_one_run(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let mut steps = codes.iter().zip(codes.iter().skip(1)).map(|(a, b)| b - a);
    let Some(first) = steps.next() else {
        return true;
    };
    (-1..=1).contains(&first) && steps.all(|step| step == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_in_words() {
        let own = ["13800001111".to_owned(), "91350100m000100y43".to_owned()];
        for (password, says) in [
            ("short7!", "至少"),
            ("91350100M000100Y43", "登录名"),
            ("13800001111", "登录名"),
            ("Password123", "常见"),
            ("aaaaaaaaaa", "常见"),
            ("1234567890", "常见"),
            ("23456789", "常见"),
            ("87654321", "常见"),
            ("woaini1314", "常见"),
        ] {
            let problem = problem_of(password, 8, &own).unwrap_or_default();
            assert!(problem.contains(says), "{password}: {problem}");
        }
        assert!(problem_of(&"长".repeat(129), 8, &own).is_some());
        for password in ["信江秋水长天一色", "kT7 river stone", "yingtan#2026x"] {
            assert_eq!(problem_of(password, 8, &own), None);
        }
    }

    #[test]
    fn the_list_is_in_small_letters_and_without_twins() {
        let mut lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() >= 200);
        assert!(
            lines
                .iter()
                .all(|line| line.len() >= 8 && **line == line.to_lowercase())
        );
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), COMMON.lines().count());
    }

    #[test]
    fn nobodys_hash_is_as_a_real_one_and_is_worked_through() {
        let passwords = Passwords::cheap();
        let real: PasswordHash = passwords.argon2.hash_password(b"x").unwrap();
        let nobody = PasswordHash::new(&passwords.nobody).unwrap();
        assert_eq!(
            (nobody.algorithm, nobody.version, &nobody.params),
            (real.algorithm, real.version, &real.params)
        );
        let length = |hash: &PasswordHash| hash.hash.map(|output| output.len());
        assert_eq!(length(&nobody), length(&real));
        // Found wrong, which takes the work, and not unreadable, which takes none.
        assert_eq!(
            passwords.argon2.verify_password(b"x", &nobody),
            Err(argon2::password_hash::Error::PasswordInvalid)
        );
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_hash_alone() {
        let passwords = Passwords::cheap();
        let hash = passwords.hash("信江秋水").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(passwords.verify("信江秋水", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("信江春水", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("信江秋水", None).await.unwrap());
        assert_ne!(passwords.hash("信江秋水").await.unwrap(), hash);
        let production = Passwords::new().unwrap();
        assert!(production.is_outdated(&hash));
        assert!(production.verify("信江秋水", Some(&hash)).await.unwrap());
        assert!(!production.is_outdated(&production.hash("信江秋水").await.unwrap()));
    }
}
