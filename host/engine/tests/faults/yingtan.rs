//! Yingtan's way, from the registration to the mail with the invoice.

use crate::filling::{self, Newcomer};
use crate::house::{House, Streets};
use crate::way::{Look, Way, clerk};
use yinxin_core::ids::{AccountId, OrderId};
use yinxin_engine::EngineError;
use yinxin_engine::views::CasePage;

/// A unit registers, another one for each way: there is one main key for each, ever.
pub async fn registered(
    house: &House,
    streets: &Streets,
    number: u32,
) -> Result<AccountId, EngineError> {
    filling::registered(house, streets, &Newcomer::number(number)).await
}

/// Looks at the page, and does what it says is next.
pub async fn look(
    way: &Way,
    house: &House,
    streets: &Streets,
    page: &CasePage,
) -> Result<Look, EngineError> {
    match page.state.id.as_str() {
        "done" => return Ok(Look::Arrived),
        "draft" => filling::fills_in(house, way.applicant(), page).await?,
        "first-review" => clerk(house, &page.id, "pass").await?,
        "to-pay" => {
            let order = page.order.as_ref().unwrap();
            let order = OrderId::from_stored(order.id.clone());
            way.pay(house, streets, &order).await?;
        }
        "to-post" => way.fires(house, page, "post").await?,
        "paper-review" => clerk(house, &page.id, "papers-pass").await?,
        "to-make" => clerk(house, &page.id, "make").await?,
        "to-ship" => clerk(house, &page.id, "ship").await?,
        "to-invoice" => clerk(house, &page.id, "invoice").await?,
        "issuing" => return Ok(Look::Waits),
        state => panic!("nobody meant to come to {state}"),
    }
    Ok(Look::Done)
}
