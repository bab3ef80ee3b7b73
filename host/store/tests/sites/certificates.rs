use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::cases::{Case, Standing, insert as insert_case};
use yinxin_store::certificates::CertificateState::{Held, Reserved, Revoked, Valid};
use yinxin_store::certificates::{
    Certificate, Filter, Origin, Request, change_state, complete, insert_request, reserve, set_origin,
};
use yinxin_store::issuers::{RevocationList, replace_revocation_list};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    pub case: CaseId,
    other_case: CaseId,
    /// A case that began from the certificate 02.
    renewal: Case,
}

pub fn keys() -> Keys {
    let renewal = Case {
        id: CaseId::generate(),
        number: "20261120000009".into(),
        account: AccountId::from_stored("a1"),
        plugin: "fujian".into(),
        plugin_digest: "d".into(),
        plugin_version: "1.0.0".into(),
        service: "renewal".into(),
        state: "draft".into(),
        standing: Standing {
            tone: "draft".into(),
            queue: String::new(),
            payable: false,
            ended: false,
            deleted: false,
        },
        subject: "鹰潭公司".into(),
        values: Values::default(),
        version: 1,
        entered_at: Millis(1),
        due_at: None,
        created_at: Millis(1),
        updated_at: Millis(1),
        claim: None,
    };
    Keys { case: CaseId::generate(), other_case: CaseId::generate(), renewal }
}

fn origin(serial: &str) -> Origin {
    Origin { serial: serial.into(), kind: "renewal".into() }
}

fn request(case: &CaseId) -> Request {
    Request {
        id: "request".into(),
        case: case.clone(),
        pem: "pem".into(),
        subject: "CN=鹰潭公司".into(),
        key_digest: "key".into(),
        created_at: Millis(1),
        created_by: "account".into(),
    }
}

fn certificate(serial: &str, case: &CaseId) -> Certificate {
    Certificate {
        serial: serial.into(),
        order_key: format!("order-{serial}"),
        case: case.clone(),
        request_id: "request".into(),
        subject: "CN=鹰潭公司".into(),
        not_before: Millis(1),
        not_after: Millis(1000),
        tbs: vec![1],
        signature: Vec::new(),
        pem: String::new(),
        state: Reserved,
        reason: String::new(),
        successor: String::new(),
        successor_kind: String::new(),
        created_at: Millis(1),
        changed_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    insert_case(conn, sealer, site, &keys.renewal).await.unwrap();
    set_origin(conn, site, &keys.renewal.id, &origin("02")).await.unwrap();
    insert_request(conn, site, &request(&keys.case)).await.unwrap();
    for serial in ["01", "02", "03"] {
        reserve(conn, site, &certificate(serial, &keys.case)).await.unwrap();
    }
    for serial in ["02", "03"] {
        complete(conn, site, serial, b"signature", "pem", Millis(2)).await.unwrap();
    }
    assert!(change_state(conn, site, "03", &[Valid], Held, "遗失", Millis(3)).await.unwrap());
    let list = RevocationList { number: 1, list: vec![1], next_update: Millis(9), changes: 0 };
    replace_revocation_list(conn, site, &list, 0).await.unwrap();
}

attempts!(certificates, keys: Keys => {
    creates insert_request(&request(&keys.case));
    reads latest_request(&keys.case);
    reads key_is_taken("key", &keys.other_case);
    creates reserve(&certificate("01", &keys.case));
    reads of_order("order-01");
    reads find("01");
    reads of_case(&keys.case);
    changes complete("01", b"signature", "pem", Millis(4));
    changes change_state("02", &[Valid], Revoked, "作废", Millis(4));
    reads unusable(Millis(5), None, 9);
    reads newest(&Filter::default(), None, 9);
    reads by_end(&Filter::default(), None, 9);
    creates set_origin(&keys.case, &origin("02"));
    reads origin_of(&keys.renewal.id);
    reads case_from("02", &keys.renewal.account, "fujian", "renewal");
    changes succeed(&origin("02"), "09");
});
