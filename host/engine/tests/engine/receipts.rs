//! Receipts of orders (manual row F-10).

use crate::hall::halls;
use crate::shopper::{BANYAN, Shopper, choice};
use std::slice::from_ref;
use yinxin_core::money::Method;
use yinxin_documents::PaperBlock;
use yinxin_engine::EngineError;

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_names_what_to_send_by_service_and_way_to_pay() {
    for hall in halls().await {
        let shopper = Shopper::new(&hall);
        let serial = shopper.certificate(BANYAN).await;
        let renewal = shopper.renewed(&serial, BANYAN, 1).await;
        let new = shopper.applied(BANYAN, 1).await;
        let (engine, site, actor) = (&hall.engine, &hall.market, shopper.actor());
        let order = shopper.order(from_ref(&renewal), Method::Wechat).await;
        let documents = || async {
            let views = engine.receipts(site, &actor, &order).await.unwrap();
            let ids: Vec<_> = views.into_iter().map(|view| view.document).collect();
            ids
        };
        assert_eq!(documents().await, ["receipt-renewal"], "{}", hall.name());

        let mixed = [renewal.clone(), new.clone()];
        let total = shopper.quote(&mixed).await.unwrap().total;
        let transfer = choice(Method::BankTransfer, total);
        shopper.change(&order, &mixed, &transfer).await.unwrap();
        assert_eq!(
            documents().await,
            ["receipt-renewal-transfer", "receipt-enterprise"]
        );
        let gone = engine
            .receipt(site, &actor, &order, "receipt-renewal")
            .await;
        assert!(matches!(gone, Err(EngineError::NotFound)));

        let paper = engine
            .receipt_paper(site, &actor, &order, "receipt-enterprise")
            .await
            .unwrap();
        let view = shopper.view(&order).await;
        assert_eq!(paper.imprint.number, view.number);
        let cases = paper.blocks.iter().find_map(|block| match block {
            PaperBlock::Cases(table) => Some(&table.cases),
            _ => None,
        });
        let number = shopper.page(&new).await.number;
        let row = [number, BANYAN.0.to_owned(), "企业证书新办".to_owned()];
        assert_eq!(cases.unwrap(), &[row], "only those of its service");
        let text = serde_json::to_string(&paper).unwrap();
        for said in ["对公转账", &view.total.to_string(), &view.number] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let pdf = engine
            .receipt(site, &actor, &order, "receipt-enterprise")
            .await
            .unwrap();
        assert!(pdf.bytes.starts_with(b"%PDF-"));
        assert!(pdf.name.contains(&view.number));

        // It is no paper of the case.
        let page = shopper.page(&new).await;
        let papers = page.papers.iter().map(|view| view.document.id.as_str());
        assert!(papers.into_iter().all(|id| !id.starts_with("receipt")));
        let alone = engine.paper(site, &actor, &new, "receipt-enterprise").await;
        assert!(matches!(alone, Err(EngineError::NotFound)));

        shopper.cancel(&order).await.unwrap();
        assert_eq!(documents().await, [""; 0]);
    }
}
