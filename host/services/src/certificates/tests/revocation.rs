use super::*;

#[tokio::test]
async fn a_frozen_certificate_is_on_the_list_as_hold_and_off_again_after_release() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let certificate = office.issue().await;
        let serial = certificate.serial.as_str();
        let chain = office.certificates.chain(&office.site).await.unwrap();
        office.write("chain.pem", &chain);
        office.write("leaf.pem", &certificate.pem);
        let list = async || {
            let bytes = office.certificates.crl(&office.site).await.unwrap();
            office.write("list.crl", &bytes);
            office.openssl(&[
                "crl", "-inform", "DER", "-in", "list.crl", "-out", "list.pem",
            ]);
            office.openssl(&[
                "crl",
                "-in",
                "list.pem",
                "-noout",
                "-text",
                "-CAfile",
                "chain.pem",
            ])
        };
        let check = || {
            let at = (office.watch.now().0 / 1000).to_string();
            openssl(
                office.folder.path(),
                &[
                    "verify",
                    "-attime",
                    &at,
                    "-crl_check",
                    "-CRLfile",
                    "list.pem",
                    "-CAfile",
                    "chain.pem",
                    "leaf.pem",
                ],
            )
        };
        let empty = list().await;
        assert!(
            empty.contains("verify OK") && empty.contains("No Revoked Certificates"),
            "{empty}"
        );
        check().unwrap();
        let mut tx = office.store.begin().await.unwrap();
        office
            .certificates
            .hold(&mut tx, &office.site, serial)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let held = list().await;
        assert!(
            held.contains(&serial.to_uppercase()) && held.contains("Certificate Hold"),
            "{held}"
        );
        assert!(check().unwrap_err().contains("certificate revoked"));
        let mut tx = office.store.begin().await.unwrap();
        office
            .certificates
            .release(&mut tx, &office.site, serial)
            .await
            .unwrap();
        let again = office
            .certificates
            .release(&mut tx, &office.site, serial)
            .await;
        assert!(matches!(again, Err(CertificateError::NotPossible)));
        tx.commit().await.unwrap();
        assert!(
            list().await.contains("No Revoked Certificates"),
            "{}",
            office.store.name
        );
        check().unwrap();
        let mut tx = office.store.begin().await.unwrap();
        office
            .certificates
            .revoke(&mut tx, &office.site, serial, "keyCompromise")
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let revoked = list().await;
        assert!(revoked.contains("Key Compromise"), "{revoked}");
        assert_eq!(
            revoked,
            list().await,
            "an unchanged list is not signed again"
        );
        office.later(25 * 3600);
        assert_ne!(revoked, list().await, "after a day it is");
        assert_eq!(
            office.issued().await[0].standing,
            CertificateStanding::Revoked
        );
    }
}
