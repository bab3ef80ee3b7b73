//! A definition looked up by name: what there is, who uses it, and which fields a case of a service has.

use super::report::{Place, Report};
use crate::definition::{
    Condition, Definition, Document, Field, FieldKind, Form, IdentityCheck, Lifecycle, Material,
    Service, StepContent,
};
use crate::field::TICKED;
use std::ops::Deref;

pub(super) struct Index<'a> {
    pub(super) definition: &'a Definition,
}

/// Fields that can be named at a place, and how to speak of them.
pub(super) struct Scope<'a> {
    /// `service new`, or `any service`
    pub(super) name: String,
    pub(super) fields: Vec<&'a Field>,
}

impl<'a> Scope<'a> {
    pub(super) fn field(&self, name: &str) -> Option<&'a Field> {
        self.fields.iter().find(|field| field.name == name).copied()
    }

    /// The field, or a finding that it does not exist.
    pub(super) fn expect(
        &self,
        report: &mut Report,
        place: &Place,
        name: &str,
    ) -> Option<&'a Field> {
        let field = self.field(name);
        if field.is_none() {
            let known: Vec<&str> = self
                .fields
                .iter()
                .map(|field| field.name.as_str())
                .collect();
            report.error(
                place,
                format!("field `{name}` does not exist in {}", self.name),
                super::report::suggestion("field", name, &known),
            );
        }
        field
    }

    /// A condition names a field, and values that the field can have.
    pub(super) fn condition(&self, report: &mut Report, place: &Place, condition: &Condition) {
        if let Some(field) = self.expect(report, place, &condition.field) {
            values(report, place, condition, field);
        }
    }
}

/// The values of a condition are some, and such as the field can have.
pub(super) fn values(report: &mut Report, place: &Place, condition: &Condition, field: &Field) {
    let name = &condition.field;
    if condition.values.is_empty() {
        report.error(
            place,
            format!("the condition on `{name}` has no values and never holds"),
            "list the values for which it holds, or remove the condition",
        );
    }
    let known: Vec<&str> = match &field.kind {
        FieldKind::Choice(choices) => choices.iter().map(|choice| choice.value.as_str()).collect(),
        FieldKind::Flag => vec![TICKED],
        _ => return,
    };
    for value in condition
        .values
        .iter()
        .filter(|value| !value.is_empty() && !known.contains(&value.as_str()))
    {
        report.error(
            place,
            format!("field `{name}` never has the value `{value}`"),
            super::report::suggestion("value", value, &known),
        );
    }
}

impl<'a> Index<'a> {
    pub(super) fn of(definition: &'a Definition) -> Self {
        Self { definition }
    }

