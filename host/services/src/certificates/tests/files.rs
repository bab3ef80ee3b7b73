//! What people take for the file of their certificate.

use super::*;
use crate::certificates::reading::verified;

async fn chain(office: &Office) -> Vec<String> {
    office
        .certificates
        .issuer
        .chain(&office.site)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_certificate_is_read_in_every_form_that_tools_write() {
    let office = Office::open(yinxin_store::testing::sqlite().await, 0).await;
    let issued = office.issue().await;
    let authorities = chain(&office).await;
    office.write("leaf.pem", &issued.pem);
    office.openssl(&[
        "x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der",
    ]);
    let der = std::fs::read(office.folder.path().join("leaf.der")).unwrap();
    let body: String = issued
        .pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let with_issuers = format!("{}{}", issued.pem, authorities.concat());
    let as_windows = format!(
        "\u{feff}Bag Attributes\r\n{}",
        issued.pem.replace('\n', "\r\n")
    );
    for file in [
        der.as_slice(),
        issued.pem.as_bytes(),
        with_issuers.as_bytes(),
        as_windows.as_bytes(),
        body.as_bytes(),
    ] {
        let read = verified(file, &authorities).unwrap();
        assert_eq!(read.serial, issued.serial);
        assert_eq!(read.der, der);
        assert_eq!(read.subject, order().subject);
        assert_eq!(read.subject_text(), issued.subject);
        assert_eq!(
            (read.not_before, read.not_after),
            (issued.not_before, issued.not_after)
        );
        assert_eq!(read.key, "P-256");
        assert_eq!(read.pem(), issued.pem);
    }
    let printed = office.openssl(&[
        "x509",
        "-in",
        "leaf.pem",
        "-noout",
        "-fingerprint",
        "-sha256",
    ]);
    let printed = printed.trim().split('=').nth(1).unwrap();
    let read = Reading::of(&der).unwrap();
    assert_eq!(printed.replace(':', "").to_lowercase(), read.fingerprint);
    assert_eq!(
        read.issuer_text(),
        "CN=江西 CA 签发,O=江西省数字证书有限公司,C=CN"
    );
}

#[tokio::test]
async fn what_is_no_certificate_of_ours_is_refused_in_words() {
    let office = Office::open(yinxin_store::testing::sqlite().await, 0).await;
    let issued = office.issue().await;
    let authorities = chain(&office).await;
    office.write("leaf.pem", &issued.pem);
    let read = |name: &str| std::fs::read(office.folder.path().join(name)).unwrap();
    let refused = |file: &[u8]| verified(file, &authorities).unwrap_err();

    assert_eq!(refused(b""), FileProblem::Empty);
    assert_eq!(refused(&vec![b'a'; 65 * 1024]), FileProblem::TooLarge);
    assert_eq!(refused(b"hello"), FileProblem::Unreadable);
    assert_eq!(refused(&[0x30, 0x03, 0xFF]), FileProblem::Unreadable);
    assert_eq!(refused(&read("key.pem")), FileProblem::PrivateKey);
    assert_eq!(refused(&read("csr.pem")), FileProblem::Request);
    office.openssl(&[
        "req", "-in", "csr.pem", "-outform", "DER", "-out", "csr.der",
    ]);
    assert_eq!(refused(&read("csr.der")), FileProblem::Request);
    let pfx = [
        "pkcs12", "-export", "-in", "leaf.pem", "-inkey", "key.pem", "-passout", "pass:x", "-out",
        "leaf.pfx",
    ];
    office.openssl(&pfx);
    assert_eq!(refused(&read("leaf.pfx")), FileProblem::PrivateKey);
    for form in ["DER", "PEM"] {
        let bundle = [
            "crl2pkcs7",
            "-nocrl",
            "-certfile",
            "leaf.pem",
            "-outform",
            form,
            "-out",
            "leaf.p7b",
        ];
        office.openssl(&bundle);
        assert_eq!(refused(&read("leaf.p7b")), FileProblem::Bundle, "{form}");
    }
    assert_eq!(refused(authorities[0].as_bytes()), FileProblem::Authority);

    // Another CA's, and one that calls itself ours.
    let made = |issuer: &str, name: &str| {
        let mut arguments = vec![
            "req",
            "-x509",
            "-nodes",
            "-days",
            "9",
            "-subj",
            issuer,
            "-utf8",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "other.key",
            "-out",
            name,
        ];
        arguments.extend(EC);
        office.openssl(&arguments);
        read(name)
    };
    let others = made("/C=CN/O=别家认证有限公司/CN=别家 CA", "other.pem");
    let problem = refused(&others);
    assert_eq!(problem, FileProblem::OtherIssuer("别家 CA".into()));
    assert!(problem.to_string().contains("“别家 CA”签发"), "{problem}");
    let forged = made(
        "/C=CN/O=江西省数字证书有限公司/CN=江西 CA 签发",
        "forged.pem",
    );
    assert_eq!(refused(&forged), FileProblem::BadSignature);

    // One digit of the name changed.
    office.openssl(&[
        "x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der",
    ]);
    let mut bytes = read("leaf.der");
    let place = bytes.windows(4).position(|four| four == b"9136").unwrap();
    bytes[place] = b'8';
    assert_eq!(refused(&bytes), FileProblem::BadSignature);
    // And one with something behind its end.
    let mut longer = read("leaf.der");
    longer.push(0);
    assert_eq!(refused(&longer), FileProblem::Unreadable);
}
