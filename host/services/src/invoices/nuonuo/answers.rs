//! What the platform's answers mean.

use super::super::provider::{Issued, ProviderError, RedStanding, Standing};
use serde_json::Value;
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;

/// Status of an invoice that the tax office has but whose file has no seal.
pub(super) const SEAL_FAILED: &str = "24";

/// Done; the queries of red-letter requests answer the second one in their document.
const DONE: [&str; 2] = ["E0000", "0000"];
/// The number is in use already.
const REPEATED: &str = "E9106";
/// No such invoice.
const UNKNOWN: &str = "E9500";

pub(super) struct Answer {
    code: String,
    json: Value,
}

/// A value as text: the platform writes some numbers as numbers and some as text. Empty when it is not there.
pub(super) fn text(json: &Value, name: &str) -> String {
    match json.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

impl Answer {
    pub(super) fn read(body: &[u8]) -> Result<Self, ProviderError> {
        let json: Value =
            serde_json::from_slice(body).map_err(|_| ProviderError::Malformed("不是 JSON"))?;
        let code = text(&json, "code");
        if code.is_empty() {
            return Err(ProviderError::Malformed("没有状态码"));
        }
        Ok(Self { code, json })
    }

    /// The platform's words with its code.
    pub(super) fn in_words(&self) -> String {
        // They are shown to clerks only; what is longer is no sentence.
        let words: String = text(&self.json, "describe").chars().take(200).collect();
        format!("{words} {}", self.code).trim().to_owned()
    }

    /// Wrong key, signature or token: codes of the gateway before the service.
    pub(super) fn is_about_credentials(&self) -> bool {
        self.code.starts_with("07")
    }

    pub(super) fn is_repeated(&self) -> bool {
        self.code == REPEATED
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.code == UNKNOWN
    }

    /// Itself when it was done. `E9…` are refusals of the service; of any other code nobody knows what it means.
    pub(super) fn successful(self) -> Result<Self, ProviderError> {
        if DONE.contains(&self.code.as_str()) {
            Ok(self)
        } else if self.code.starts_with("E9") {
            Err(ProviderError::Refused(self.in_words()))
        } else {
            Err(ProviderError::Unreachable(self.in_words()))
        }
    }

    /// The first of `result`.
    pub(super) fn first(self) -> Option<Value> {
        let result = self.json.get("result").and_then(Value::as_array);
        result.and_then(|all| all.first()).cloned()
    }

    /// The red-letter request of our number in `list`, which some clients find in `result`.
    pub(super) fn listed(self, number: &str) -> Option<Value> {
        let list = ["/list", "/result/list"]
            .into_iter()
            .find_map(|place| self.json.pointer(place).and_then(Value::as_array))?;
        list.iter()
            .find(|request| text(request, "billId") == number)
            .cloned()
    }
}

/// The platform's words about an invoice.
fn words(found: &Value, usual: &str) -> String {
    ["failCause", "statusMsg"]
        .into_iter()
        .map(|name| text(found, name))
        .find(|words| !words.is_empty())
        .unwrap_or_else(|| usual.to_owned())
}

/// 20 digits of a digital invoice.
fn number(found: &Value) -> Result<String, ProviderError> {
    ["allElectronicInvoiceNumber", "invoiceNo"]
        .into_iter()
        .map(|name| text(found, name))
        .find(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        .ok_or(ProviderError::Malformed("没有发票号码"))
}

pub(super) fn standing(found: &Value) -> Result<Standing, ProviderError> {
    Ok(match text(found, "status").as_str() {
        "2" => {
            let pdf = text(found, "pdfUrl");
            if pdf.is_empty() {
                return Ok(Standing::Working("已开具，版式文件生成中".to_owned()));
            }
            let amount = Fen::parse_yuan(&text(found, "orderAmount"))
                .ok_or(ProviderError::Malformed("没有价税合计"))?;
            let at = text(found, "invoiceTime").parse();
            Standing::Issued(Issued {
                number: number(found)?,
                amount,
                at: Millis(at.map_err(|_| ProviderError::Malformed("没有开票时间"))?),
                pdf,
            })
        }
        "20" | "21" => Standing::Working(words(found, "开票中")),
        "22" => Standing::Failed(words(found, "开票失败")),
        "3" | "31" => Standing::Failed("发票已在开票平台作废".to_owned()),
        _ => return Err(ProviderError::Malformed("发票状态")),
    })
}

pub(super) fn red_standing(found: &Value) -> Result<RedStanding, ProviderError> {
    Ok(match text(found, "status").as_str() {
        // The seal of a red-letter invoice's file is nobody's concern: it counts without.
        "2" | SEAL_FAILED => RedStanding::Issued(number(found)?),
        "22" => RedStanding::Failed(words(found, "红字发票开具失败")),
        _ => RedStanding::Working(words(found, "红字发票开具中")),
    })
}

/// The platform's number of the red-letter invoice that a request led to, or where the request stands.
pub(super) fn red_request(request: &Value) -> Result<String, RedStanding> {
    let working = |words: &str| Err(RedStanding::Working(words.to_owned()));
    match text(request, "billStatus").as_str() {
        "01" | "04" => {
            let serial = text(request, "invoiceSerialNum");
            if text(request, "openStatus") != "1" || serial.is_empty() {
                return working("红字信息已确认，红字发票开具中");
            }
            Ok(serial)
        }
        "02" => working("等待购方在电子税务局确认红字信息，超过 72 小时将作废"),
        "03" => working("等待本单位在电子税务局确认红字信息"),
        "05" | "06" => Err(RedStanding::Failed("对方否认了红字信息".to_owned())),
        "07" => Err(RedStanding::Failed(
            "红字信息超过 72 小时没有确认，已作废".to_owned(),
        )),
        "08" | "09" => Err(RedStanding::Failed("红字信息已撤销".to_owned())),
        "16" => {
            let words = text(request, "billMessage");
            let words = if words.is_empty() {
                "冲红申请失败".to_owned()
            } else {
                words
            };
            Err(RedStanding::Failed(words))
        }
        _ => working("冲红申请中"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_issued_invoice_is_read_whether_numbers_are_texts_or_not() {
        let mut found = json!({
            "status": 2, "orderAmount": "220.00", "invoiceTime": 1_790_121_600_000_i64,
            "invoiceNo": "26352000000000000001", "pdfUrl": "https://example.cn/1.pdf",
        });
        let Standing::Issued(issued) = standing(&found).unwrap() else {
            panic!("it is issued")
        };
        assert_eq!(
            (issued.amount, issued.at),
            (Fen(22000), Millis(1_790_121_600_000))
        );
        found["pdfUrl"] = json!("");
        assert!(matches!(standing(&found), Ok(Standing::Working(_))));
    }

    #[test]
    fn only_the_services_own_codes_are_refusals() {
        let answer = |code: &str| {
            Answer::read(
                json!({ "code": code, "describe": "不行" })
                    .to_string()
                    .as_bytes(),
            )
            .unwrap()
        };
        assert!(answer("E0000").successful().is_ok());
        assert!(matches!(
            answer("E9105").successful(),
            Err(ProviderError::Refused(words)) if words == "不行 E9105"
        ));
        assert!(matches!(
            answer("S0001").successful(),
            Err(ProviderError::Unreachable(_))
        ));
        assert!(answer("070304").is_about_credentials());
        assert!(Answer::read(b"{}").is_err());
    }

    #[test]
    fn a_red_letter_request_waits_ends_or_leads_to_an_invoice() {
        let request = |status: &str, open: &str| json!({ "billStatus": status, "openStatus": open, "invoiceSerialNum": "7" });
        assert_eq!(red_request(&request("01", "1")), Ok("7".to_owned()));
        for (status, open) in [("01", "0"), ("02", "0"), ("15", "0")] {
            assert!(matches!(
                red_request(&request(status, open)),
                Err(RedStanding::Working(_))
            ));
        }
        for status in ["05", "07", "16"] {
            assert!(matches!(
                red_request(&request(status, "0")),
                Err(RedStanding::Failed(_))
            ));
        }
    }
}
