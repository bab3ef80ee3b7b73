//! The filled text of a document, block by block.

use crate::{DocumentError, qr};
use serde::{Deserialize, Serialize};
use yinxin_core::definition::{Block, Document};

/// What a value that nobody gave leaves behind in running text: a line to write on by hand.
const BLANK: &str = "＿＿＿＿＿＿";

/// The room for a stamp box between the margins that `paper.typ` sets, less 14 mm for its label, in mm.
const SHEET_WIDTH_MM: u32 = 166;
const SHEET_HEIGHT_MM: u32 = 225;

/// A document with a case's values in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    #[serde(flatten)]
    pub imprint: Imprint,
    pub title: String,
    pub blocks: Vec<PaperBlock>,
}

/// What stands in the header and footer of every sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imprint {
    /// Title of the site.
    pub site_title: String,
    /// Number of the paper, printed on every sheet.
    pub number: String,
    /// When it was made, as people read it, such as `2026-11-20 18:05`.
    pub made: String,
}

/// One block. Serialised as `{"kind": "paragraph", "text": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PaperBlock {
    Heading {
        text: String,
    },
    Paragraph {
        text: String,
    },
    Table {
        rows: Vec<PaperRow>,
    },
    /// The cases of an order.
    Cases(CaseTable),
    Qr {
        title: String,
        hint: String,
        content: String,
        /// The code itself, to be put into a page as it is.
        svg: String,
    },
    Stamps {
        boxes: Vec<PaperStamp>,
    },
    Signatures {
        labels: Vec<String>,
    },
    /// Small print.
    Note {
        text: String,
    },
    PageBreak,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperRow {
    pub label: String,
    pub text: String,
}

/// The cases that a receipt is for, one in a row under the head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseTable {
    pub head: [String; 3],
    /// Acceptance number, subject, service.
    pub cases: Vec<[String; 3]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperStamp {
    pub label: String,
    pub width_mm: u32,
    pub height_mm: u32,
}

/// Which QR code a document asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QrKind<'a> {
    /// Of the identity check with this id.
    Identity(&'a str),
    /// Of the case's number.
    Number,
}

/// What a QR code says, and the words beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrText {
    pub content: String,
    pub title: String,
    pub hint: String,
}

impl Paper {
    /// Fills `document`. `value` gives a field's value as a person reads it (empty: not answered; none: there is no such
    /// field), `code` the contents of a QR code.
    pub fn from_definition(
        document: &Document,
        imprint: Imprint,
        value: impl Fn(&str) -> Option<String>,
        code: impl Fn(QrKind<'_>) -> QrText,
    ) -> Result<Self, DocumentError> {
        Self::filled(document, imprint, &value, code, None)
    }

    /// As [`Paper::from_definition`], for the cases of an order.
    pub fn from_receipt(
        document: &Document,
        imprint: Imprint,
        value: impl Fn(&str) -> Option<String>,
        code: impl Fn(QrKind<'_>) -> QrText,
        cases: &CaseTable,
    ) -> Result<Self, DocumentError> {
        Self::filled(document, imprint, &value, code, Some(cases))
    }

    fn filled(
        document: &Document,
        imprint: Imprint,
        value: &dyn Fn(&str) -> Option<String>,
        code: impl Fn(QrKind<'_>) -> QrText,
        cases: Option<&CaseTable>,
    ) -> Result<Self, DocumentError> {
        let filling = Filling {
            document: &document.id,
            value,
            cases,
        };
        let blocks = document
            .blocks
            .iter()
            .map(|block| filling.block(block, &code))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            imprint,
            title: filling.text(&document.title, BLANK)?,
            blocks,
        })
    }

    /// Every text that is printed, for the check of the glyphs.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let imprint = [
            &self.imprint.site_title,
            &self.imprint.number,
            &self.imprint.made,
            &self.title,
        ];
        imprint
            .into_iter()
            .map(String::as_str)
            .chain(self.blocks.iter().flat_map(PaperBlock::texts))
    }
}

impl PaperBlock {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Heading { text } | Self::Paragraph { text } | Self::Note { text } => vec![text],
            Self::Table { rows } => rows
                .iter()
                .flat_map(|row| [row.label.as_str(), row.text.as_str()])
                .collect(),
            Self::Cases(table) => table
                .cases
                .iter()
                .chain([&table.head])
                .flatten()
                .map(String::as_str)
                .collect(),
            Self::Qr { title, hint, .. } => vec![title, hint],
            Self::Stamps { boxes } => boxes.iter().map(|stamp| stamp.label.as_str()).collect(),
            Self::Signatures { labels } => labels.iter().map(String::as_str).collect(),
            Self::PageBreak => Vec::new(),
        }
    }
}

