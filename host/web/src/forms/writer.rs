//! Fields of forms as HTML, from the template `forms/field.html` or from what is kept of it.

use super::Showing;
use super::answered::Answered;
use super::control::FieldView;
use super::stencil::{Shape, Stencil};
use crate::texts::Texts;
use minijinja::value::{Serde, Value};
use minijinja::{Error, Template, context};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use yinxin_core::definition::{Field, Form, Section};
use yinxin_core::form::Values;
use yinxin_core::shared::Shared;

/// Bytes of markup that are kept for a site, many times what its forms have. Beyond them all is made anew.
const KEPT: usize = 8 * 1024 * 1024;

/// Markup of a site's forms, with gaps for what a person typed. Nothing of a person is in it.
#[derive(Default)]
pub struct Stencils(RwLock<Shelf>);

#[derive(Default)]
struct Shelf {
    /// The template that they were made by.
    source: String,
    /// By the form's id, which forms of several projects and versions may share.
    sheets: HashMap<String, Vec<Arc<Sheet>>>,
    bytes: usize,
}

/// The stencils of one form. A form is known by where it lies in memory, else by its content, so that another version of a
/// plugin finds none of the old ones.
struct Sheet {
    form: Shared<Form>,
    /// By the field's place in its form.
    fields: RwLock<Vec<Shapes>>,
}

/// One field's stencils.
type Shapes = Vec<(Shape, Arc<Stencil>)>;

pub struct FormWriter<'a> {
    template: Template<'a, 'a>,
    /// None where each visit asks the template.
    stencils: Option<&'a Stencils>,
    texts: &'a Texts,
}

/// A field's markup, not on a page yet.
enum Markup {
    Kept(Arc<Stencil>),
    Made(String),
}

impl<'a> FormWriter<'a> {
    /// `template` expects `field`, a [`FieldView`], and nothing else. With stencils it may not look into the texts of a
    /// visit, but for which choice is marked.
    pub fn new(
        template: Template<'a, 'a>,
        stencils: Option<&'a Stencils>,
        texts: &'a Texts,
    ) -> Self {
        Self {
            template,
            stencils,
            texts,
        }
    }

    /// Markup of the fields of each section.
    pub(super) fn sections(
        &self,
        form: &Shared<Form>,
        values: &Values,
        showing: Showing<'_>,
    ) -> Result<Vec<String>, Error> {
        let source = self.template.source();
        let sheet = self.stencils.map(|stencils| stencils.sheet(source, form));
        let mut before = 0;
        let sections = form.sections.iter().map(|section| {
            let first = before;
            before += section.fields.len();
            self.section(sheet.as_deref(), first, section, values, showing)
        });
        sections.collect()
    }

    /// `first`: place of the section's first field in the form.
    fn section(
        &self,
        sheet: Option<&Sheet>,
        first: usize,
        section: &Section,
        values: &Values,
        showing: Showing<'_>,
    ) -> Result<String, Error> {
        let mut markups = Vec::with_capacity(section.fields.len());
        let mut length = 0;
        for (place, field) in section.fields.iter().enumerate() {
            let answered = Answered::new(field, values, showing);
            let markup = self.markup(sheet, first + place, field, &answered)?;
            length += markup.length(&answered);
            markups.push((markup, answered));
        }
        let mut page = String::with_capacity(length);
        for (markup, answered) in &markups {
            match markup {
                Markup::Kept(stencil) => stencil.fill(answered, &mut page),
                Markup::Made(made) => page.push_str(made),
            }
        }
        Ok(page)
    }

    /// The field's markup as the template makes it, without a stencil.
    pub fn plain(&self, field: &Field, answered: &Answered<'_>) -> Result<String, Error> {
        let view = FieldView::new(field, answered, self.texts);
        self.template
            .render(context! { field => Value::from(Serde(view)) })
    }

    fn markup(
        &self,
        sheet: Option<&Sheet>,
        place: usize,
        field: &Field,
        answered: &Answered<'_>,
    ) -> Result<Markup, Error> {
        match (sheet, self.stencils, Shape::of(field, answered)) {
            (Some(sheet), Some(stencils), Some(shape)) => {
                if let Some(kept) = sheet.find(place, shape) {
                    return Ok(Markup::Kept(kept));
                }
                let marked = self.plain(field, &shape.with(field, |gap| gap.mark()))?;
                let stencil = Arc::new(Stencil::cut(&marked));
                sheet.keep(place, shape, &stencil);
                stencils.count(stencil.size());
                Ok(Markup::Kept(stencil))
            }
            _ => Ok(Markup::Made(self.plain(field, answered)?)),
        }
    }
}

impl Markup {
    /// Bytes that it will have on the page, or a few less where something is escaped or wrong.
    fn length(&self, answered: &Answered<'_>) -> usize {
        match self {
            Self::Kept(stencil) => stencil.size() + answered.value.len(),
            Self::Made(made) => made.len(),
        }
    }
}

impl Shelf {
    /// A development build reads a template again when it has changed.
    fn fits(&self, source: &str) -> bool {
        !cfg!(debug_assertions) || self.source == source
    }

    fn clear(&mut self, source: String) {
        *self = Self {
            source,
            ..Self::default()
        };
    }

    fn sheet(&self, form: &Shared<Form>) -> Option<Arc<Sheet>> {
        let namesakes = self.sheets.get(&form.id)?;
        let same = namesakes.iter().find(|sheet| sheet.form.is_same(form));
        let equal = || namesakes.iter().find(|sheet| sheet.form == *form);
        same.or_else(equal).cloned()
    }
}

impl Sheet {
    fn of(form: &Shared<Form>) -> Self {
        let fields = form.sections.iter().map(|section| section.fields.len());
        Self {
            form: form.clone(),
            fields: RwLock::new(vec![Shapes::new(); fields.sum()]),
        }
    }

    fn find(&self, place: usize, shape: Shape) -> Option<Arc<Stencil>> {
        let fields = self.fields.read().unwrap_or_else(PoisonError::into_inner);
        let mut shapes = fields.get(place)?.iter();
        let (_, stencil) = shapes.find(|(kept, _)| *kept == shape)?;
        Some(Arc::clone(stencil))
    }

    fn keep(&self, place: usize, shape: Shape, stencil: &Arc<Stencil>) {
        let mut fields = self.fields.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(shapes) = fields.get_mut(place) {
            // Two visits may have made the same.
            shapes.retain(|(kept, _)| *kept != shape);
            shapes.push((shape, Arc::clone(stencil)));
        }
    }
}

impl Stencils {
    /// What is kept of the form, nothing yet where it was never shown.
    fn sheet(&self, source: &str, form: &Shared<Form>) -> Arc<Sheet> {
        let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if shelf.fits(source)
            && let Some(sheet) = shelf.sheet(form)
        {
            return sheet;
        }
        drop(shelf);
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !shelf.fits(source) {
            shelf.clear(source.to_owned());
        }
        // Two visits may have come for the same.
        if let Some(sheet) = shelf.sheet(form) {
            return sheet;
        }
        let sheet = Arc::new(Sheet::of(form));
        let namesakes = shelf.sheets.entry(form.id.clone()).or_default();
        namesakes.push(Arc::clone(&sheet));
        sheet
    }

    /// Notes that a sheet has so much more; forgets all when it is too much.
    fn count(&self, bytes: usize) {
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shelf.bytes += bytes;
        if shelf.bytes > KEPT {
            let source = std::mem::take(&mut shelf.source);
            shelf.clear(source);
        }
    }
}
