//! Papers as other programs see them: poppler reads the text and draws the sheet, zbar reads the QR code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use yinxin_core::definition::{Block, Document, Row, StampBox};
use yinxin_documents::{DocumentError, Imprint, Paper, QrKind, QrText, Renderer};

const URL: &str = "https://yingtan.example.cn/m/check/0198a3c2f1e07c55a0b1?t=9f3c1b7e5d2a4f60";

fn authorisation_letter() -> Document {
    let row = |label: &str, text: &str| Row {
        label: label.into(),
        text: text.into(),
    };
    let stamp = |label: &str, width_mm, height_mm| StampBox {
        label: label.into(),
        width_mm,
        height_mm,
    };
    Document {
        id: "letter".into(),
        title: "法定代表人授权委托书".into(),
        blocks: vec![
            Block::Paragraph(
                "本人{legal-name}，系{unit}的法定代表人，现委托本单位{handler}代为办理数字证书与电子签章的申请、\
                 领取等事宜。受托人在上述范围内所签署的文件，本单位均予承认。"
                    .into(),
            ),
            Block::Heading("一、单位信息".into()),
            Block::Table(vec![
                row("单位名称", "{unit}"),
                row("统一社会信用代码", "{uscc}"),
                row("法定代表人", "{legal-name}"),
                row("联系邮箱", "{mail}"),
                row("备注", "{remark}"),
            ]),
            Block::Heading("二、法定代表人核验".into()),
            Block::IdentityQr("legal-face".into()),
            Block::Heading("三、签章".into()),
            Block::Stamps(vec![stamp("单位公章", 42, 42), stamp("法定代表人章", 22, 22), stamp("财务章", 45, 30)]),
            Block::Signatures(vec!["法定代表人签字".into(), "受托人签字".into(), "日期".into()]),
            Block::Note("本委托书上的二维码与订单编号绑定，订单删除后自动作废。".into()),
            Block::PageBreak,
            Block::Heading("附：订单编号".into()),
            Block::NumberQr,
        ],
        shown_when: None,
        states: Vec::new(),
    }
}

fn paper(legal_name: &str) -> Result<Paper, DocumentError> {
    let value = |field: &str| {
        Some(match field {
            "legal-name" => legal_name.to_owned(),
            "unit" => "鹰潭市㛃𬭎＃$typst[#evil]*科技*有限公司".to_owned(),
            "uscc" => "91360600MA35F5XX0K".to_owned(),
            "handler" => "王小䶮".to_owned(),
            "mail" => format!("{}@example.com", "very-long-mailbox-name.".repeat(3)),
            "remark" => String::new(),
            _ => return None,
        })
    };
    let code = |kind: QrKind<'_>| match kind {
        QrKind::Identity(check) => QrText {
            content: URL.into(),
            title: "请法定代表人扫码刷脸".into(),
            hint: format!(
                "用手机扫描左侧二维码，由法定代表人本人完成人脸核验（{check}）。\n显示“认证成功”后方可提交材料。"
            ),
        },
        QrKind::Number => QrText {
            content: "YT-2026-000042".into(),
            title: "YT-2026-000042".into(),
            hint: String::new(),
        },
    };
    let imprint = Imprint {
        site_title: "江西数字证书在线受理平台".into(),
        number: "YT-2026-000042-W1".into(),
        made: "2026-11-20 18:05".into(),
    };
    Paper::from_definition(&authorisation_letter(), imprint, value, code)
}

fn renderer() -> Renderer {
    Renderer::with_system_fonts().unwrap()
}

/// Runs one of the programs that `cargo xtask` installs; a missing one fails the test.
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{program} cannot be started ({error}); apt-get install poppler-utils zbar-tools"
            )
        });
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

struct Printed {
    folder: PathBuf,
}

impl Printed {
    fn new(name: &str, pdf: &[u8]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("paper.pdf"), pdf).unwrap();
        Self { folder }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        run(program, arguments, &self.folder)
    }
}

#[test]
fn the_printed_sheet_says_what_was_typed() {
    let printed = Printed::new(
        "text",
        &renderer().render(&paper("钟𬭎㛃").unwrap()).unwrap(),
    );
    let text: String = printed
        .run("pdftotext", &["-layout", "paper.pdf", "-"])
        .split_whitespace()
        .collect();
    for expected in [
        "法定代表人授权委托书",
        "YT-2026-000042-W1",
        "钟𬭎㛃",
        "王小䶮",
        "鹰潭市㛃𬭎＃$typst[#evil]*科技*有限公司",
        "91360600MA35F5XX0K",
        "江西数字证书在线受理平台",
        "第1页，共2页",
        "42×42mm",
        "2026-11-2018:05",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    let information = printed.run("pdfinfo", &["paper.pdf"]);
    assert!(
        information.contains("595.276 x 841.89 pts (A4)"),
        "{information}"
    );
    assert!(
        information.contains("法定代表人授权委托书"),
        "{information}"
    );
    let fonts = printed.run("pdffonts", &["paper.pdf"]);
    assert!(
        fonts.lines().skip(2).all(|line| line.contains(" yes yes ")),
        "embedded and subset: {fonts}"
    );
}

#[test]
fn the_codes_are_read_from_the_print() {
    let printed = Printed::new(
        "codes",
        &renderer().render(&paper("李四").unwrap()).unwrap(),
    );
    printed.run("pdftoppm", &["-r", "150", "-png", "paper.pdf", "sheet"]);
    assert_eq!(
        printed
            .run("zbarimg", &["-q", "--raw", "sheet-1.png"])
            .trim(),
        URL
    );
    assert_eq!(
        printed
            .run("zbarimg", &["-q", "--raw", "sheet-2.png"])
            .trim(),
        "YT-2026-000042"
    );
}

#[test]
fn a_character_without_a_glyph_is_named_and_nothing_is_printed() {
    let error = renderer()
        .render(&paper("王\u{F8FE}").unwrap())
        .unwrap_err();
    assert!(matches!(
        error,
        DocumentError::MissingGlyph {
            character: '\u{F8FE}'
        }
    ));
    assert!(error.to_string().contains("U+F8FE"));
}

#[test]
fn the_same_paper_gives_the_same_bytes() {
    let renderer = renderer();
    let paper = paper("李四").unwrap();
    assert_eq!(
        renderer.render(&paper).unwrap(),
        renderer.render(&paper).unwrap()
    );
}
