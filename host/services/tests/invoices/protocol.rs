//! Nuonuo's protocol, call by call.

use crate::desk::{Desk, desks};
use std::sync::Arc;
use yinxin_core::money::Fen;
use yinxin_core::time::{Clock, Millis};
use yinxin_services::invoices::{
    Buyer, InvoiceLine, InvoiceOrder, InvoiceProvider, InvoiceState, Nuonuo, ProviderError,
    RedLetter, RedStanding, Standing, TaxRate,
};

fn line(amount: i64) -> InvoiceLine {
    let rate = TaxRate::parse("0.06").unwrap();
    let without_tax = rate.without_tax(Fen(amount));
    InvoiceLine {
        name: "数字证书服务费".to_owned(),
        quantity: 1,
        price: Fen(amount),
        amount: Fen(amount),
        without_tax,
        tax: Fen(amount - without_tax.0),
    }
}

async fn issue(nuonuo: &Nuonuo, number: &str, line: InvoiceLine) -> Result<(), ProviderError> {
    let buyer = Buyer {
        title: "个人".to_owned(),
        tax_number: String::new(),
    };
    let order = InvoiceOrder {
        number,
        buyer: &buyer,
        lines: &[line],
        rate: TaxRate::parse("0.06").unwrap(),
        at: Millis::now(),
        remark: "",
    };
    nuonuo.issue(&order).await
}

async fn sqlite_desk() -> Desk {
    desks().await.remove(0)
}

#[tokio::test]
async fn a_wrong_secret_key_or_tax_number_gets_nowhere() {
    let desk = sqlite_desk().await;
    let good = desk.nuonuo(desk.account.clone());
    assert_eq!(good.query("1").await.unwrap(), Standing::Unknown);
    let mut wrong = [
        desk.account.clone(),
        desk.account.clone(),
        desk.account.clone(),
        desk.account.clone(),
    ];
    wrong[0].app_secret = "hunter2".to_owned();
    wrong[1].app_key = "SD2".to_owned();
    wrong[2].tax_number = "91350100M000100Y43".to_owned();
    // The path is signed as well.
    wrong[3].endpoint.set_path("/open/v2/services");
    for account in wrong {
        let nuonuo = desk.nuonuo(account);
        let refused = issue(&nuonuo, "1", line(100)).await;
        assert!(
            matches!(refused, Err(ProviderError::Unreachable(_))),
            "{refused:?}"
        );
    }
    assert!(desk.office.invoices().is_empty());
}

#[tokio::test]
async fn sums_that_do_not_add_up_are_refused() {
    let desk = sqlite_desk().await;
    let nuonuo = desk.nuonuo(desk.account.clone());
    let mut wrong = line(22000);
    wrong.tax = Fen(wrong.tax.0 + 1);
    let refused = issue(&nuonuo, "1", wrong).await;
    assert!(matches!(refused, Err(ProviderError::Refused(why)) if why.contains("E9105")));
}

