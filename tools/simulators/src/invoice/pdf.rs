//! An invoice as a PDF of one page with its text, written by hand: PDF 1.4 (ISO 32000-1) with the Chinese font that every
//! reader brings along (`STSong-Light`, 9.7.5.2), so that nothing has to be embedded.

use super::{Invoice, SELLER, TAX_NUMBER};

/// Points: A5 across, about the size of an invoice.
const WIDTH: u32 = 595;
const HEIGHT: u32 = 420;

/// `-220.00`
pub(super) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

/// Text as the font's encoding `UniGB-UTF16-H` has it.
fn utf16(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("{unit:04X}"));
    units.collect()
}

pub(super) fn of(invoice: &Invoice) -> Vec<u8> {
    let title = if invoice.voids.is_empty() {
        "电子发票（普通发票）· 模拟"
    } else {
        "红字电子发票（普通发票）· 模拟"
    };
    let mut texts = vec![
        (210, 380, 16, title.to_owned()),
        (40, 345, 10, format!("发票号码：{}", invoice.number)),
        (380, 345, 10, format!("开票日期：{}", invoice.at)),
        (40, 315, 10, format!("购买方：{}", invoice.buyer)),
        (380, 315, 10, format!("税号：{}", invoice.buyer_tax_number)),
        (40, 295, 10, format!("销售方：{SELLER}")),
        (380, 295, 10, format!("税号：{TAX_NUMBER}")),
    ];
    let mut height = 265;
    // Eight lines fit; the sums stand below in any case.
    for line in invoice.lines.iter().take(8) {
        texts.push((40, height, 10, format!("*信息技术服务*{line}")));
        height -= 18;
    }
    let rest = invoice.amount - invoice.tax;
    texts.extend([
        (40, 100, 10, format!("金额：{} 元", yuan(rest))),
        (220, 100, 10, format!("税额：{} 元", yuan(invoice.tax))),
        (
            380,
            100,
            12,
            format!("价税合计：{} 元", yuan(invoice.amount)),
        ),
        (40, 70, 10, format!("备注：{}", invoice.remark)),
    ]);
    let mut content = String::from("0.6 w 30 330 m 565 330 l S 30 120 m 565 120 l S\n");
    for (x, y, size, text) in texts {
        content += &format!("BT /F {size} Tf {x} {y} Td <{}> Tj ET\n", utf16(&text));
    }
    document(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents 4 0 R \
             /Resources << /Font << /F 5 0 R >> >> >>"
        ),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UTF16-H /Encoding /UniGB-UTF16-H \
         /DescendantFonts [6 0 R] >>"
            .to_owned(),
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) \
         /Ordering (GB1) /Supplement 4 >> /DW 1000 /W [1 95 500] /FontDescriptor 7 0 R >>"
            .to_owned(),
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] \
         /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>"
            .to_owned(),
    ])
}

/// The objects with their table of places.
fn document(objects: &[String]) -> Vec<u8> {
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table = pdf.len();
    let count = objects.len() + 1;
    pdf += &format!("xref\n0 {count}\n0000000000 65535 f \n");
    for place in places {
        pdf += &format!("{place:010} 00000 n \n");
    }
    pdf += &format!("trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    pdf.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::{Fate, Stage};

    #[test]
    fn the_table_names_the_place_of_every_object() {
        let invoice = Invoice {
            order_no: "20261120000000000101".into(),
            serial: "1".into(),
            number: "26352000000000000001".into(),
            buyer: "福建某某有限公司".into(),
            buyer_tax_number: TAX_NUMBER.into(),
            amount: 22000,
            tax: 1245,
            lines: vec!["证书服务费".into()],
            remark: "订单号 202611200000000001".into(),
            stage: Stage::Issued,
            fate: Fate::Issue,
            looks: 0,
            voids: String::new(),
            at: "2026-11-20 18:05:00".into(),
            issued_at: 1,
        };
        let pdf = of(&invoice);
        let text = String::from_utf8(pdf).unwrap();
        assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n"));
        let table: usize = text
            .lines()
            .nth_back(1)
            .and_then(|line| line.parse().ok())
            .unwrap();
        assert!(text[table..].starts_with("xref\n0 8\n"));
        for (index, line) in text[table..].lines().skip(3).take(7).enumerate() {
            let place: usize = line[..10].parse().unwrap();
            assert!(text[place..].starts_with(&format!("{} 0 obj", index + 1)));
        }
        assert!(text.contains(&utf16("价税合计：220.00 元")));
    }
}
