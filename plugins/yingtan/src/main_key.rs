//! One main key per unit and project, ever (manual row J-11).
//!
//! Storage has one key per unit: `main-key/<USCC>`. Its value is the id of the case that holds the reservation, and
//! `issued/<id>` once the certificate exists; then nothing releases it any more.

use crate::{MAIN, SUB};
use yinxin_sdk::{Case, Problem, storage};

fn key(case: &Case) -> String {
    format!("main-key/{}", case.text("uscc"))
}

/// Fine for a sub key, and for a main key while no other case has one.
pub fn is_free(case: &Case) -> Result<(), Vec<Problem>> {
    if !case.is("lock-kind", MAIN) {
        return Ok(());
    }
    match storage::get_text(&key(case))? {
        Some(holder) if holder != case.id => Err(Problem::at(
            "lock-kind",
            "贵单位在本项目已经申请或办理过主锁，每个单位只能有一个。需要更多的锁，请申请副锁。",
        )
        .offer("改办副锁", "lock-kind", SUB)
        .into()),
        _ => Ok(()),
    }
}

/// Takes the unit's only main key for this case. Of two cases at once the second is refused.
pub fn reserve(case: &Case) -> Result<(), Vec<Problem>> {
    if !case.is("lock-kind", MAIN) {
        // It may have been a main key before it was corrected.
        return release(case);
    }
    if storage::put_if_absent(&key(case), &case.id)? {
        return Ok(());
    }
    is_free(case)
}

/// Gives the reservation back, if it is this case's.
pub fn release(case: &Case) -> Result<(), Vec<Problem>> {
    let key = key(case);
    if storage::get_text(&key)?.as_deref() == Some(&case.id) {
        storage::delete(&key)?;
    }
    Ok(())
}

/// The certificate exists: the unit never gets a second one.
pub fn keep_forever(case: &Case) -> Result<(), Vec<Problem>> {
    if case.is("lock-kind", MAIN) {
        storage::put(&key(case), format!("issued/{}", case.id))?;
    }
    Ok(())
}
