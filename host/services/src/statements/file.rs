//! Reading a bank's CSV file: UTF-8 or GBK, with some lines of title above the header and some of sums below the lines.
//! All faults of a file are found at once, each with the line that it stands in.

use super::columns::{Columns, half_width};
use super::{FILE_LIMIT, LINE_LIMIT};
use crate::payments::bank_number;
use csv::StringRecord;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::HashMap;
use yinxin_core::money::Fen;

/// Rows in which the header is looked for.
const TITLE_ROWS: usize = 40;
/// Faults that are listed; a clerk corrects the first ones and tries again.
const FAULT_LIMIT: usize = 50;
/// Characters of a bank's number, a payer's name and a memo.
const SERIAL_LIMIT: usize = 64;
const PAYER_LIMIT: usize = 120;
const MEMO_LIMIT: usize = 400;

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Line of the file, the first being 1; none where it is about the whole.
    pub line: Option<u64>,
    /// For the clerk.
    pub message: String,
}

impl Fault {
    fn whole(message: impl Into<String>) -> Self {
        Self {
            line: None,
            message: message.into(),
        }
    }

    fn at(line: u64, message: &str) -> Self {
        Self {
            line: Some(line),
            message: format!("第 {line} 行：{message}"),
        }
    }

    pub(super) fn serial_of_another(position: i64) -> Self {
        let message = "这个流水号以前导入过，但金额或日期不同";
        Self::at(position.unsigned_abs(), message)
    }
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub credits: Vec<Credit>,
    /// Lines of money that went out.
    pub debits: i64,
    /// Lines that stand in the file twice.
    pub repeated: i64,
    /// Of all lines.
    pub first_day: Date,
    pub last_day: Date,
}

/// Money that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    /// Line of the file.
    pub position: i64,
    pub day: Date,
    pub amount: Fen,
    pub payer: String,
    pub memo: String,
    pub serial: String,
}

