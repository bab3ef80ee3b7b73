//! Once a certificate is out: warnings before its end, and what follows it (manual row F-12).

use crate::messages::tell;
use crate::{DAYS_OF_GRACE, renewal};
use yinxin_sdk::certificates::{self, Certificate, Standing};
use yinxin_sdk::{Case, Decision, Problem, day_of};

type Outcome = Result<Decision, Vec<Problem>>;

/// The case's certificate; none where it has been lost sight of, which no timer can mend.
fn newest() -> Result<Option<Certificate>, Vec<Problem>> {
    Ok(certificates::issued()?.into_iter().next())
}

fn is_renewed(certificate: Option<&Certificate>) -> Result<bool, Vec<Problem>> {
    match certificate {
        Some(certificate) => renewal::is_renewed(&certificate.serial),
        None => Ok(false),
    }
}

/// Nobody is warned of a certificate that has been replaced, or that is no longer used anyway.
pub fn warn(case: &Case) -> Outcome {
    let certificate = newest()?;
    if is_renewed(certificate.as_ref())? {
        return Ok(Decision::to("sent").note("证书已经续费，不再提醒。"));
    }
    match certificate.filter(|certificate| certificate.standing != Standing::Revoked) {
        Some(certificate) => {
            tell(case, "expiring", &[("day", &day_of(certificate.not_after))])?;
            Ok(Decision::to("sent").note("已提醒续费。"))
        }
        None => Ok(Decision::to("sent").note("证书已经注销，不再提醒。")),
    }
}

pub fn expire(case: &Case) -> Outcome {
    let certificate = newest()?;
    if is_renewed(certificate.as_ref())? {
        return Ok(Decision::to("renewed").note("证书到期，已有续费的证书。"));
    }
    if certificate.is_some_and(|certificate| certificate.standing != Standing::Revoked) {
        tell(case, "expired", &[("grace", &DAYS_OF_GRACE.to_string())])?;
    }
    Ok(Decision::to("sent").note("证书已到期。"))
}

pub fn revoke(case: &Case) -> Outcome {
    let certificate = newest()?;
    if is_renewed(certificate.as_ref())? {
        return Ok(Decision::to("renewed").note("已有续费的证书。"));
    }
    if let Some(certificate) = certificate.filter(|one| one.standing != Standing::Revoked) {
        certificates::revoke(&certificate.serial, &format!("过期满 {DAYS_OF_GRACE} 天"))?;
        tell(case, "revoked", &[("grace", &DAYS_OF_GRACE.to_string())])?;
    }
    Ok(Decision::to("revoked").note(format!("证书过期已满 {DAYS_OF_GRACE} 天，系统已注销。")))
}
