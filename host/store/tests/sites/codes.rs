use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;
use yinxin_store::codes::{NewSmsCode, guess_sms, insert_picture, insert_sms};
use yinxin_store::{Connection, seal::Sealer};

pub fn keys() {}

fn code() -> NewSmsCode<'static> {
    NewSmsCode {
        id: "sms",
        purpose: "register",
        target: "mobile",
        code_hash: "hash",
        created_at: Millis(1),
        expires_at: Millis(100),
    }
}

pub async fn write(conn: &mut Connection, _: &Sealer, site: &SiteId, _: &()) {
    insert_sms(conn, site, code()).await.unwrap();
    assert!(guess_sms(conn, site, "register", "mobile", Millis(2), 5).await.unwrap().is_some());
    insert_picture(conn, site, "picture", "hash", Millis(100)).await.unwrap();
}

attempts!(codes, _keys: () => {
    creates insert_sms(code());
    creates insert_sms(NewSmsCode { id: "later", ..code() });
    changes guess_sms("register", "mobile", Millis(3), 5);
    changes return_guess("sms");
    changes use_sms("sms", Millis(3));
    creates insert_picture("picture", "hash", Millis(100));
    changes take_picture("picture", Millis(3));
    changes sweep(Millis(100));
});