#[tokio::test]
async fn every_amount_is_taken() {
    let desk = sqlite_desk().await;
    let nuonuo = desk.nuonuo(desk.account.clone());
    for amount in [1, 8, 9, 99, 100, 22000, 35_999, 9_999_999_999] {
        issue(&nuonuo, &amount.to_string(), line(amount))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn one_number_is_one_invoice() {
    let desk = sqlite_desk().await;
    let nuonuo = desk.nuonuo(desk.account.clone());
    issue(&nuonuo, "1", line(100)).await.unwrap();
    issue(&nuonuo, "1", line(100)).await.unwrap();
    assert_eq!(desk.office.invoices().len(), 1);
    assert!(matches!(nuonuo.query("1").await, Ok(Standing::Working(_))));
    let Standing::Issued(issued) = nuonuo.query("1").await.unwrap() else {
        panic!("it is issued at the second look")
    };
    assert_eq!(issued.amount, Fen(100));
    let pdf = nuonuo.download(&issued.pdf).await.unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    assert!(nuonuo.download("http://127.0.0.1:1/x.pdf").await.is_err());
}

#[tokio::test]
async fn only_an_issued_invoice_is_voided_and_only_once() {
    let desk = sqlite_desk().await;
    let nuonuo = desk.nuonuo(desk.account.clone());
    let person = Buyer {
        title: "个人".to_owned(),
        tax_number: String::new(),
    };
    let red = |number, invoice, buyer| RedLetter {
        number,
        invoice,
        buyer,
    };
    let refused = nuonuo
        .void(&red("a", "26352000000000000099", &person))
        .await;
    assert!(matches!(refused, Err(ProviderError::Refused(why)) if why.contains("不存在")));
    assert_eq!(nuonuo.query_void("a").await.unwrap(), RedStanding::Unknown);

    issue(&nuonuo, "1", line(100)).await.unwrap();
    nuonuo.query("1").await.unwrap();
    nuonuo.query("1").await.unwrap();
    let blue = desk.office.invoices()[0].number.clone();
    let other = Buyer {
        title: "张三".to_owned(),
        tax_number: String::new(),
    };
    assert!(nuonuo.void(&red("a", &blue, &other)).await.is_err());
    nuonuo.void(&red("a", &blue, &person)).await.unwrap();
    // Refused as a repetition, which is found out by a query.
    nuonuo.void(&red("a", &blue, &person)).await.unwrap();
    assert!(nuonuo.void(&red("b", &blue, &person)).await.is_err());
    let RedStanding::Issued(number) = nuonuo.query_void("a").await.unwrap() else {
        panic!("it is issued at the second look")
    };
    assert_eq!(desk.office.invoices()[1].number, number);
}

#[tokio::test]
async fn a_token_outlives_the_process_and_is_renewed() {
    let desk = sqlite_desk().await;
    for _ in 0..3 {
        let nuonuo = desk.nuonuo(desk.account.clone());
        assert_eq!(nuonuo.query("1").await.unwrap(), Standing::Unknown);
    }
    assert_eq!(desk.office.tokens_given(), 1);

    // Taken back: not at once a new one, since a wrong configuration would use up the month's.
    desk.office.revoke_tokens();
    let nuonuo = desk.nuonuo(desk.account.clone());
    for _ in 0..3 {
        assert!(nuonuo.query("1").await.is_err());
    }
    assert_eq!(desk.office.tokens_given(), 1);
    desk.clock.advance(3600);
    assert!(nuonuo.query("1").await.is_err());
    assert_eq!(nuonuo.query("1").await.unwrap(), Standing::Unknown);
    assert_eq!(desk.office.tokens_given(), 2);

    desk.clock.advance(86_400);
    assert_eq!(nuonuo.query("1").await.unwrap(), Standing::Unknown);
    assert_eq!(desk.office.tokens_given(), 3);
    assert!(desk.clock.now() > Millis::now());
}

#[tokio::test]
async fn an_invoice_of_another_amount_is_not_taken_for_ours() {
    for mut desk in desks().await {
        let (order, _) = desk.asked().await;
        let number = format!("{}01", desk.only(&order).await.order_number);
        let nuonuo = desk.nuonuo(desk.account.clone());
        issue(&nuonuo, &number, line(21999)).await.unwrap();
        desk.invoices.add_provider(
            desk.site.clone(),
            Arc::new(nuonuo),
            TaxRate::parse("0.06").unwrap(),
        );
        assert!(desk.work(3600).await.is_empty());
        let odd = desk.only(&order).await;
        assert_eq!(odd.state, InvoiceState::Failed, "{}", desk.store.name);
        assert!(odd.error.contains("219.99"));
    }
}

#[tokio::test]
async fn the_offices_page_lists_invoices_and_red_letters() {
    let desk = sqlite_desk().await;
    let (order, case) = desk.asked().await;
    desk.work(3600).await;
    desk.refund(&order, &case, 22000).await;
    desk.work(3600).await;
    let invoice = desk.only(&order).await;
    let page = desk.account.endpoint.join("/invoice").unwrap();
    let page = reqwest::get(page).await.unwrap().text().await.unwrap();
    for text in [
        &invoice.number,
        &invoice.red_number,
        "220.00",
        "-220.00",
        "红字确认单",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
}
