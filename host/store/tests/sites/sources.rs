//! What host/store/src and the migrations say, read as tokens: which functions there are, and which statements.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Functions that by design do not keep to one site, with the reason. Their statements need not name it either.
pub const ACROSS_SITES: &[(&str, &str)] = &[
    (
        "blobs::put",
        "the key begins with the site, and no key comes from a person",
    ),
    (
        "blobs::get",
        "as blobs::put: keys are read from the site's own rows",
    ),
    ("blobs::delete", "as blobs::put"),
    (
        "blobs::is_ready",
        "writes an object of nobody's and removes it again",
    ),
    (
        "jobs::lease",
        "one worker does the jobs of all sites; the job names its site",
    ),
    ("jobs::lease_beside", "as jobs::lease"),
    (
        "jobs::next_due",
        "the worker of all sites sleeps until then",
    ),
    (
        "ledger::sites",
        "`yinxin audit verify` walks the chains of all sites",
    ),
    (
        "postings::sites",
        "`yinxin ledger verify` walks the ledgers of all sites",
    ),
    ("pool::open", "one database of all sites"),
    ("pool::open_with", "one database of all sites"),
    ("pool::read", "a connection knows no site"),
    ("pool::begin", "a transaction knows no site"),
    ("pool::is_ready", "asks for no row"),
    ("pool::close", "one database of all sites"),
];

/// Unique keys that do not begin with the site, with the reason.
const UNIQUE_ACROSS_SITES: &[(&str, &str)] = &[(
    "payments_by_trade",
    "two sites may share a merchant, whose gateway knows one trade by a number",
)];

/// A public function that waits for the database or the objects.
pub struct Function {
    pub name: String,
    pub takes_site: bool,
}

