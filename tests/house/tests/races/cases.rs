//! Applications: two tabs, two clerks, a clerk and the applicant.

use crate::at_once::{Press, at_once, said, winner};
use anyhow::{Context, Result, ensure};
use yinxin_house::page::Control;
use yinxin_house::{Clerk, Form, House, Page, Unit, yingtan};

/// The two who may both judge applications.
const JUDGES: [(&str, &str); 2] = [("reviewer", "演示审核员"), ("admin", "演示管理员")];

async fn judges(house: &House) -> Result<[Clerk; 2]> {
    let [(one, _), (other, _)] = JUDGES;
    Ok([
        Clerk::log_in(house, "yingtan", one).await?,
        Clerk::log_in(house, "yingtan", other).await?,
    ])
}

/// Everything but the last button.
async fn ready(handler: &mut yingtan::Handler, kind: &str) -> Result<String> {
    let case = handler.begin().await?;
    handler.fill(&case, kind).await?;
    handler.pass_face_check(&case).await?;
    handler.upload_all(&case).await?;
    Ok(case)
}

pub async fn two_main_keys_of_a_unit_are_handed_in_at_once(house: &House) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(7_200));
    handler.register().await?;
    let cases = [
        ready(&mut handler, "主锁").await?,
        ready(&mut handler, "主锁").await?,
    ];
    let mut tabs = [handler.browser.clone(), handler.browser.clone()];
    let [one, other] = &mut tabs;
    let pages = [
        one.open(&format!("{}/steps/summary", cases[0])).await?,
        other.open(&format!("{}/steps/summary", cases[1])).await?,
    ];
    let pages = at_once(
        Press::new(one, &pages[0], "提交申请")?,
        Press::new(other, &pages[1], "提交申请")?,
    );
    let told = "每个单位只能有一个。需要更多的锁，请申请副锁";
    let first = winner(&pages.await?, "等待初审", &[told])?;
    // The other is as it was, and goes on as a sub key.
    let lost = &cases[1 - first];
    handler.case(lost).await?.headed("填写中")?;
    handler.fill(lost, "副锁").await?;
    handler.upload_all(lost).await?;
    handler.submit(lost).await?;
    Ok(())
}

pub async fn a_main_key_is_paid_while_another_is_handed_in(house: &House) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(7_300));
    handler.register().await?;
    let paid = ready(&mut handler, "主锁").await?;
    let second = ready(&mut handler, "主锁").await?;
    handler.submit(&paid).await?;
    let [mut reviewer, _] = judges(house).await?;
    reviewer.pass_all(&paid, "初审通过").await?;
    let mut tab = handler.browser.clone();
    let page = tab.open(&format!("{second}/steps/summary")).await?;
    let (form, button) = page.form_with("提交申请")?;
    let (paying, handed_in) = tokio::join!(
        handler.pay(&paid, "wechat", "repeat"),
        tab.send(&form, Some(button)),
    );
    paying?;
    let refused = handed_in?;
    ensure!(
        refused.status.is_client_error() && refused.has("每个单位只能有一个"),
        "{}",
        said(&refused)
    );
    handler.case(&second).await?.headed("填写中")?;
    Ok(())
}

pub async fn two_clerks_take_one_case_at_once(house: &House) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(7_400));
    handler.register().await?;
    let case = handler.apply("副锁").await?;
    let mut clerks = judges(house).await?;
    let [one, other] = &mut clerks;
    let pages = [one.open(&case).await?, other.open(&case).await?];
    let pages = at_once(
        Press::new(&mut one.browser, &pages[0], "领取")?,
        Press::new(&mut other.browser, &pages[1], "领取")?,
    );
    let pages = pages.await?;
    let first = winner(&pages, "您已领取", &["这件申请正由其他同事办理"])?;
    let holder = JUDGES[first].1;
    let told = format!("{holder} 正在办理这件申请，现在只能查看");
    ensure!(
        pages[1 - first].has(&told),
        "the loser is not told who has it: {}",
        said(&pages[1 - first])
    );
    Ok(())
}

/// The form with everything passed.
fn passed(page: &Page) -> Result<(Form, usize)> {
    let (mut form, button) = page.form_with("初审通过")?;
    for field in &mut form.fields {
        if field.name.starts_with("item:") && matches!(field.control, Control::Choice(_)) {
            field.value = Some("pass".to_owned());
        }
    }
    Ok((form, button))
}

pub async fn two_clerks_decide_one_case_at_once(house: &House) -> Result<()> {
    let mut handler = yingtan::Handler::new(house, Unit::number(7_500));
    handler.register().await?;
    for _ in 0..2 {
        let case = handler.apply("副锁").await?;
        let mut clerks = judges(house).await?;
        let [one, other] = &mut clerks;
        let mut presses = Vec::new();
        for clerk in [one, other] {
            let page = clerk.open(&case).await?;
            let (form, button) = passed(&page)?;
            presses.push(Press {
                browser: &mut clerk.browser,
                form,
                button,
            });
        }
        let (two, one) = (presses.pop(), presses.pop());
        let pages = at_once(one.context("a press")?, two.context("a press")?).await?;
        let first = winner(&pages, "待付款", &["您刚才的操作没有执行"])?;
        let told = format!("{}已于", JUDGES[first].1);
        ensure!(
            pages[1 - first].has(&told),
            "the loser is not told who it was: {}",
            said(&pages[1 - first])
        );
        let page = clerks[0].open(&case).await?;
        let history = page.find(".timeline").context("no history")?;
        let decided = history.matches("初审通过 →").count();
        ensure!(decided == 1, "decided {decided} times: {}", said(&page));
    }
    Ok(())
}

pub async fn a_clerk_decides_while_the_applicant_withdraws(house: &House) -> Result<()> {
    use yinxin_house::fujian;
    let mut handler = fujian::Handler::new(house, Unit::number(7_600));
    handler.register().await?;
    for _ in 0..2 {
        let case = handler.apply("1 年").await?;
        let mut clerk = Clerk::log_in(house, "fujian", "reviewer").await?;
        let page = clerk.open(&case).await?;
        let (mut form, button) = page.form_with("受理")?;
        for field in &mut form.fields {
            if field.name.starts_with("item:") && matches!(field.control, Control::Choice(_)) {
                field.value = Some("pass".to_owned());
            }
        }
        let page = handler
            .browser
            .open(&format!("{case}/actions/withdraw"))
            .await?;
        let (mut out, out_button) = page.form_with("撤回申请")?;
        out.fill("撤回的原因", "不需要了")?;
        let [decided, withdrawn] = at_once(
            Press {
                browser: &mut clerk.browser,
                form,
                button,
            },
            Press {
                browser: &mut handler.browser,
                form: out,
                button: out_button,
            },
        )
        .await?;
        // Both may succeed, one after the other; whoever did not is told, and nothing is half done.
        ensure!(
            decided.status.is_success() || withdrawn.status.is_success(),
            "nobody won: {}\n{}",
            said(&decided),
            said(&withdrawn)
        );
        for page in [&decided, &withdrawn] {
            let told = page.status.is_client_error() && page.has("刚才的操作没有执行");
            ensure!(page.status.is_success() || told, "{}", said(page));
        }
    }
    Ok(())
}
