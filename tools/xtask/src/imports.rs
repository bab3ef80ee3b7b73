//! The walls of the house: which crate may import which. The picture is in ARCHITECTURE.md; this keeps it true.

use crate::workspace::{GUEST_PREFIXES, Workspace};
use cargo_metadata::DependencyKind;

/// One crate naming another in its Cargo.toml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: String,
    pub to: String,
    /// Only for tests.
    pub dev: bool,
}

/// The host from the bottom up, each with those of ours that it may import.
const HOST: [(&str, &[&str]); 9] = [
    ("yinxin-core", &[]),
    ("yinxin-sandbox", &["yinxin-core"]),
    ("yinxin-store", &["yinxin-core"]),
    ("yinxin-documents", &["yinxin-core"]),
    (
        "yinxin-services",
        &["yinxin-core", "yinxin-store", "yinxin-documents"],
    ),
    (
        "yinxin-capabilities",
        &[
            "yinxin-core",
            "yinxin-store",
            "yinxin-documents",
            "yinxin-services",
            "yinxin-sandbox",
        ],
    ),
    (
        "yinxin-engine",
        &[
            "yinxin-core",
            "yinxin-store",
            "yinxin-documents",
            "yinxin-services",
            "yinxin-sandbox",
            "yinxin-capabilities",
        ],
    ),
    (
        "yinxin-web",
        &[
            "yinxin-core",
            "yinxin-store",
            "yinxin-documents",
            "yinxin-services",
            "yinxin-sandbox",
            "yinxin-capabilities",
            "yinxin-engine",
        ],
    ),
    (
        "yinxin-server",
        &[
            "yinxin-core",
            "yinxin-store",
            "yinxin-documents",
            "yinxin-services",
            "yinxin-sandbox",
            "yinxin-capabilities",
            "yinxin-engine",
            "yinxin-web",
        ],
    ),
];

/// Crates of others that only some of ours may import: SQL, the sandbox's engine and type-setting have one place each.
const RESERVED: [(&str, &[&str]); 4] = [
    ("sqlx", &["yinxin-store"]),
    ("wasmtime", &["yinxin-sandbox", "yinxin-capabilities"]),
    ("typst", &["yinxin-documents"]),
    ("typst-pdf", &["yinxin-documents"]),
];

/// What is wrong, one sentence each; empty when the walls stand.
pub fn check(workspace: &Workspace) -> Vec<String> {
    let mut problems = Vec::new();
    let mut edges = Vec::new();
    for package in workspace.packages() {
        let name = package.name.to_string();
        if kind(&name) == Kind::Unknown {
            problems.push(format!(
                "{name} ({}) has no place in the house: give it one in tools/xtask/src/imports.rs",
                workspace.folder_of(package).display()
            ));
        }
        edges.extend(package.dependencies.iter().map(|dependency| Edge {
            from: name.clone(),
            to: dependency.name.clone(),
            dev: dependency.kind == DependencyKind::Development,
        }));
    }
    problems.extend(edges.iter().filter_map(wrong));
    problems
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Host,
    Sdk,
    Plugin,
    /// Programs that stand beside the host and know it only from outside.
    Tool,
    /// Test crates may import everything.
    Test,
    Unknown,
}

fn kind(name: &str) -> Kind {
    match name {
        "yinxin-sdk" => Kind::Sdk,
        "xtask" | "yinxin-simulators" | "yinxin-agent" => Kind::Tool,
        "yinxin-bench"
        | "yinxin-conformance"
        | "yinxin-crash"
        | "yinxin-fuzz-targets"
        | "yinxin-house"
        | "yinxin-journeys"
        | "yinxin-kit"
        | "yinxin-security" => Kind::Test,
        _ if GUEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => Kind::Plugin,
        _ if HOST.iter().any(|(host, _)| *host == name) => Kind::Host,
        _ => Kind::Unknown,
    }
}

