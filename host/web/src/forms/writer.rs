//! Forms as HTML, from the templates `forms/section.html` and `forms/field.html` or from what is kept of them.

use super::Showing;
use super::answered::Answered;
use super::control::FieldView;
use super::stencil::{FIELDS, Shape, Stencil};
use crate::texts::Texts;
use minijinja::value::{Serde, Value};
use minijinja::{Error, Template, context};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
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
    /// The templates that they were made by: of a field and of a section.
    sources: [String; 2],
    /// By the form's id, which forms of several projects and versions may share.
    sheets: HashMap<String, Vec<Arc<Sheet>>>,
    bytes: usize,
}

/// The stencils of one form. A form is known by where it lies in memory, else by its content, so that another version of a
/// plugin finds none of the old ones.
struct Sheet {
    form: Shared<Form>,
    /// By the section's place in its form; as long as no clerk refused it.
    frames: Vec<OnceLock<Arc<Frame>>>,
    /// By the field's place in its form.
    fields: RwLock<Vec<Shapes>>,
    /// Bytes of the markup that was made last: the next has about as many.
    length: AtomicUsize,
}

/// A section's markup around its fields.
struct Frame {
    before: String,
    after: String,
}

/// One field's stencils.
type Shapes = Vec<(Shape, Arc<Stencil>)>;

pub struct FormWriter<'a> {
    field_template: Template<'a, 'a>,
    section_template: Template<'a, 'a>,
    /// None where each visit asks the template.
    stencils: Option<&'a Stencils>,
    texts: &'a Texts,
}

/// What a section's template is given.
#[derive(Serialize)]
struct SectionView<'a> {
    id: &'a str,
    title: String,
    hint: String,
    /// Why a clerk refused it, or empty. All else is the definition's.
    refused: String,
    /// Stands for the markup of its fields.
    fields: Value,
}

impl<'a> FormWriter<'a> {
    /// `field` expects a [`FieldView`] of that name, and nothing else. With stencils it may not look into the texts of a
    /// visit, but for which choice is marked. `section` expects a [`SectionView`] of that name.
    pub fn new(
        field: Template<'a, 'a>,
        section: Template<'a, 'a>,
        stencils: Option<&'a Stencils>,
        texts: &'a Texts,
    ) -> Self {
        Self {
            field_template: field,
            section_template: section,
            stencils,
            texts,
        }
    }

    /// The same without anything that is kept.
    pub fn anew(self) -> Self {
        Self {
            stencils: None,
            ..self
        }
    }

    /// Markup of all sections.
    pub(super) fn form(
        &self,
        form: &Shared<Form>,
        values: &Values,
        showing: Showing<'_>,
    ) -> Result<String, Error> {
        let sources = [self.field_template.source(), self.section_template.source()];
        let sheet = self.stencils.map(|stencils| stencils.sheet(sources, form));
        let sheet = sheet.as_deref();
        let room = sheet.map_or(0, |sheet| sheet.length.load(Relaxed));
        let mut markup = String::with_capacity(room);
        let mut places = 0..;
        for (place, section) in form.sections.iter().enumerate() {
            let frame = self.frame(sheet, place, section, showing)?;
            markup.push_str(&frame.before);
            for (field, place) in section.fields.iter().zip(&mut places) {
                let answered = Answered::new(field, values, showing);
                self.field(sheet, place, field, &answered, &mut markup)?;
            }
            markup.push_str(&frame.after);
        }
        if let Some(sheet) = sheet {
            sheet.length.store(markup.len(), Relaxed);
        }
        Ok(markup)
    }

    fn frame(
        &self,
        sheet: Option<&Sheet>,
        place: usize,
        section: &Section,
        showing: Showing<'_>,
    ) -> Result<Arc<Frame>, Error> {
        let refused = showing.refused.iter().find(|(id, _)| *id == section.id);
        let kept = sheet
            .filter(|_| refused.is_none())
            .and_then(|sheet| sheet.frames.get(place));
        if let Some(frame) = kept.and_then(OnceLock::get) {
            return Ok(Arc::clone(frame));
        }
        // The mark is in no text but for mischief.
        let text = |text: &str| text.replace(FIELDS, "");
        let view = SectionView {
            id: &section.id,
            title: text(&section.title),
            hint: text(&section.hint),
            refused: text(refused.map_or("", |(_, reason)| reason)),
            fields: Value::from_safe_string(FIELDS.to_owned()),
        };
        let markup = self
            .section_template
            .render(context! { section => Value::from(Serde(view)) })?;
        let (before, after) = markup.split_once(FIELDS).unwrap_or((&markup, ""));
        let frame = Arc::new(Frame {
            before: before.to_owned(),
            after: after.to_owned(),
        });
        // Two visits may have made the same.
        if let (Some(stencils), Some(kept)) = (self.stencils, kept)
            && kept.set(Arc::clone(&frame)).is_ok()
        {
            stencils.count(markup.len());
        }
        Ok(frame)
    }

    /// The field's markup as the template makes it, without a stencil.
    fn plain(&self, field: &Field, answered: &Answered<'_>) -> Result<String, Error> {
        let view = FieldView::new(field, answered, self.texts);
        self.field_template
            .render(context! { field => Value::from(Serde(view)) })
    }

    /// Appends a field's markup.
    fn field(
        &self,
        sheet: Option<&Sheet>,
        place: usize,
        field: &Field,
        answered: &Answered<'_>,
        markup: &mut String,
    ) -> Result<(), Error> {
        let (Some(sheet), Some(stencils), Some(shape)) =
            (sheet, self.stencils, Shape::of(field, answered))
        else {
            markup.push_str(&self.plain(field, answered)?);
            return Ok(());
        };
        let stencil = match sheet.find(place, shape) {
            Some(kept) => kept,
            None => {
                let marked = self.plain(field, &shape.with(field, |gap| gap.mark()))?;
                let stencil = Arc::new(Stencil::cut(&marked));
                sheet.keep(place, shape, &stencil);
                stencils.count(stencil.size());
                stencil
            }
        };
        stencil.fill(answered, markup);
        Ok(())
    }
}

impl Shelf {
    /// A development build reads a template again when it has changed.
    fn fits(&self, sources: [&str; 2]) -> bool {
        !cfg!(debug_assertions) || self.sources == sources
    }

    fn clear(&mut self, sources: [String; 2]) {
        *self = Self {
            sources,
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
            frames: form.sections.iter().map(|_| OnceLock::new()).collect(),
            fields: RwLock::new(vec![Shapes::new(); fields.sum()]),
            length: AtomicUsize::new(0),
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
    fn sheet(&self, sources: [&str; 2], form: &Shared<Form>) -> Arc<Sheet> {
        let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if shelf.fits(sources)
            && let Some(sheet) = shelf.sheet(form)
        {
            return sheet;
        }
        drop(shelf);
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !shelf.fits(sources) {
            shelf.clear(sources.map(str::to_owned));
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
            let sources = std::mem::take(&mut shelf.sources);
            shelf.clear(sources);
        }
    }
}
