//! The routes of the host, found in its sources: a new one is known here before anybody has thought of it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A path pattern with the methods that have a handler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    pub get: bool,
    pub post: bool,
}

/// What `.route(…)` may not be replaced by: routes that come by these would not be seen.
const UNSEEN: [&str; 4] = ["nest", "nest_service", "route_service", "fallback_service"];

/// Every route of host/*/src, tests left out. An error names what cannot be read.
pub fn all() -> Result<BTreeMap<String, Methods>, String> {
    let mut routes = BTreeMap::new();
    for file in sources() {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let tokens: TokenStream = text
            .parse()
            .map_err(|error| format!("{}: {error}", file.display()))?;
        walk(tokens, &mut routes).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(routes)
}

fn sources() -> Vec<PathBuf> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host");
    let mut found = Vec::new();
    let mut folders = vec![host];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !matches!(name.as_str(), "tests" | "target") {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn walk(tokens: TokenStream, routes: &mut BTreeMap<String, Methods>) -> Result<(), String> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        match token {
            // What stands after `#[cfg(test)]` is a module in braces or in a file of its own.
            TokenTree::Group(group)
                if group.stream().to_string().replace(' ', "") == "cfg(test)" =>
            {
                while tokens.get(index).is_some_and(|token| !ends_item(token)) {
                    index += 1;
                }
            }
            TokenTree::Group(group) => walk(group.stream(), routes)?,
            TokenTree::Ident(name) if is_method(&tokens, index) => {
                let name = name.to_string();
                if UNSEEN.contains(&name.as_str()) {
                    return Err(format!("`.{name}(…)` hides routes: write `.route(…)`"));
                }
                if let (true, Some(TokenTree::Group(group))) =
                    (name == "route", tokens.get(index + 1))
                {
                    let (path, methods) = read(group.stream())?;
                    let known = routes.entry(path).or_default();
                    known.get |= methods.get;
                    known.post |= methods.post;
                }
            }
            _ => {}
        }
        index += 1;
    }
    Ok(())
}

/// `.name(…)`
fn is_method(tokens: &[TokenTree], index: usize) -> bool {
    let dot = index
        .checked_sub(1)
        .and_then(|before| tokens.get(before))
        .is_some_and(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '.'));
    let called = tokens.get(index + 1).is_some_and(|token| {
        matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
    });
    dot && called
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

/// `"/path", get(one).post(other)`
fn read(arguments: TokenStream) -> Result<(String, Methods), String> {
    let tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let path = match tokens.first() {
        Some(TokenTree::Literal(literal)) => literal.to_string().trim_matches('"').to_owned(),
        other => return Err(format!("a route's path is no literal: {other:?}")),
    };
    let mut methods = Methods::default();
    for pair in tokens.windows(2) {
        let [TokenTree::Ident(name), TokenTree::Group(_)] = pair else {
            continue;
        };
        match name.to_string().as_str() {
            "get" => methods.get = true,
            "post" => methods.post = true,
            other => return Err(format!("{path} answers to `{other}`, which nobody tries")),
        }
    }
    if methods == Methods::default() {
        return Err(format!("{path} has no method that could be read"));
    }
    Ok((path, methods))
}

/// Whether a path without its query is one of the pattern's, and how closely: fixed parts that fit.
pub fn fit(pattern: &str, path: &str) -> Option<usize> {
    let (wanted, given): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut fixed = 0;
    for (wanted, given) in wanted.iter().zip(&given) {
        if wanted.starts_with('{') {
            if given.is_empty() {
                return None;
            }
        } else if wanted == given {
            fixed += 1;
        } else {
            return None;
        }
    }
    Some(fixed)
}

/// The pattern of a path or an address below the root, as the router finds it: fixed parts first.
pub fn pattern_of<'a>(
    patterns: impl IntoIterator<Item = &'a String>,
    address: &str,
) -> Option<&'a str> {
    let path = address.split(['?', '#']).next().unwrap_or(address);
    patterns
        .into_iter()
        .filter_map(|pattern| fit(pattern, path).map(|fixed| (fixed, pattern.as_str())))
        .max_by_key(|(fixed, _)| *fixed)
        .map(|(_, pattern)| pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> Result<BTreeMap<String, Methods>, String> {
        let mut routes = BTreeMap::new();
        walk(source.parse().unwrap(), &mut routes).map(|()| routes)
    }

    #[test]
    fn routes_are_read_with_their_methods() {
        let routes = of(
            "fn routes() { Router::new().route(\"/a/{id}\", get(show).post(save)).route(\"/b\", post(x)) } \
             #[cfg(test)] mod tests { fn t() { Router::new().route(\"/t\", post(x)) } }",
        )
        .unwrap();
        let both = Methods {
            get: true,
            post: true,
        };
        assert_eq!(routes.len(), 2);
        assert_eq!(routes["/a/{id}"], both);
        assert!(routes["/b"].post && !routes["/b"].get);
    }

    #[test]
    fn what_would_not_be_seen_is_refused() {
        for source in [
            "Router::new().nest(\"/x\", other())",
            "Router::new().route(PATH, get(x))",
            "Router::new().route(\"/x\", any(x))",
            "Router::new().route(\"/x\", delete(x))",
        ] {
            assert!(of(source).is_err(), "{source}");
        }
    }

    #[test]
    fn fixed_parts_come_first() {
        let patterns = ["/orders/{id}", "/orders/new", "/orders/{id}/pay"].map(str::to_owned);
        assert_eq!(
            pattern_of(&patterns, "/orders/new?case=1"),
            Some("/orders/new")
        );
        assert_eq!(pattern_of(&patterns, "/orders/17"), Some("/orders/{id}"));
        assert_eq!(pattern_of(&patterns, "/orders//pay"), None);
    }
}
