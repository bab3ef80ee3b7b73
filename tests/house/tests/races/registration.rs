//! Registering.

use crate::at_once::{Press, at_once, winner};
use anyhow::Result;
use yinxin_house::{House, Unit, yingtan};

pub async fn one_unit_is_registered_twice_at_once(house: &House) -> Result<()> {
    let unit = Unit::number(7_100);
    let colleague = Unit {
        mobile: Unit::number(7_101).mobile,
        password: "ling-yi-ge-mi-ma".to_owned(),
        ..unit.clone()
    };
    let mut one = yingtan::Handler::new(house, unit);
    let mut other = yingtan::Handler::new(house, colleague);
    let mut ready = Vec::new();
    for handler in [&mut one, &mut other] {
        ready.push(handler.ready_to_register().await?);
    }
    let (theirs, others) = (ready.remove(0), ready.remove(0));
    let pages = at_once(
        Press {
            browser: &mut one.browser,
            form: theirs.0,
            button: theirs.1,
        },
        Press {
            browser: &mut other.browser,
            form: others.0,
            button: others.1,
        },
    );
    let first = winner(&pages.await?, "注册成功", &["已注册"])?;
    // One account is there, and it is the winner's.
    let [mut won, mut lost] = if first == 0 {
        [one, other]
    } else {
        [other, one]
    };
    won.browser.cookies.clear();
    won.log_in().await?;
    lost.browser.cookies.clear();
    anyhow::ensure!(lost.log_in().await.is_err(), "two accounts of one unit");
    Ok(())
}
