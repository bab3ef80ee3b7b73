//! What a plugin answers.

use crate::bindings::exports::yinxin::site::rules::Guest;
use crate::definition::Definition;
use crate::{
    Basket, Case, Checkpoint, Decision, Event, Moment, NamedValue, Problem, Quotation, Sources,
};
use core::marker::PhantomData;

/// The rules of one plugin. All but `handle` are pure: they may read through the interfaces, and a write is answered
/// with the error `ReadOnly`. What `handle` writes, sends or charges happens if, and only if, it returns a decision.
pub trait Rules {
    /// Services, forms, papers, messages and lifecycles. Called once, at activation, without any interface.
    fn describe() -> Definition;

    /// What is wrong with the case when this step is saved, or why this guard does not let a transition through.
    /// Kinds and required fields are checked by the host before; here stand the rules of this CA.
    fn check(_case: &Case, _at: &Moment, _checkpoint: &Checkpoint) -> Vec<Problem> {
        Vec::new()
    }

    /// What a basket of cases costs and how it may be paid, or why these cases cannot be one order.
    fn quote(_basket: &Basket) -> Result<Quotation, Vec<Problem>> {
        Ok(Quotation::of([]))
    }

    /// First answers of a new case: those of the earlier case that it is copied from, else of the profile's fields
    /// that have the same name.
    fn prefill(sources: &Sources) -> Vec<NamedValue> {
        if let Some(earlier) = &sources.earlier {
            return earlier.values.clone();
        }
        // The profile is that of the site's accounts, which may ask for more than this plugin knows.
        let definition = Self::describe();
        let fields = definition.forms.iter().flat_map(|form| &form.sections);
        let fields: Vec<&str> = fields
            .flat_map(|section| &section.fields)
            .map(|field| field.name.as_str())
            .collect();
        let known = |entry: &&NamedValue| fields.contains(&entry.name.as_str());
        sources.profile.iter().filter(known).cloned().collect()
    }

    /// Decides an event of the lifecycle, or declines it.
    fn handle(_case: &Case, _event: &Event) -> Result<Decision, Vec<Problem>> {
        Err(Problem::of_case("这里不办理此项业务，请返回首页重新选择。").into())
    }
}

/// `Rules` in the shape that the bindings export.
pub struct Component<R>(PhantomData<R>);

impl<R: Rules> Guest for Component<R> {
    fn describe() -> Definition {
        R::describe()
    }

    fn check(case: Case, at: Moment, checkpoint: Checkpoint) -> Vec<Problem> {
        R::check(&case, &at, &checkpoint)
    }

    fn quote(basket: Basket) -> Result<Quotation, Vec<Problem>> {
        R::quote(&basket)
    }

    fn prefill(sources: Sources) -> Vec<NamedValue> {
        R::prefill(&sources)
    }

    fn handle(case: Case, event: Event) -> Result<Decision, Vec<Problem>> {
        R::handle(&case, &event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{form, text};
    use crate::values;

    struct Short;

    impl Rules for Short {
        fn describe() -> Definition {
            Definition::new("short", "1.0.0", "短", "短")
                .forms([form("short", "短").fields([text("unit-name", "单位名称")])])
        }
    }

    #[test]
    fn a_new_case_begins_with_what_its_forms_ask_for_and_the_profile_knows() {
        let sources = Sources {
            service: "new".into(),
            profile: values([("unit-name", "鹰潭公司"), ("recipient-name", "李华")]),
            earlier: None,
            certificate: Vec::new(),
            at: Moment {
                now: 0,
                today: "2026-11-20".into(),
            },
        };
        assert_eq!(
            Short::prefill(&sources),
            values([("unit-name", "鹰潭公司")])
        );
    }
}
