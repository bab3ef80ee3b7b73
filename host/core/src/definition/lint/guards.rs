//! Guards: what transitions ask of `check`, and what `check` says that it answers for.

use super::report::{Place, Report};
use crate::definition::Definition;

pub(super) fn check(report: &mut Report, root: &Place, definition: &Definition) {
    report.ids(root, "guard", definition.guards.iter().map(String::as_str));
    let mut used: Vec<&str> = Vec::new();
    for lifecycle in &definition.lifecycles {
        for transition in &lifecycle.transitions {
            let place = root
                .then("lifecycle", &lifecycle.id)
                .then("transition", &transition.id);
            for guard in &transition.guards {
                used.push(guard);
                if !definition.guards.contains(guard) {
                    report.unknown(
                        &place,
                        "guard",
                        guard,
                        definition.guards.iter().map(String::as_str),
                    );
                }
            }
        }
    }
    for guard in definition
        .guards
        .iter()
        .filter(|guard| !used.contains(&guard.as_str()))
    {
        report.error(
            &root.then("guard", guard),
            format!("guard `{guard}` is asked by no transition"),
            format!("name `{guard}` in the guards of a transition, or remove it from the list"),
        );
    }
}
