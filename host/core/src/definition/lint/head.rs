//! The definition as a whole: its name and version, and how much there is of everything.

use super::report::{Place, Report, is_id};
use crate::definition::Definition;

pub(super) fn check(report: &mut Report, place: &Place, definition: &Definition) {
    if !is_id(&definition.id) {
        report.error(
            place,
            format!("`{}` is no name of a plugin", definition.id),
            "write the name of plugin.toml: 1 to 48 of a-z, 0-9 and `-`",
        );
    }
    version(report, place, "version", &definition.version);
    report.label(place, "title", &definition.title);
    report.text(place, "summary", &definition.summary);
    if definition.services.is_empty() && definition.account_policy.is_none() {
        report.error(
            place,
            "the plugin offers nothing",
            "add a service, or an account policy",
        );
    }

    for (n, older) in definition.takes_over.iter().enumerate() {
        version(report, place, "version to take over", older);
        if *older == definition.version {
            report.error(
                place,
                format!("version `{older}` takes its own cases over"),
                "list versions before this one; a case always goes on under the version that it began with",
            );
        }
        if definition
            .takes_over
            .iter()
            .take(n)
            .any(|other| other == older)
        {
            report.warning(
                place,
                format!("version `{older}` is taken over twice"),
                "list it once",
            );
        }
    }

    report.ids(
        place,
        "service",
        definition.services.iter().map(|s| s.id.as_str()),
    );
    report.ids(
        place,
        "form",
        definition.forms.iter().map(|f| f.id.as_str()),
    );
    report.ids(
        place,
        "material",
        definition.materials.iter().map(|m| m.id.as_str()),
    );
    report.ids(
        place,
        "identity check",
        definition.checks.iter().map(|c| c.id.as_str()),
    );
    report.ids(
        place,
        "document",
        definition.documents.iter().map(|d| d.id.as_str()),
    );
    report.ids(
        place,
        "message",
        definition.messages.iter().map(|m| m.id.as_str()),
    );
    report.ids(
        place,
        "lifecycle",
        definition.lifecycles.iter().map(|l| l.id.as_str()),
    );
}

fn version(report: &mut Report, place: &Place, what: &str, text: &str) {
    if !is_semantic(text) {
        report.error(
            place,
            format!("the {what} `{text}` is no semantic version"),
            "write three numbers, such as `1.4.0`, with a suffix such as `-beta.1` where it is needed",
        );
    }
}

/// Semantic Versioning 2.0.0, clause 2, with pre-release (9) and build (10).
fn is_semantic(text: &str) -> bool {
    let (text, build) = text
        .split_once('+')
        .map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text
        .split_once('-')
        .map_or((text, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| {
        (1..=9).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let suffix = |suffix: Option<&str>| suffix.is_none_or(|s| s.split('.').all(word));
    core.split('.').count() == 3 && core.split('.').all(number) && suffix(pre) && suffix(build)
}

#[cfg(test)]
mod tests {
    use super::is_semantic;

    #[test]
    fn semantic_versions() {
        for text in [
            "0.1.0",
            "1.10.3",
            "1.0.0-beta.1",
            "1.0.0+build.7",
            "2.0.0-rc-1+a",
        ] {
            assert!(is_semantic(text), "{text}");
        }
        for text in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.x",
            "1.0.0-",
            "1.0.0-a..b",
        ] {
            assert!(!is_semantic(text), "{text}");
        }
    }
}
