use crate::{cases, certificates, files, identity_checks, materials, orders, papers};
use yinxin_core::ids::SiteId;
use yinxin_store::accounts::put_profile;
use yinxin_store::certificates::{Origin, set_origin};
use yinxin_store::identity_checks::IdentityCheck;
use yinxin_store::{Connection, seal::Sealer};

/// One case with one of everything.
pub struct Keys {
    case: cases::Keys,
    file: files::Keys,
    materials: materials::Keys,
    check: IdentityCheck,
    order: orders::Keys,
    certificates: certificates::Keys,
}

pub fn keys() -> Keys {
    let (case, file) = (cases::keys(), files::keys());
    let id = &case.case.id;
    let mut materials = materials::keys();
    materials.case = id.clone();
    materials.placed.file = file.stored.id.clone();
    let check = IdentityCheck { case: id.clone(), ..identity_checks::keys() };
    let (mut order, mut certificates) = (orders::keys(), certificates::keys());
    order.case = id.clone();
    certificates.case = id.clone();
    Keys { case, file, materials, check, order, certificates }
}

pub async fn write(conn: &mut Connection, sealer: &Sealer, site: &SiteId, keys: &Keys) {
    let case = &keys.case.case;
    cases::write(conn, sealer, site, &keys.case).await;
    files::write(conn, sealer, site, &keys.file).await;
    materials::write(conn, sealer, site, &keys.materials).await;
    papers::write(conn, sealer, site, &case.id).await;
    identity_checks::write(conn, sealer, site, &keys.check).await;
    orders::write(conn, sealer, site, &keys.order).await;
    certificates::write(conn, sealer, site, &keys.certificates).await;
    let origin = Origin { serial: "00".into(), kind: "renewal".into() };
    set_origin(conn, site, &case.id, &origin).await.unwrap();
    put_profile(conn, site, &case.account, b"profile", 0).await.unwrap();
}

attempts!(dossiers, keys: Keys => {
    reads get with sealer (&keys.case.case.id);
});