/// Why the edge must not be, or none.
fn wrong(edge: &Edge) -> Option<String> {
    let Edge { from, to, dev } = edge;
    if let Some((_, allowed)) = RESERVED.iter().find(|(name, _)| name == to) {
        let fits = allowed.contains(&from.as_str()) || kind(from) == Kind::Test || *dev;
        return (!fits).then(|| {
            format!(
                "{from} imports {to}, which only {} may",
                allowed.join(" and ")
            )
        });
    }
    if kind(to) == Kind::Unknown {
        return None; // a crate of somebody else's
    }
    if *dev && kind(to) == Kind::Test {
        return None; // the test kit, in tests
    }
    let sentence = match (kind(from), kind(to)) {
        // Integration tests are crates of their own, which ask for the features that tests need.
        _ if *dev && from == to => None,
        (Kind::Test, _) => None,
        (_, Kind::Test) => Some(format!(
            "{from} imports the test crate {to} outside its tests"
        )),
        (Kind::Plugin | Kind::Sdk, Kind::Host) => Some(format!(
            "{from} imports {to}: plugins and the SDK never import the host"
        )),
        (Kind::Plugin, Kind::Sdk) => None,
        (Kind::Host, Kind::Host) => {
            let allowed = HOST
                .iter()
                .find(|(name, _)| name == from)
                .map_or(&[] as &[&str], |(_, allowed)| allowed);
            (!allowed.contains(&to.as_str()))
                .then(|| format!("{from} imports {to}: imports run one way, and this is not it"))
        }
        // Tests of the tools may drive the host over its public face, and tests of the host the tools.
        (Kind::Tool, Kind::Host) | (Kind::Host, Kind::Tool) if *dev => None,
        _ => Some(format!(
            "{from} imports {to}: they stand on two sides of a wall"
        )),
    };
    sentence.map(|sentence| {
        if *dev {
            format!("{sentence} (in its tests)")
        } else {
            sentence
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: from.into(),
            to: to.into(),
            dev: false,
        }
    }

    fn dev(from: &str, to: &str) -> Edge {
        Edge {
            dev: true,
            ..edge(from, to)
        }
    }

    #[test]
    fn the_walls_of_this_workspace_stand() {
        let workspace = Workspace::open().unwrap();
        assert_eq!(check(&workspace), [""; 0]);
    }

    #[test]
    fn a_wrong_edge_is_found() {
        for (wrong_edge, part) in [
            (edge("yinxin-core", "yinxin-store"), "one way"),
            (edge("yinxin-store", "yinxin-services"), "one way"),
            (edge("yinxin-sandbox", "yinxin-store"), "one way"),
            (edge("yinxin-documents", "yinxin-store"), "one way"),
            (edge("yinxin-services", "yinxin-engine"), "one way"),
            (dev("yinxin-engine", "yinxin-web"), "in its tests"),
            (
                edge("yinxin-plugin-yingtan", "yinxin-core"),
                "never import the host",
            ),
            (
                dev("yinxin-plugin-yingtan", "yinxin-engine"),
                "never import the host",
            ),
            (edge("yinxin-sdk", "yinxin-core"), "never import the host"),
            (
                edge("yinxin-plugin-yingtan", "yinxin-plugin-jiangxi"),
                "wall",
            ),
            (edge("yinxin-engine", "yinxin-sdk"), "wall"),
            (edge("yinxin-simulators", "yinxin-services"), "wall"),
            (edge("yinxin-engine", "yinxin-kit"), "test crate"),
            (edge("yinxin-web", "sqlx"), "only yinxin-store may"),
            (
                edge("yinxin-engine", "wasmtime"),
                "only yinxin-sandbox and yinxin-capabilities may",
            ),
        ] {
            let sentence = wrong(&wrong_edge).unwrap_or_else(|| panic!("{wrong_edge:?} passes"));
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn right_edges_pass() {
        for right in [
            edge("yinxin-web", "yinxin-engine"),
            edge("yinxin-capabilities", "yinxin-sandbox"),
            edge("yinxin-plugin-yingtan", "yinxin-sdk"),
            dev("yinxin-plugin-yingtan", "yinxin-kit"),
            dev("yinxin-engine", "yinxin-simulators"),
            dev("yinxin-store", "yinxin-store"),
            edge("yinxin-kit", "yinxin-capabilities"),
            edge("yinxin-store", "sqlx"),
            edge("yinxin-web", "serde"),
        ] {
            assert_eq!(wrong(&right), None, "{right:?}");
        }
    }
}