    pub(super) fn form(&self, id: &str) -> Option<&'a Form> {
        let mut forms = self.definition.forms.iter().map(Deref::deref);
        forms.find(|form| form.id == id)
    }

    pub(super) fn forms(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.definition.forms.iter().map(|form| form.id.as_str())
    }

    pub(super) fn material(&self, id: &str) -> Option<&'a Material> {
        let mut materials = self.definition.materials.iter().map(Deref::deref);
        materials.find(|material| material.id == id)
    }

    pub(super) fn materials(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.definition
            .materials
            .iter()
            .map(|material| material.id.as_str())
    }

    pub(super) fn check(&self, id: &str) -> Option<&'a IdentityCheck> {
        let mut checks = self.definition.checks.iter().map(Deref::deref);
        checks.find(|check| check.id == id)
    }

    pub(super) fn checks(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.definition.checks.iter().map(|check| check.id.as_str())
    }

    pub(super) fn document(&self, id: &str) -> Option<&'a Document> {
        let mut documents = self.definition.documents.iter().map(Deref::deref);
        documents.find(|document| document.id == id)
    }

    pub(super) fn documents(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.definition
            .documents
            .iter()
            .map(|document| document.id.as_str())
    }

    pub(super) fn lifecycle(&self, id: &str) -> Option<&'a Lifecycle> {
        self.definition
            .lifecycles
            .iter()
            .find(|lifecycle| lifecycle.id == id)
    }

    pub(super) fn lifecycles(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.definition
            .lifecycles
            .iter()
            .map(|lifecycle| lifecycle.id.as_str())
    }

    fn services(&self) -> impl Iterator<Item = &'a Service> + use<'a> {
        self.definition.services.iter().map(Deref::deref)
    }

    /// Services that run by the lifecycle.
    pub(super) fn services_of(&self, lifecycle: &str) -> Vec<&'a Service> {
        self.services()
            .filter(|service| service.lifecycle == lifecycle)
            .collect()
    }

    /// Forms that a service asks in its steps.
    pub(super) fn step_forms(&self, service: &'a Service) -> Vec<&'a Form> {
        let ids = service.steps.iter().filter_map(|step| match &step.content {
            StepContent::Form(id) => Some(id),
            _ => None,
        });
        ids.filter_map(|id| self.form(id)).collect()
    }

    /// Forms that the transitions of a service's lifecycle ask.
    pub(super) fn input_forms(&self, service: &Service) -> Vec<&'a Form> {
        let Some(lifecycle) = self.lifecycle(&service.lifecycle) else {
            return Vec::new();
        };
        let mut forms: Vec<&Form> = Vec::new();
        for id in lifecycle
            .transitions
            .iter()
            .filter_map(|transition| transition.input.as_deref())
        {
            if let Some(form) = self.form(id)
                && !forms.iter().any(|other| other.id == form.id)
            {
                forms.push(form);
            }
        }
        forms
    }

    /// Every field that a case of the service can have.
    pub(super) fn scope(&self, service: &'a Service) -> Scope<'a> {
        let mut fields: Vec<&Field> = Vec::new();
        for form in self
            .step_forms(service)
            .into_iter()
            .chain(self.input_forms(service))
        {
            for field in form.fields() {
                if !fields.iter().any(|other| other.name == field.name) {
                    fields.push(field);
                }
            }
        }
        Scope {
            name: format!("service `{}`", service.id),
            fields,
        }
    }

    /// One scope for each of the services; where there are none, one that has the fields of all.
    pub(super) fn scopes(&self, services: &[&'a Service]) -> Vec<Scope<'a>> {
        if !services.is_empty() {
            return services.iter().map(|service| self.scope(service)).collect();
        }
        let fields = self
            .definition
            .services
            .iter()
            .flat_map(|service| self.scope(service).fields)
            .collect();
        vec![Scope {
            name: "any service".to_owned(),
            fields,
        }]
    }

    pub(super) fn users_of_material(&self, id: &str) -> Vec<&'a Service> {
        self.services_with(
            |content| matches!(content, StepContent::Materials(ids) if ids.iter().any(|i| i == id)),
        )
    }

    pub(super) fn users_of_check(&self, id: &str) -> Vec<&'a Service> {
        self.services_with(|content| matches!(content, StepContent::Identity(check) if check == id))
    }

    /// Services that show the paper in a step, or as the paper to stamp for a material.
    pub(super) fn users_of_document(&self, id: &str) -> Vec<&'a Service> {
        self.services_with(|content| match content {
            StepContent::Agreement(document) => document == id,
            StepContent::Documents(ids) => ids.iter().any(|i| i == id),
            StepContent::Materials(ids) => ids
                .iter()
                .filter_map(|material| self.material(material))
                .any(|material| material.template.as_deref() == Some(id)),
            _ => false,
        })
    }

    /// Services whose orders the paper is printed for.
    pub(super) fn users_of_receipt(&self, id: &str) -> Vec<&'a Service> {
        let names = |service: &&'a Service| service.receipts.iter().any(|one| one.document == id);
        self.services().filter(names).collect()
    }

    /// Services that ask the form, in a step or at a transition.
    pub(super) fn users_of_form(&self, id: &str) -> Vec<&'a Service> {
        let asks = |service: &&'a Service| {
            self.step_forms(service)
                .into_iter()
                .chain(self.input_forms(service))
                .any(|form| form.id == id)
        };
        self.services().filter(asks).collect()
    }

    fn services_with(&self, uses: impl Fn(&StepContent) -> bool) -> Vec<&'a Service> {
        self.services()
            .filter(|service| service.steps.iter().any(|step| uses(&step.content)))
            .collect()
    }
}