/// One string with SQL in it.
pub struct Statement {
    /// `file:line`
    pub place: String,
    /// `module::function` that holds it; a constant's is empty.
    pub function: String,
    pub text: String,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder(name)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn migrations() -> String {
    let files = files("migrations", "sql");
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// The tables of the migrations.
pub fn tables() -> Vec<String> {
    let sql = migrations();
    let tables = sql.split("CREATE TABLE ").skip(1);
    tables
        .map(|rest| rest.split_whitespace().next().unwrap().to_owned())
        .collect()
}

/// Functions and statements of host/store/src, tests left out.
pub fn read() -> (Vec<Function>, Vec<Statement>) {
    let (mut functions, mut statements) = (Vec::new(), Vec::new());
    for path in files("src", "rs") {
        let file = path.strip_prefix(folder("src")).unwrap();
        // `cases/lists.rs` is a part of `cases`.
        let module = file
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs");
        if module == "testing"
            || path
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with("tests")
        {
            continue;
        }
        let tokens: TokenStream = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut reader = Reader {
            file: file.to_str().unwrap(),
            module,
            functions: &mut functions,
            statements: &mut statements,
        };
        reader.walk(tokens, "");
    }
    (functions, statements)
}

struct Reader<'a> {
    file: &'a str,
    module: &'a str,
    functions: &'a mut Vec<Function>,
    statements: &'a mut Vec<Statement>,
}

impl Reader<'_> {
    fn walk(&mut self, tokens: TokenStream, function: &str) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let word = |index: usize| match tokens.get(index) {
            Some(TokenTree::Ident(ident)) => ident.to_string(),
            _ => String::new(),
        };
        let mut inside = function.to_owned();
        let mut index = 0;
        while index < tokens.len() {
            match &tokens[index] {
                TokenTree::Ident(ident) if ident == "fn" => {
                    inside = format!("{}::{}", self.module, word(index + 1));
                    let public = word(index.wrapping_sub(2)) == "pub";
                    if public && word(index.wrapping_sub(1)) == "async" {
                        let arguments = tokens.iter().skip(index).find_map(|token| match token {
                            TokenTree::Group(group)
                                if group.delimiter() == Delimiter::Parenthesis =>
                            {
                                Some(group.stream().to_string())
                            }
                            _ => None,
                        });
                        let takes_site = arguments.is_some_and(|list| list.contains("SiteId"));
                        self.functions.push(Function {
                            name: inside.clone(),
                            takes_site,
                        });
                    }
                }
                // What stands after `#[cfg(test)]` is a module in braces or in a file of its own.
                TokenTree::Group(group)
                    if group.stream().to_string().replace(' ', "") == "cfg(test)" =>
                {
                    while index < tokens.len() && !ends_item(&tokens[index]) {
                        index += 1;
                    }
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), &inside);
                    if group.delimiter() == Delimiter::Brace {
                        inside = function.to_owned();
                    }
                }
                TokenTree::Literal(literal) => {
                    let source = literal.to_string();
                    if let Some(text) = source
                        .strip_prefix('"')
                        .and_then(|rest| rest.strip_suffix('"'))
                    {
                        self.statement(text, function, literal.span().start().line);
                    }
                }
                _ => {}
            }
            index += 1;
        }
    }

    fn statement(&mut self, source: &str, function: &str, line: usize) {
        // A line that ends with a backslash goes on with the next one's first word.
        let text = source.replace("\\\n", " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
        let begins = |word: &&str| text.starts_with(*word) || text.contains(&format!("({word}"));
        if words.iter().any(begins) {
            let place = format!("{}:{line}", self.file);
            self.statements.push(Statement {
                place,
                function: function.to_owned(),
                text,
            });
        }
    }
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

/// A statement cut at its brackets: each part is one SELECT, INSERT, UPDATE or DELETE with its own conditions. Column
/// lists and calls are parts as well and name no table.
fn parts(statement: &str) -> Vec<String> {
    let (mut open, mut done) = (vec![String::new()], Vec::new());
    for character in statement.chars() {
        match character {
            '(' => open.push(String::new()),
            // A fragment may close what another one opened.
            ')' if open.len() > 1 => {
                let part = open.pop().unwrap();
                // The first column of a list is what an INSERT or a conflict is judged by.
                let first = part.split(',').next().unwrap().trim().to_owned();
                open.last_mut().unwrap().push_str(&format!("({first})"));
                done.push(part);
            }
            _ => open.last_mut().unwrap().push(character),
        }
    }
    done.extend(open);
    done
}

/// What is wrong with one part of a statement.
fn fault(part: &str, tables: &BTreeSet<String>) -> Option<String> {
    let words: Vec<&str> = part
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let named = |after: &[&str]| -> Vec<String> {
        // What is read from brackets is a part of its own.
        let is_name = |word: &str| word != "SET" && !word.starts_with('(');
        let pairs = words
            .windows(2)
            .filter(|pair| after.contains(&pair[0]) && is_name(pair[1]));
        pairs.map(|pair| pair[1].to_owned()).collect()
    };
    let written = named(&["INTO"]);
    let read = named(&["FROM", "JOIN", "UPDATE"]);
    if let Some(unknown) = written
        .iter()
        .chain(&read)
        .find(|name| !tables.contains(*name))
    {
        return Some(format!("names no table of the migrations: {unknown}"));
    }
    if !written.is_empty() && !part.contains("(site)") {
        return Some("writes a row whose first column is not the site".to_owned());
    }
    if let Some((_, conflict)) = part.split_once("ON CONFLICT")
        && !conflict.starts_with(" (site)")
        && conflict.trim() != "DO NOTHING"
    {
        return Some("takes a row of another site for its own".to_owned());
    }
    // A fragment may end where the value is added.
    let bound = part.contains("site = $") || part.ends_with("site =");
    if !read.is_empty() && (!bound || part.matches("site =").count() < read.len()) {
        return Some(format!("reads {} without the site", read.join(", ")));
    }
    None
}

#[test]
fn every_function_that_takes_a_site_is_tried_across_sites() {
    let tried: BTreeSet<&str> = crate::TRIED
        .iter()
        .flat_map(|list| list.iter().copied())
        .collect();
    let across: BTreeMap<&str, &str> = ACROSS_SITES.iter().copied().collect();
    let (functions, _) = read();
    assert!(functions.len() > 150, "the sources were read");
    let names = |wanted: &dyn Fn(&Function) -> bool| -> Vec<&str> {
        functions
            .iter()
            .filter(|function| wanted(function))
            .map(|function| function.name.as_str())
            .collect()
    };
    let untried = names(&|function| function.takes_site && !tried.contains(function.name.as_str()));
    assert!(
        untried.is_empty(),
        "add a line to the attempts in host/store/tests/sites: {untried:?}"
    );
    let without =
        names(&|function| !function.takes_site && !across.contains_key(function.name.as_str()));
    assert!(
        without.is_empty(),
        "take the site, or give the reason in ACROSS_SITES: {without:?}"
    );
    let all: BTreeSet<&str> = names(&|_| true).into_iter().collect();
    let gone: Vec<_> = across.keys().filter(|name| !all.contains(*name)).collect();
    assert!(gone.is_empty(), "no longer there: {gone:?}");
}

#[test]
fn every_statement_names_the_site() {
    let tables: BTreeSet<String> = tables().into_iter().collect();
    let across: BTreeMap<&str, &str> = ACROSS_SITES.iter().copied().collect();
    let (_, statements) = read();
    assert!(statements.len() > 150, "the sources were read");
    let faults: Vec<String> = statements
        .iter()
        .filter(|statement| !across.contains_key(statement.function.as_str()))
        .flat_map(|statement| {
            let parts = parts(&statement.text);
            let faults = parts
                .iter()
                .filter_map(|part| fault(part, &tables))
                .collect::<Vec<_>>();
            faults
                .into_iter()
                .map(|fault| format!("{}: {fault}", statement.place))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_statement_without_the_site_is_noticed() {
    let tables: BTreeSet<String> = ["cases", "jobs"].map(str::to_owned).into();
    let faulty = |text: &str| {
        parts(text)
            .iter()
            .any(|part| fault(part, &tables).is_some())
    };
    for text in [
        "SELECT id FROM cases WHERE id = $1",
        "SELECT site FROM cases WHERE id = $1",
        "UPDATE cases SET state = $1 WHERE id = $2",
        "DELETE FROM jobs",
        "INSERT INTO jobs (id, site) VALUES ($1, $2)",
        "INSERT INTO jobs (site, id) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        "SELECT id FROM cases WHERE site = $1 AND id IN (SELECT case_id FROM jobs WHERE kind = $2)",
        "SELECT id FROM cases JOIN jobs ON jobs.case_id = cases.id WHERE cases.site = $1",
        "SELECT id FROM cases JOIN jobs ON jobs.site = cases.site AND jobs.case_id = cases.id",
        "SELECT id FROM {table} WHERE site = $1",
        "SELECT COUNT(*) FROM (SELECT id FROM cases LIMIT $1) AS first",
    ] {
        assert!(faulty(text), "{text}");
    }
    for text in [
        "SELECT id FROM cases WHERE site = $1 AND (state = $2 OR state = $3)",
        "SELECT COUNT(*) FROM (SELECT id FROM cases WHERE site = $1 LIMIT $2) AS first",
        "INSERT INTO jobs (site, id) VALUES ($1, $2) ON CONFLICT (site, id) DO UPDATE SET state = $3",
        "SELECT id FROM cases JOIN jobs ON jobs.site = cases.site AND jobs.case_id = cases.id WHERE cases.site = $1",
    ] {
        assert!(!faulty(text), "{text}");
    }
}

#[test]
fn every_table_and_unique_key_begins_with_the_site() {
    let sql = migrations();
    for table in sql.split("CREATE TABLE ").skip(1) {
        let body = table.split(';').next().unwrap();
        let name = body.split_whitespace().next().unwrap();
        let columns = body.split_once('(').unwrap().1.trim_start();
        assert!(
            columns.starts_with("site TEXT NOT NULL"),
            "{name}: the first column is the site"
        );
        assert!(
            body.contains("PRIMARY KEY (site"),
            "{name}: the primary key begins with the site"
        );
    }
    for index in sql.split("CREATE UNIQUE INDEX ").skip(1) {
        let name = index.split_whitespace().next().unwrap();
        let columns = index.split_once('(').unwrap().1;
        let allowed = UNIQUE_ACROSS_SITES
            .iter()
            .any(|(allowed, _)| *allowed == name);
        assert!(
            columns.starts_with("site") || allowed,
            "{name} begins with the site"
        );
    }
}
