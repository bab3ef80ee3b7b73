//! What a renewal asks of its certificate (manual rows F-11 and F-12), and that there is one renewal at a time.
//!
//! Storage has two keys per certificate: `renewing/<serial>` with the id of the case under way, and `renewed/<serial>`
//! with the serial of the certificate that replaced it, for good.

use crate::services::{holder, holder_field, is_personal, is_renewal};
use crate::{DAYS_OF_GRACE, accounts};
use yinxin_sdk::{
    Case, Event, Moment, NamedValue, Problem, Sources, days_between, storage, values,
};

type Answer<T = ()> = Result<T, Vec<Problem>>;

fn renewing(serial: &str) -> String {
    format!("renewing/{serial}")
}

fn renewed(serial: &str) -> String {
    format!("renewed/{serial}")
}

/// First answers: what the certificate says before what the profile says. Fields that begin with `from-` are asked of no
/// applicant, so they stay as the host read them.
pub fn prefill(sources: &Sources) -> Vec<NamedValue> {
    let certificate = |field| sources.certificate(field);
    let region = format!("{} {}", certificate("subject.ST"), certificate("subject.L"));
    let personal = is_personal(&sources.service);
    let number = certificate("subject.serialNumber");
    let mut answers = values([
        ("from-serial", certificate("serial")),
        ("from-name", certificate("subject.CN")),
        ("from-unit", certificate("subject.O")),
        ("from-until", certificate("not-after")),
        ("from-standing", certificate("standing")),
        ("certificate-serial", certificate("serial")),
        ("certificate-until", certificate("not-after")),
        ("unit-name", certificate("subject.O")),
        // A unit's certificate has its USCC there, a person's only an acceptance number.
        ("uscc", if personal { "" } else { number }),
        (
            "name",
            if personal {
                certificate("subject.CN")
            } else {
                ""
            },
        ),
        ("region", region.trim()),
    ]);
    let known: Vec<NamedValue> = accounts::prefill(sources)
        .into_iter()
        .filter(|entry| answers.iter().all(|answer| answer.name != entry.name))
        .filter(|entry| !entry.name.starts_with("from-"))
        .collect();
    answers.extend(known);
    answers
}

/// The certificate can be renewed, is the holder's, and nobody else is at it. Fine for what is no renewal.
pub fn may_begin(case: &Case, at: &Moment) -> Answer {
    if !is_renewal(&case.service) {
        return Ok(());
    }
    let serial = case.text("from-serial");
    if serial.is_empty() {
        return Err(
            Problem::of_case("还不知道要续费哪张证书，请删除本申请，从选择证书重新开始。").into(),
        );
    }
    let mut problems = as_chosen(case);
    problems.extend(is_holders(case));
    problems.extend(in_time(case, at));
    problems.extend(free(case, serial).err().unwrap_or_default());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Serial and end are shown in the form to be looked at, not to be changed.
fn as_chosen(case: &Case) -> Vec<Problem> {
    let shown = [
        (
            "certificate-serial",
            "from-serial",
            "序列号与所选的证书不一致。",
        ),
        (
            "certificate-until",
            "from-until",
            "到期日与所选的证书不一致。",
        ),
    ];
    shown
        .into_iter()
        .filter(|(field, from, _)| case.text(field) != case.text(from))
        .map(|(field, from, message)| {
            Problem::at(field, message).offer("恢复为证书上的内容", field, case.text(from))
        })
        .collect()
}

fn is_holders(case: &Case) -> Option<Problem> {
    let (name, unit) = (case.text("from-name"), case.text("from-unit"));
    if is_personal(&case.service) {
        if name == unit {
            return Some(Problem::of_case("所选的是企业证书，请办理企业证书续费。"));
        }
        return (holder(case) != name).then(|| {
            Problem::at(
                holder_field(case),
                format!("姓名与证书上的“{name}”不一致；改了姓名的，请新办证书。"),
            )
        });
    }
    let same = holder(case) == unit || holder(case) == name;
    (!same).then(|| {
        let on_it = if unit.is_empty() { name } else { unit };
        Problem::at(
            holder_field(case),
            format!("单位名称与证书上的“{on_it}”不一致；单位改了名的，请新办证书。"),
        )
    })
}

fn in_time(case: &Case, at: &Moment) -> Option<Problem> {
    if case.is("from-standing", "revoked") {
        return Some(Problem::of_case("这张证书已经注销，不能续费，请新办证书。"));
    }
    if case.is("from-standing", "held") {
        return Some(Problem::of_case("这张证书已经冻结，请先恢复，再来续费。"));
    }
    let expired = days_between(case.text("from-until"), &at.today)?;
    (expired > i64::from(DAYS_OF_GRACE)).then(|| {
        Problem::of_case(format!(
            "这张证书过期已经超过 {DAYS_OF_GRACE} 天，不能续费，请新办证书。"
        ))
    })
}

fn free(case: &Case, serial: &str) -> Answer {
    if storage::get(&renewed(serial))?.is_some() {
        return Err(Problem::of_case(
            "这张证书已经续费过，请用新的证书；要再续，请从新的证书开始。",
        )
        .into());
    }
    match storage::get_text(&renewing(serial))? {
        Some(other) if other != case.id => {
            Err(Problem::of_case("这张证书的续费正在办理，不能再提交一份。").into())
        }
        _ => Ok(()),
    }
}

/// Takes the certificate for this case as long as it is with the CA: one that was sent back takes it again when it is
/// submitted, so that who has only a certificate's file does not keep its holder from renewing it. Of two cases at once the
/// second is refused.
pub fn reserve(case: &Case) -> Answer {
    let serial = case.text("from-serial");
    if !is_renewal(&case.service) || storage::put_if_absent(&renewing(serial), &case.id)? {
        return Ok(());
    }
    free(case, serial)
}

/// Gives the certificate back, if it is this case's.
pub fn release(case: &Case) -> Answer {
    let serial = case.text("from-serial");
    if serial.is_empty() {
        return Ok(());
    }
    let key = renewing(serial);
    if storage::get_text(&key)?.as_deref() == Some(&case.id) {
        storage::delete(&key)?;
    }
    Ok(())
}

/// The key that has come holds the certificate that is to be renewed, as far as the maker says which it holds.
pub fn is_in_key(case: &Case, event: &Event) -> Answer {
    let read = event.said("from-serial");
    if read.is_empty() || digits(read) == digits(case.text("from-serial")) {
        return Ok(());
    }
    Err(Problem::at(
        "from-serial",
        format!(
            "KEY 里的证书不是要续费的那张（序列号 {}），请核对 KEY 是不是拿错了。",
            case.text("from-serial")
        ),
    )
    .into())
}

/// Tools show a serial number in upper or lower case, with colons or spaces, with zeros in front.
fn digits(serial: &str) -> String {
    let digits = serial.chars().filter(char::is_ascii_hexdigit);
    let digits: String = digits.map(|digit| digit.to_ascii_lowercase()).collect();
    digits.trim_start_matches('0').to_owned()
}

/// The new certificate exists: the old one is not renewed a second time.
pub fn done(case: &Case, by: &str) -> Answer {
    if is_renewal(&case.service) {
        release(case)?;
        storage::put(&renewed(case.text("from-serial")), by)?;
    }
    Ok(())
}

/// True when another certificate has replaced the one with this serial.
pub fn is_renewed(serial: &str) -> Answer<bool> {
    Ok(storage::get(&renewed(serial))?.is_some())
}
