//! Certificate requests and certificates that people upload.

use yinxin_services::certificates::{Reading, examine};

/// A file: PEM or DER.
pub fn certificate(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(request) = examine(text)
    {
        // What is kept is a request again, and the same.
        let again = examine(&request.pem).expect("a request in normal form");
        assert_eq!(again, request);
    }
    if let Ok(reading) = Reading::of(bytes) {
        let again = Reading::of(reading.pem().as_bytes()).expect("a certificate in normal form");
        assert_eq!(again, reading);
        assert_eq!(Reading::of(&reading.der).expect("its DER"), reading);
        let _ = (reading.subject_text(), reading.issuer_text());
    }
}
