//! What a provider's files and answers say, without asking the provider: for `tests/fuzz`, which tries it with what no
//! provider would send.

use super::alipay::Alipay;
use super::gateway::{BillLine, GatewayError};
use super::{alipay_bill, wechat_bill};

/// The lines of a bill of WeChat Pay's merchant `mchid`.
pub fn wechat_bill(file: &[u8], mchid: &str) -> Result<Vec<BillLine>, GatewayError> {
    wechat_bill::read(file, mchid)
}

/// The lines of a bill of Alipay's merchant `seller_id`.
pub fn alipay_bill(archive: Vec<u8>, seller_id: &str) -> Result<Vec<BillLine>, GatewayError> {
    alipay_bill::read(archive, seller_id)
}

/// The node of Alipay's answer to `method`, once its signature is good.
pub fn alipay_answer(alipay: &Alipay, method: &str, body: &[u8]) -> Result<String, GatewayError> {
    let node = alipay.node(method, body)?;
    Ok(node.get().to_owned())
}