/// Reads a file; no line may be of a day after `today`.
pub(super) fn parse(bytes: &[u8], today: Date) -> Result<Parsed, Vec<Fault>> {
    let text = decode(bytes).map_err(|fault| vec![fault])?;
    let rows = rows(&text)?;
    let (columns, body) = header(&rows).map_err(|fault| vec![fault])?;
    let mut reading = Reading {
        columns,
        today,
        credits: Vec::new(),
        debits: 0,
        repeated: 0,
        days: None,
        serials: HashMap::new(),
        faults: Vec::new(),
    };
    let mut lines = 0;
    for (line, row) in body.iter().filter(|(_, row)| !is_about_the_file(row)) {
        lines += 1;
        if lines > LINE_LIMIT {
            return Err(vec![Fault::whole(format!(
                "流水超过 {LINE_LIMIT} 笔，请分几次导出再导入"
            ))]);
        }
        if let Err(message) = reading.row(*line, row) {
            reading.faults.push(Fault::at(*line, &message));
        }
    }
    let mut faults = reading.faults;
    if faults.len() > FAULT_LIMIT {
        let more = faults.len() - FAULT_LIMIT;
        faults.truncate(FAULT_LIMIT);
        faults.push(Fault::whole(format!("还有 {more} 处问题")));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let Some((first_day, last_day)) = reading.days else {
        return Err(vec![Fault::whole("文件里没有流水")]);
    };
    Ok(Parsed {
        credits: reading.credits,
        debits: reading.debits,
        repeated: reading.repeated,
        first_day,
        last_day,
    })
}

fn decode(bytes: &[u8]) -> Result<String, Fault> {
    if bytes.len() > FILE_LIMIT {
        return Err(Fault::whole("文件超过 2 MB，请分几次导出再导入"));
    }
    // ZIP (xlsx) and OLE2 (xls).
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(Fault::whole("这是 Excel 文件，请另存为 CSV 再导入"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let (text, damaged) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    if damaged || text.contains('\0') {
        return Err(Fault::whole(
            "看不懂文件的编码，请另存为 UTF-8 或 GBK 编码的 CSV",
        ));
    }
    Ok(text.into_owned())
}

type Row = (u64, StringRecord);

fn rows(text: &str) -> Result<Vec<Row>, Vec<Fault>> {
    // Some banks' "CSV" has tabs; a comma then stands in amounts at most.
    let tabs = text.lines().take(TITLE_ROWS).any(|line| {
        line.matches('\t').count() > line.matches(',').count() && line.matches('\t').count() > 2
    });
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(if tabs { b'\t' } else { b',' })
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = record.map_err(|_| vec![Fault::whole("文件不是 CSV")])?;
        // The reader's own count is behind where lines end in CR LF or are empty.
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let before = text.get(counted..start).unwrap_or_default();
        let ends = text.get(start..).map_or(0, |rest| {
            rest.len() - rest.trim_start_matches(['\r', '\n']).len()
        });
        let skipped = text.get(start..start + ends).unwrap_or_default();
        line += newlines(before) + newlines(skipped);
        counted = start + ends;
        rows.push((line, record));
    }
    Ok(rows)
}

fn newlines(text: &str) -> u64 {
    text.bytes().map(|byte| u64::from(byte == b'\n')).sum()
}

/// The columns, and the rows below the header.
fn header(rows: &[Row]) -> Result<(Columns, &[Row]), Fault> {
    let mut best: Option<Vec<&str>> = None;
    for (index, (_, row)) in rows.iter().take(TITLE_ROWS).enumerate() {
        let columns = Columns::of(row.iter());
        let missing = columns.missing();
        if missing.is_empty() {
            return Ok((columns, rows.get(index + 1..).unwrap_or_default()));
        }
        if best.as_ref().is_none_or(|best| missing.len() < best.len()) {
            best = Some(missing);
        }
    }
    // What no row has at all is better told as what a header looks like.
    let missing = best.unwrap_or_default();
    Err(Fault::whole(if matches!(missing.len(), 1 | 2) {
        format!("表头缺少：{}", missing.join("、"))
    } else {
        "没有找到表头，至少要有交易日期、收入金额（或贷方发生额）、交易流水号三列".to_owned()
    }))
}

/// Empty, a remark, or a sum.
fn is_about_the_file(row: &StringRecord) -> bool {
    let Some(first) = row.iter().map(str::trim).find(|cell| !cell.is_empty()) else {
        return true;
    };
    first.starts_with('#')
        || [
            "合计",
            "总计",
            "小计",
            "汇总",
            "总笔数",
            "借方合计",
            "贷方合计",
        ]
        .iter()
        .any(|word| first.starts_with(word))
}

/// A row's direction and amount.
enum Movement {
    In(Fen),
    Out,
}

struct Reading {
    columns: Columns,
    today: Date,
    credits: Vec<Credit>,
    debits: i64,
    repeated: i64,
    days: Option<(Date, Date)>,
    /// Number to its place in `credits`.
    serials: HashMap<String, usize>,
    faults: Vec<Fault>,
}

impl Reading {
    fn row(&mut self, line: u64, row: &StringRecord) -> Result<(), String> {
        let cell = |index: Option<usize>| {
            index
                .and_then(|index| row.get(index))
                .map(clean)
                .unwrap_or_default()
        };
        let day = day(&cell(self.columns.day)).ok_or("看不懂日期")?;
        if day > self.today {
            return Err("日期还没有到".to_owned());
        }
        let movement = self.movement(&cell)?;
        let days = self.days.get_or_insert((day, day));
        *days = (days.0.min(day), days.1.max(day));
        let Movement::In(amount) = movement else {
            self.debits += 1;
            return Ok(());
        };
        let serial = serial(&cell(self.columns.serial))?;
        let mut memo: Vec<String> = Vec::new();
        for index in &self.columns.memo {
            let part = cell(Some(*index));
            if !part.is_empty() && !memo.contains(&part) {
                memo.push(part);
            }
        }
        let credit = Credit {
            position: i64::try_from(line).unwrap_or(i64::MAX),
            day,
            amount,
            payer: cell(self.columns.payer).chars().take(PAYER_LIMIT).collect(),
            memo: memo.join(" ").chars().take(MEMO_LIMIT).collect(),
            serial,
        };
        if let Some(earlier) = self
            .serials
            .get(&credit.serial)
            .and_then(|index| self.credits.get(*index))
        {
            if (earlier.day, earlier.amount) != (credit.day, credit.amount) {
                return Err(format!("流水号与第 {} 行相同", earlier.position));
            }
            self.repeated += 1;
            return Ok(());
        }
        self.serials
            .insert(credit.serial.clone(), self.credits.len());
        self.credits.push(credit);
        Ok(())
    }

    fn movement(&self, cell: &dyn Fn(Option<usize>) -> String) -> Result<Movement, String> {
        let read = |text: &str| signed(text).ok_or_else(|| "金额不是数字".to_owned());
        if self.columns.credit.is_some() {
            let (credit, debit) = (cell(self.columns.credit), cell(self.columns.debit));
            let (credit, debit) = (read(&credit)?, read(&debit)?);
            return match (credit.0, debit.0) {
                (0, 0) => Err("没有金额".to_owned()),
                // What is taken back stands as a negative amount on the side on which it came.
                (credit, 0) if credit > 0 => Ok(Movement::In(Fen(credit))),
                (_, 0) | (0, _) => Ok(Movement::Out),
                _ => Err("收入和支出都有金额".to_owned()),
            };
        }
        let amount = read(&cell(self.columns.amount))?;
        let direction = cell(self.columns.direction).to_uppercase();
        let comes = match (direction.as_str(), amount.0) {
            (_, 0) => return Err("没有金额".to_owned()),
            ("" | "+", amount) => amount > 0,
            (
                "贷" | "贷方" | "C" | "CR" | "收" | "收入" | "转入" | "入" | "入账" | "来账",
                amount,
            ) => amount > 0,
            (
                "借" | "借方" | "D" | "DR" | "支" | "支出" | "转出" | "出" | "付" | "出账" | "往账"
                | "-",
                _,
            ) => false,
            _ => return Err("看不懂是收入还是支出".to_owned()),
        };
        Ok(if comes {
            Movement::In(amount)
        } else {
            Movement::Out
        })
    }
}

/// A cell without what keeps spreadsheets from changing it: `="123"`, `'123`, a tab at the end.
fn clean(cell: &str) -> String {
    let cell: String = cell
        .chars()
        .map(half_width)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let cell = cell.trim();
    let cell = cell
        .strip_prefix("=\"")
        .and_then(|cell| cell.strip_suffix('"'))
        .unwrap_or(cell);
    cell.trim_start_matches(['\'', '`']).trim().to_owned()
}

/// `20261120`, `2026-11-20 18:05:00`, `2026/1/5`, `2026年11月20日`.
fn day(text: &str) -> Option<Date> {
    let mut groups = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty());
    let first = groups.next()?;
    let (year, month, day) = match first.len() {
        8.. => (first.get(..4)?, first.get(4..6)?, first.get(6..8)?),
        4 => (first, groups.next()?, groups.next()?),
        _ => return None,
    };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        .ok()
        .filter(|day| day.year() >= 2000)
}

/// Yuan with a sign, a currency and commas; nothing is 0.
fn signed(text: &str) -> Option<Fen> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text
        .trim_start_matches("CNY")
        .trim_start_matches("RMB")
        .trim_end_matches('元');
    if text.is_empty() || text == "-" || text == "--" {
        return Some(Fen(0));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let amount = Fen::parse_yuan(digits)?;
    Some(if negative { Fen(-amount.0) } else { amount })
}

/// Without spaces, as a clerk would type it.
fn serial(text: &str) -> Result<String, String> {
    let text = bank_number(text);
    let scientific = text.len() > 3
        && text
            .split_once(['E', 'e'])
            .is_some_and(|(before, after)| before.contains('.') && after.starts_with('+'));
    if text.is_empty() {
        Err("没有流水号".to_owned())
    } else if scientific {
        Err("流水号被表格软件改成了科学计数，请用银行导出的原文件".to_owned())
    } else if text.chars().count() > SERIAL_LIMIT {
        Err(format!("流水号超过 {SERIAL_LIMIT} 个字"))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
