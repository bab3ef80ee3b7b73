//! Which column of a bank's file is which. Banks name them as they like; the names here are those of the big banks'
//! corporate e-banking exports.

/// What a column holds, with the names that banks give it; a name that stands earlier is preferred.
const NAMES: &[(Column, &[&str])] = &[
    (
        Column::Day,
        &[
            "交易日期",
            "交易日",
            "记账日期",
            "记账日",
            "入账日期",
            "入账日",
            "日期",
            "交易时间",
            "记账时间",
            "入账时间",
        ],
    ),
    (
        Column::Serial,
        &[
            "交易流水号",
            "流水号",
            "账户明细编号-交易流水号",
            "银行流水号",
            "核心流水号",
            "主机流水号",
            "明细流水号",
            "明细编号",
            "交易参考号",
            "交易编号",
            "业务流水号",
            "交易序号",
            "日志号",
            "企业流水号",
        ],
    ),
    (
        Column::Credit,
        &[
            "贷方发生额",
            "贷方金额",
            "贷方",
            "收入金额",
            "收入",
            "转入金额",
            "存入金额",
            "贷记金额",
            "收款金额",
        ],
    ),
    (
        Column::Debit,
        &[
            "借方发生额",
            "借方金额",
            "借方",
            "支出金额",
            "支出",
            "转出金额",
            "支取金额",
            "借记金额",
            "付款金额",
        ],
    ),
    (
        Column::Amount,
        &["交易金额", "发生额", "交易发生额", "金额"],
    ),
    (
        Column::Direction,
        &[
            "借贷标志",
            "借贷标记",
            "借贷方向",
            "借/贷",
            "借贷",
            "收支标志",
            "收支类型",
            "收支方向",
            "收/支",
            "收支",
            "交易方向",
        ],
    ),
    (
        Column::Payer,
        &[
            "对方户名",
            "对方账户名称",
            "对方账户名",
            "对方名称",
            "对方单位名称",
            "对方单位",
            "付款人名称",
            "付款人户名",
            "付款人",
            "付款方户名",
            "付款方名称",
            "付款方",
            "收/付方名称",
            "收(付)方名称",
            "交易对手名称",
            "对手户名",
            "交易对方",
            "汇款人",
        ],
    ),
    (
        Column::Memo,
        &[
            "附言",
            "交易附言",
            "客户附言",
            "汇款附言",
            "摘要",
            "交易摘要",
            "用途",
            "交易用途",
            "备注",
            "交易备注",
            "个性化信息",
        ],
    ),
];

/// A column as a page explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedColumn {
    pub word: &'static str,
    /// No file is taken without it.
    pub needed: bool,
    /// What banks call it.
    pub names: &'static [&'static str],
}

/// The columns that are read, in the order in which banks have them.
pub fn accepted_columns() -> impl Iterator<Item = AcceptedColumn> {
    NAMES.iter().map(|(column, names)| {
        let (word, needed) = match column {
            Column::Day => ("day", true),
            Column::Serial => ("serial", true),
            Column::Credit => ("credit", true),
            Column::Debit => ("debit", false),
            // In the place of a credit column, with a direction.
            Column::Amount => ("amount", false),
            Column::Direction => ("direction", false),
            Column::Payer => ("payer", false),
            Column::Memo => ("memo", false),
        };
        AcceptedColumn {
            word,
            needed,
            names,
        }
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Day,
    Serial,
    Credit,
    Debit,
    Amount,
    Direction,
    Payer,
    Memo,
}

/// Where the columns are, counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub day: Option<usize>,
    pub serial: Option<usize>,
    pub credit: Option<usize>,
    pub debit: Option<usize>,
    pub amount: Option<usize>,
    pub direction: Option<usize>,
    pub payer: Option<usize>,
    /// All of them: the reference may stand in any.
    pub memo: Vec<usize>,
}

impl Columns {
    /// Reads a row as the header that it may be.
    pub fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let cells: Vec<String> = cells.map(plain).collect();
        let find = |wanted: Column| {
            let names = NAMES
                .iter()
                .find(|(column, _)| *column == wanted)
                .map_or(&[][..], |(_, names)| names);
            names
                .iter()
                .filter_map(|name| cells.iter().position(|cell| cell == name))
                .collect::<Vec<_>>()
        };
        let first = |wanted| find(wanted).first().copied();
        let mut memo = find(Column::Memo);
        memo.dedup();
        Self {
            day: first(Column::Day),
            serial: first(Column::Serial),
            credit: first(Column::Credit),
            debit: first(Column::Debit),
            amount: first(Column::Amount),
            direction: first(Column::Direction),
            payer: first(Column::Payer),
            memo,
        }
    }

    /// The columns without which a line says nothing, where they are missing; in the clerk's words.
    pub fn missing(&self) -> Vec<&'static str> {
        let wanted = [
            (self.day.is_some(), "交易日期"),
            (
                self.credit.or(self.amount).is_some(),
                "收入金额（或贷方发生额）",
            ),
            (self.serial.is_some(), "交易流水号"),
        ];
        wanted
            .into_iter()
            .filter(|(there, _)| !there)
            .map(|(_, name)| name)
            .collect()
    }
}

/// A header without what stands in brackets behind it, spaces and units: `贷方发生额（收入）`, `交易日期[ Date ]`, `金额/元`.
fn plain(cell: &str) -> String {
    let cell: String = cell
        .chars()
        .map(half_width)
        .filter(|c| !c.is_whitespace() && *c != '\u{feff}')
        .collect();
    let mut name = cell.as_str();
    for (open, close) in [('(', ')'), ('[', ']')] {
        if name.ends_with(close)
            && let Some((before, _)) = name.rsplit_once(open)
            && !before.is_empty()
        {
            name = before;
        }
    }
    name.trim_end_matches("/元").to_owned()
}

/// `Ａ` to `A`, `（` to `(`, the ideographic space to a space.
pub(crate) fn half_width(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        // The full-width forms stand 0xFEE0 behind ASCII (Unicode, block FF00).
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Columns {
        Columns::of(header.split(','))
    }

    #[test]
    fn the_headers_of_the_big_banks_are_understood() {
        let construction = of(
            "交易时间,借方发生额（支取）,贷方发生额（收入）,余额,币种,对方户名,对方账号,对方开户机构,记账日期,摘要,备注,账户明细编号-交易流水号,企业流水号,凭证种类,凭证号",
        );
        assert_eq!(construction.missing(), Vec::<&str>::new());
        assert_eq!((construction.day, construction.serial), (Some(8), Some(11)));
        assert_eq!(
            (construction.credit, construction.debit),
            (Some(2), Some(1))
        );
        assert_eq!(construction.memo, [9, 10]);
        let china = of(
            "交易日期[ Transaction Date ],交易金额[ Trade Amount ],交易流水号[ Transaction reference number ],付款人名称[ Payer's Name ],交易附言[ Remark ],用途[ Purpose ]",
        );
        assert_eq!(china.missing(), Vec::<&str>::new());
        assert_eq!((china.amount, china.payer), (Some(1), Some(3)));
        let merchants = of("交易日,交易时间,借方金额,贷方金额,余额,摘要,流水号,收(付)方名称");
        assert_eq!(merchants.missing(), Vec::<&str>::new());
        assert_eq!((merchants.day, merchants.payer), (Some(0), Some(7)));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(of("交易日期,收入金额,摘要").missing(), ["交易流水号"]);
        assert_eq!(of("账号：123").missing().len(), 3);
    }
}
