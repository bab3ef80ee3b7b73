use super::*;

#[tokio::test]
async fn openssl_agrees_with_the_chain_and_reads_the_profile() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let certificate = office.issue().await;
        let chain = office.certificates.chain(&office.site).await.unwrap();
        let root = &chain[chain.rfind("-----BEGIN CERTIFICATE-----").unwrap()..];
        office.write("root.pem", root);
        office.write("chain.pem", &chain);
        office.write("leaf.pem", &certificate.pem);
        let at = (NOW.0 / 1000).to_string();
        let verdict = office.openssl(&[
            "verify",
            "-x509_strict",
            "-attime",
            &at,
            "-purpose",
            "sslclient",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "chain.pem",
            "leaf.pem",
        ]);
        assert!(verdict.contains("leaf.pem: OK"), "{verdict}");
        let text = office.openssl(&[
            "x509",
            "-in",
            "leaf.pem",
            "-noout",
            "-text",
            "-nameopt",
            "utf8,sep_comma_plus",
        ]);
        for expected in [
            "Subject: C=CN,O=鹰潭市某某建设有限公司,serialNumber=91360600MA35F5XX0K,CN=钟𬭎",
            "Issuer: C=CN,O=江西省数字证书有限公司,CN=江西 CA 签发",
            "Digital Signature, Non Repudiation",
            "TLS Web Client Authentication",
            "X509v3 Subject Key Identifier",
            "X509v3 Authority Key Identifier",
            "CA:FALSE",
            "URI:http://jiangxi.example.cn/pki/issuing.crl",
            "Not Before: Nov 20 10:00:00 2026 GMT",
            "Not After : Nov 20 15:59:59 2027 GMT",
        ] {
            assert!(text.contains(expected), "{expected} is missing in {text}");
        }
        let serial = office.openssl(&["x509", "-in", "leaf.pem", "-noout", "-serial"]);
        assert_eq!(
            serial.trim().to_lowercase(),
            format!("serial={}", certificate.serial)
        );
        let key = office.openssl(&["x509", "-in", "leaf.pem", "-noout", "-pubkey"]);
        assert_eq!(
            key,
            office.openssl(&["pkey", "-in", "key.pem", "-pubout"]),
            "the key of the request"
        );
        assert_eq!(
            certificate.subject,
            "CN=钟𬭎,serialNumber=91360600MA35F5XX0K,O=鹰潭市某某建设有限公司,C=CN"
        );
        assert_eq!(certificate.standing, CertificateStanding::Valid);
        office.later(366 * 24 * 3600);
        assert_eq!(
            office.issued().await[0].standing,
            CertificateStanding::Expired
        );
    }
}

#[tokio::test]
async fn a_crash_between_record_and_signature_leads_to_one_serial() {
    for store in stores().await {
        let office = Office::open(store, 2).await;
        let pem = request(office.folder.path(), &EC);
        office.accept(&pem).await;
        let payload = office.order("k").await;
        let run = || {
            office
                .certificates
                .issue(&office.site, &office.case, "k", &payload)
        };
        assert!(run().await.is_err());
        let mut conn = office.store.read().await.unwrap();
        let reserved = rows::of_order(&mut conn, &office.site, "k")
            .await
            .unwrap()
            .unwrap();
        drop(conn);
        assert_eq!(reserved.state, CertificateState::Reserved);
        assert!(
            office.issued().await.is_empty(),
            "nothing is issued before it is signed"
        );
        office.later(3600);
        assert!(run().await.is_err());
        run().await.unwrap();
        run().await.unwrap();
        let issued = office.issued().await;
        assert_eq!(issued.len(), 1, "{}", office.store.name);
        assert_eq!(issued[0].serial, reserved.serial);
        let mut conn = office.store.read().await.unwrap();
        let signed = rows::of_order(&mut conn, &office.site, "k")
            .await
            .unwrap()
            .unwrap();
        drop(conn);
        assert_eq!(
            signed.tbs, reserved.tbs,
            "the bytes that were recorded are the ones that were signed"
        );
        let events = office.events().await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, "issued");
        assert_eq!(events[0].case_id, office.case);
        let fact = Fact::Certificate(CertificateFact {
            serial: reserved.serial.clone(),
            not_before: u64::try_from(reserved.not_before.0).unwrap(),
            not_after: u64::try_from(reserved.not_after.0).unwrap(),
        });
        assert_eq!(events[0].fact, fact);
    }
}

#[tokio::test]
async fn what_no_repetition_mends_becomes_an_event() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let payload = serde_json::to_string(&order()).unwrap();
        office
            .certificates
            .issue(&office.site, &office.case, "k", &payload)
            .await
            .unwrap();
        office.accept(&request(office.folder.path(), &EC)).await;
        let months = serde_json::to_string(&IssueOrder {
            months: 61,
            ..order()
        })
        .unwrap();
        office
            .certificates
            .issue(&office.site, &office.case, "m", &months)
            .await
            .unwrap();
        let events = office.events().await;
        assert_eq!(events.len(), 2, "{}", office.store.name);
        assert!(events.iter().all(|event| event.event == "issue-failed"));
        let too_long = Fact::Failure("有效期 61 个月超出了 1 至 60 个月的范围。".into());
        assert!(events.iter().any(|event| event.fact == too_long));
        assert!(office.issued().await.is_empty());
    }
}

#[tokio::test]
async fn a_key_of_another_case_is_refused() {
    for store in stores().await {
        let office = Office::open(store, 0).await;
        let pem = request(office.folder.path(), &EC);
        office.accept(&pem).await;
        office.accept(&pem).await;
        let mut tx = office.store.begin().await.unwrap();
        let other = CaseId::generate();
        let refused = office
            .certificates
            .accept_request(&mut tx, &office.site, &other, &pem, "maker")
            .await;
        assert!(matches!(
            refused,
            Err(CertificateError::Request(RequestProblem::KeyInUse))
        ));
        let unknown = office
            .certificates
            .order(&mut tx, &office.site, &other, "k", &order())
            .await;
        assert!(matches!(unknown, Err(CertificateError::NoRequest)));
    }
}
