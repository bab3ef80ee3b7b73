use super::*;

fn today() -> Date {
    jiff::civil::date(2026, 11, 20)
}

fn read(text: &str) -> Result<Parsed, Vec<Fault>> {
    parse(text.as_bytes(), today())
}

fn messages(text: &str) -> Vec<String> {
    let faults = read(text).unwrap_err();
    faults.into_iter().map(|fault| fault.message).collect()
}

const FILE: &str = "\
账号：3500 1234 5678,,,,,,
起止日期：20261101-20261119,,,,,,
交易日期,借方发生额（支取）,贷方发生额（收入）,对方户名,摘要,附言,交易流水号
20261118,0.00,\"1,320.00\",福州榕城科技有限公司,转账,订单123456782,=\"3500202611180001\"
2026-11-19 09:30:00,88.00,,物业公司,水电,,3500202611190001
2026/11/19,,220.00,林小明,转账,,'3500202611190002
合计,88.00,\"1,540.00\",,,,
";

#[test]
fn a_banks_file_is_read_with_titles_sums_and_protected_cells() {
    let parsed = read(FILE).unwrap();
    assert_eq!((parsed.credits.len(), parsed.debits), (2, 1));
    let first = &parsed.credits[0];
    assert_eq!(
        first,
        &Credit {
            position: 4,
            day: jiff::civil::date(2026, 11, 18),
            amount: Fen(132_000),
            payer: "福州榕城科技有限公司".to_owned(),
            memo: "订单123456782 转账".to_owned(),
            serial: "3500202611180001".to_owned(),
        }
    );
    assert_eq!(parsed.credits[1].serial, "3500202611190002");
    assert_eq!(parsed.first_day, jiff::civil::date(2026, 11, 18));
    assert_eq!(parsed.last_day, jiff::civil::date(2026, 11, 19));
}

#[test]
fn gbk_and_a_byte_order_mark_make_no_difference() {
    let expected = read(FILE).unwrap();
    let gbk = encoding_rs::GBK.encode(FILE).0.into_owned();
    assert_eq!(parse(&gbk, today()).unwrap(), expected);
    let marked = [b"\xef\xbb\xbf", FILE.as_bytes()].concat();
    assert_eq!(parse(&marked, today()).unwrap(), expected);
    let crlf = FILE.replace('\n', "\r\n");
    assert_eq!(read(&crlf).unwrap(), expected);
    let spaced = FILE.replacen('\n', "\r\n\r\n", 1);
    assert_eq!(read(&spaced).unwrap().credits[0].position, 5);
}

#[test]
fn one_amount_column_is_read_by_its_sign_or_its_direction() {
    let signed = "日期\t金额\t流水号\t付款人\n20261119\t+5.00\tA1\t甲\n20261119\t-3.00\tA2\t乙\n";
    let parsed = read(signed).unwrap();
    assert_eq!((parsed.credits.len(), parsed.debits), (1, 1));
    assert_eq!(parsed.credits[0].payer, "甲");
    let directed = "日期,交易金额,借贷标志,流水号\n20261119,5.00,贷,A1\n20261119,3,借,A2\n";
    assert_eq!(read(directed).unwrap().credits[0].amount, Fen(500));
    let odd = "日期,交易金额,借贷标志,流水号\n20261119,5.00,冻结,A1\n";
    assert_eq!(messages(odd), ["第 2 行：看不懂是收入还是支出"]);
}

#[test]
fn every_fault_is_named_with_its_line() {
    let file = "\
交易日期,贷方发生额,流水号
20261118,一百,A1
2026-13-01,1.00,A2
20261119,1.005,A3
20261119,1.00,
20261119,,A4
20261119,1.00,3.50021E+17
20261121,1.00,A5
20261119,1.00,A6
20261119,2.00,A6
";
    assert_eq!(
        messages(file),
        [
            "第 2 行：金额不是数字",
            "第 3 行：看不懂日期",
            "第 4 行：金额不是数字",
            "第 5 行：没有流水号",
            "第 6 行：没有金额",
            "第 7 行：流水号被表格软件改成了科学计数，请用银行导出的原文件",
            "第 8 行：日期还没有到",
            "第 10 行：流水号与第 9 行相同",
        ]
    );
}

#[test]
fn a_line_that_stands_twice_is_counted_and_taken_once() {
    let file = "交易日期,贷方发生额,流水号\n20261119,1.00,A1\n20261119,1.00,A1\n";
    let parsed = read(file).unwrap();
    assert_eq!((parsed.credits.len(), parsed.repeated), (1, 1));
}

#[test]
fn what_is_no_statement_is_refused_with_what_to_do() {
    assert_eq!(
        messages("交易日期,贷方发生额\n20261119,1\n"),
        ["表头缺少：交易流水号"]
    );
    assert!(messages("你好\n")[0].starts_with("没有找到表头"));
    assert_eq!(messages("交易日期,贷方发生额,流水号\n"), ["文件里没有流水"]);
    let excel = parse(b"PK\x03\x04rest", today()).unwrap_err();
    assert_eq!(excel[0].message, "这是 Excel 文件，请另存为 CSV 再导入");
    let utf16: Vec<u8> = "交易日期,金额"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(
        parse(&utf16, today()).unwrap_err()[0]
            .message
            .contains("编码")
    );
    assert!(parse(&vec![b' '; FILE_LIMIT + 1], today()).is_err());
}

#[test]
fn five_thousand_lines_are_taken_and_one_more_is_not() {
    let mut file = "交易日期,贷方发生额,流水号\n".to_owned();
    for number in 0..LINE_LIMIT {
        file.push_str(&format!("20261119,1.00,S{number}\n"));
    }
    assert_eq!(read(&file).unwrap().credits.len(), LINE_LIMIT);
    file.push_str("20261119,1.00,last\n");
    assert!(messages(&file)[0].contains("5000"));
}
