//! Bills of the payment providers.

use std::io::{Cursor, Write};
use yinxin_core::money::Fen;
use yinxin_services::payments::outside::{alipay_bill, wechat_bill};
use yinxin_simulators::keys::{AlipayKeys, WechatKeys};

/// The first byte says whose bill it is, and whether an Alipay file is to be packed first.
pub fn bills(bytes: &[u8]) {
    let Some((kind, file)) = bytes.split_first() else {
        return;
    };
    let lines = match kind % 3 {
        0 => wechat_bill(file, WechatKeys::MCHID),
        1 => alipay_bill(file.to_vec(), AlipayKeys::SELLER_ID),
        _ => alipay_bill(packed(file), AlipayKeys::SELLER_ID),
    };
    for line in lines.unwrap_or_default() {
        assert!(
            line.amount >= Fen(0) && line.amount <= Fen::LIMIT,
            "{line:?}"
        );
        assert!(
            line.fee.0.unsigned_abs() <= Fen::LIMIT.0.unsigned_abs() + 1,
            "{line:?}"
        );
    }
}

/// As a file of GBK text in a ZIP, so that what is changed is the text and not the compressed bytes.
fn packed(file: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(file);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("a.csv", zip::write::SimpleFileOptions::default())
        .expect("a file in memory");
    zip.write_all(&encoding_rs::GBK.encode(&text).0)
        .expect("a file in memory");
    zip.finish().expect("a file in memory").into_inner()
}
