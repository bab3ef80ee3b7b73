use super::*;

#[test]
fn requests_of_openssl_are_taken_when_key_and_signature_are_strong() {
    let folder = tempfile::tempdir().unwrap();
    let examined = |key: &[&str]| examine(&request(folder.path(), key));
    let ec = examined(&EC).unwrap();
    assert_eq!(
        (ec.key.as_str(), ec.subject.as_str()),
        ("P-256", "CN=request")
    );
    assert_eq!(examined(&["-newkey", "rsa:2048"]).unwrap().key, "RSA 2048");
    assert_eq!(
        examined(&["-newkey", "rsa:2048", "-sha512"]).unwrap().key,
        "RSA 2048"
    );
    assert_eq!(
        examined(&["-newkey", "rsa:1024"]),
        Err(RequestProblem::RsaLength(1024))
    );
    assert_eq!(
        examined(&["-newkey", "rsa:2048", "-sha1"]),
        Err(RequestProblem::SignatureAlgorithm)
    );
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    assert_eq!(examined(&curve), Err(RequestProblem::KeyKind));
    assert_eq!(
        examined(&["-newkey", "ed25519"]),
        Err(RequestProblem::KeyKind)
    );
}

#[test]
fn a_tampered_request_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let pem = request(folder.path(), &EC);
    assert_eq!(
        examine(&pem.replace('\n', "\r\n  ")).unwrap().pem,
        examine(&pem).unwrap().pem
    );
    openssl(
        folder.path(),
        &[
            "req", "-in", "csr.pem", "-outform", "DER", "-out", "csr.der",
        ],
    )
    .unwrap();
    let mut bytes = std::fs::read(folder.path().join("csr.der")).unwrap();
    let name = bytes
        .windows(7)
        .position(|window| window == b"request")
        .unwrap();
    bytes[name] = b'R';
    let tampered = profile::pem("CERTIFICATE REQUEST", &bytes);
    assert_eq!(examine(&tampered), Err(RequestProblem::BadSignature));
    assert!(
        RequestProblem::BadSignature
            .to_string()
            .contains("自签名不正确")
    );
    let cut = profile::pem("CERTIFICATE REQUEST", &bytes[..bytes.len() - 9]);
    assert_eq!(examine(&cut), Err(RequestProblem::Damaged));
    assert_eq!(examine("hello"), Err(RequestProblem::NotPem));
    assert_eq!(examine(&"a".repeat(20_000)), Err(RequestProblem::TooLong));
}