struct Filling<'a> {
    document: &'a str,
    value: &'a dyn Fn(&str) -> Option<String>,
    cases: Option<&'a CaseTable>,
}

impl Filling<'_> {
    fn block(
        &self,
        block: &Block,
        code: &impl Fn(QrKind<'_>) -> QrText,
    ) -> Result<PaperBlock, DocumentError> {
        Ok(match block {
            Block::Heading(text) => PaperBlock::Heading {
                text: self.text(text, BLANK)?,
            },
            Block::Paragraph(text) => PaperBlock::Paragraph {
                text: self.text(text, BLANK)?,
            },
            Block::Note(text) => PaperBlock::Note {
                text: self.text(text, BLANK)?,
            },
            Block::Table(rows) => PaperBlock::Table {
                rows: rows
                    .iter()
                    // An empty cell is a place to write in; it needs no line of its own.
                    .map(|row| {
                        Ok(PaperRow {
                            label: row.label.clone(),
                            text: self.text(&row.text, "")?,
                        })
                    })
                    .collect::<Result<_, DocumentError>>()?,
            },
            Block::IdentityQr(check) => qr_block(code(QrKind::Identity(check)))?,
            Block::NumberQr => qr_block(code(QrKind::Number))?,
            Block::OrderCases => PaperBlock::Cases(self.case_table()?),
            Block::Stamps(boxes) => PaperBlock::Stamps {
                boxes: boxes
                    .iter()
                    .map(|stamp| {
                        let (width_mm, height_mm) = (stamp.width_mm, stamp.height_mm);
                        let fits = (1..=SHEET_WIDTH_MM).contains(&width_mm)
                            && (1..=SHEET_HEIGHT_MM).contains(&height_mm);
                        let label = stamp.label.clone();
                        fits.then_some(PaperStamp {
                            label,
                            width_mm,
                            height_mm,
                        })
                        .ok_or(DocumentError::StampTooLarge {
                            width_mm,
                            height_mm,
                        })
                    })
                    .collect::<Result<_, _>>()?,
            },
            Block::Signatures(labels) => PaperBlock::Signatures {
                labels: labels.clone(),
            },
            Block::PageBreak => PaperBlock::PageBreak,
        })
    }

    fn case_table(&self) -> Result<CaseTable, DocumentError> {
        let table = self.cases.ok_or_else(|| DocumentError::NoOrder {
            document: self.document.to_owned(),
        })?;
        let printable = |row: &[String; 3]| row.each_ref().map(|text| printable(text));
        Ok(CaseTable {
            head: table.head.clone(),
            cases: table.cases.iter().map(printable).collect(),
        })
    }

    /// Replaces every `{field}`. Values are taken as they are: a brace inside one is a brace. Control characters, which
    /// no font draws, become spaces; line breaks stay.
    fn text(&self, template: &str, blank: &str) -> Result<String, DocumentError> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((field, behind)) = after
                .split_once('}')
                .filter(|(field, _)| is_field_name(field))
            else {
                filled.push('{');
                rest = after;
                continue;
            };
            let value = (self.value)(field).ok_or_else(|| DocumentError::UnknownField {
                document: self.document.to_owned(),
                field: field.to_owned(),
            })?;
            let value = printable(&value);
            filled.push_str(if value.is_empty() { blank } else { &value });
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn is_field_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn printable(value: &str) -> String {
    let value = value.trim().replace("\r\n", "\n");
    value
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

fn qr_block(text: QrText) -> Result<PaperBlock, DocumentError> {
    let svg = qr::svg(&text.content)?;
    Ok(PaperBlock::Qr {
        title: text.title,
        hint: text.hint,
        content: text.content,
        svg,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_core::definition::{Row, StampBox};

    fn document(blocks: Vec<Block>) -> Document {
        Document {
            id: "form".into(),
            title: "申请表".into(),
            blocks,
            shown_when: None,
            states: Vec::new(),
        }
    }

    fn fill(blocks: Vec<Block>) -> Result<Paper, DocumentError> {
        let imprint = Imprint {
            site_title: "某省".into(),
            number: "N1".into(),
            made: "2026-11-20".into(),
        };
        let value = |field: &str| match field {
            "unit" => Some("{甲}公司".to_owned()),
            "note" => Some(String::new()),
            "lines" => Some("一\r\n二\t三".to_owned()),
            _ => None,
        };
        let code = |kind: QrKind<'_>| QrText {
            content: format!("{kind:?}"),
            title: "扫码".into(),
            hint: "用手机扫描".into(),
        };
        Paper::from_definition(&document(blocks), imprint, value, code)
    }

    #[test]
    fn values_are_put_in_as_they_are_and_blanks_can_be_written_on() {
        let paper = fill(vec![
            Block::Paragraph("兹有{unit}，备注{note}。{ 不是字段 }{".into()),
            Block::Table(vec![Row {
                label: "备注".into(),
                text: "{note}".into(),
            }]),
            Block::Paragraph("{lines}".into()),
        ])
        .unwrap();
        assert_eq!(
            paper.blocks,
            [
                PaperBlock::Paragraph {
                    text: format!("兹有{{甲}}公司，备注{BLANK}。{{ 不是字段 }}{{")
                },
                PaperBlock::Table {
                    rows: vec![PaperRow {
                        label: "备注".into(),
                        text: String::new()
                    }]
                },
                PaperBlock::Paragraph {
                    text: "一\n二 三".into()
                },
            ]
        );
    }

    #[test]
    fn a_field_that_is_unknown_is_named() {
        let error = fill(vec![Block::Note("{units}".into())]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the document form names the unknown field units"
        );
    }

    #[test]
    fn the_code_of_a_check_is_asked_for_by_its_id() {
        let paper = fill(vec![Block::IdentityQr("legal".into()), Block::NumberQr]).unwrap();
        let contents: Vec<&str> = paper
            .blocks
            .iter()
            .filter_map(|block| match block {
                PaperBlock::Qr { content, .. } => Some(content.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(contents, ["Identity(\"legal\")", "Number"]);
    }

    #[test]
    fn a_stamp_box_larger_than_the_sheet_is_refused() {
        let stamp = |width_mm, height_mm| {
            Block::Stamps(vec![StampBox {
                label: "公章".into(),
                width_mm,
                height_mm,
            }])
        };
        assert!(fill(vec![stamp(SHEET_WIDTH_MM, SHEET_HEIGHT_MM)]).is_ok());
        assert!(matches!(
            fill(vec![stamp(167, 10)]),
            Err(DocumentError::StampTooLarge { width_mm: 167, .. })
        ));
        assert!(matches!(
            fill(vec![stamp(10, 0)]),
            Err(DocumentError::StampTooLarge { .. })
        ));
    }

    #[test]
    fn a_receipt_lists_the_cases_of_its_order() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let table = CaseTable {
            head: row(["受理号", "名称", "业务"]),
            cases: vec![row(["20261120000001", "甲\t公司", "新办"])],
        };
        let imprint = Imprint {
            site_title: "某省".into(),
            number: "D1".into(),
            made: "2026-11-20".into(),
        };
        let receipt = document(vec![
            Block::Paragraph("订单 {order-number}".into()),
            Block::OrderCases,
        ]);
        let value = |name: &str| (name == "order-number").then(|| "D1".to_owned());
        let code = |_: QrKind<'_>| QrText {
            content: String::new(),
            title: String::new(),
            hint: String::new(),
        };
        let paper = Paper::from_receipt(&receipt, imprint.clone(), value, code, &table).unwrap();
        let json = serde_json::to_value(&paper).unwrap();
        assert_eq!(json["blocks"][0]["text"], "订单 D1");
        assert_eq!(
            json["blocks"][1],
            serde_json::json!({
                "kind": "cases",
                "head": ["受理号", "名称", "业务"],
                "cases": [["20261120000001", "甲 公司", "新办"]],
            })
        );
        let alone = Paper::from_definition(&receipt, imprint, value, code);
        assert!(matches!(alone, Err(DocumentError::NoOrder { .. })));
    }

    #[test]
    fn it_serialises_for_the_printable_page() {
        let paper = fill(vec![Block::Heading("一、单位".into()), Block::PageBreak]).unwrap();
        let json = serde_json::to_value(&paper).unwrap();
        assert_eq!(json["number"], "N1");
        assert_eq!(
            json["blocks"][0],
            serde_json::json!({"kind": "heading", "text": "一、单位"})
        );
        assert_eq!(json["blocks"][1], serde_json::json!({"kind": "page-break"}));
    }
}
