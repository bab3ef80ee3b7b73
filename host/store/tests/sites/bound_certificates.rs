use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::bound_certificates::{Bound, Proof, bind};
use yinxin_store::cases::{Case, Standing, insert as insert_case};
use yinxin_store::certificates::Filter;
use yinxin_store::{Connection, seal::Sealer};

pub struct Keys {
    account: AccountId,
    case: Case,
}

pub fn keys() -> Keys {
    let account = AccountId::generate();
    let case = Case {
        id: CaseId::generate(),
        number: "20261120000008".into(),
        account: account.clone(),
        plugin: "fujian".into(),
        plugin_digest: "d".into(),
        plugin_version: "1.0.0".into(),
        service: "new".into(),
        state: "sent".into(),
        standing: Standing {
            tone: "done".into(),
            queue: String::new(),
            payable: false,
            ended: false,
            deleted: false,
        },
        subject: "福州公司".into(),
        values: Values::default(),
        version: 1,
        entered_at: Millis(1),
        due_at: None,
        created_at: Millis(1),
        updated_at: Millis(1),
        claim: None,
    };
    Keys { account, case }
}

fn bound(serial: &str) -> Bound {
    Bound {
        id: format!("id-{serial}"),
        serial: serial.into(),
        proof: Proof::File,
        case: None,
        subject: "CN=福州公司".into(),
        not_before: Millis(1),
        not_after: Millis(1000),
        pem: "pem".into(),
        bound_at: Millis(1),
    }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    insert_case(conn, sealer, site, &keys.case).await.unwrap();
    assert!(bind(conn, site, &keys.account, &bound("01")).await.unwrap());
}

attempts!(bound_certificates, keys: Keys => {
    creates bind(&keys.account, &bound("01"));
    changes bind_issued(&keys.case.id, &bound("02"));
    changes unbind(&keys.account, "01");
    reads count(&keys.account);
    reads find(&keys.account, "01");
    reads list(&keys.account, &Filter::default(), None, 9);
});
