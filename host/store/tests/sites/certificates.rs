use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::certificates::CertificateState::{Held, Reserved, Revoked, Valid};
use yinxin_store::certificates::{Certificate, Request, change_state, complete, insert_request, reserve};
use yinxin_store::issuers::{RevocationList, replace_revocation_list};
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    case: CaseId,
    other_case: CaseId,
}

pub fn keys() -> Keys {
    Keys { case: CaseId::generate(), other_case: CaseId::generate() }
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
        created_at: Millis(1),
        changed_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, keys: &Keys) {
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
});
