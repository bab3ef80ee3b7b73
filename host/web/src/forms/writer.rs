//! Fields of forms as HTML, from the template `forms/field.html` or from what is kept of it.

use super::answered::Answered;
use super::control::FieldView;
use super::stencil::{Shape, Stencil};
use crate::texts::Texts;
use minijinja::value::{Serde, Value};
use minijinja::{Error, Template, context};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use yinxin_core::definition::Field;

/// Bytes of markup that are kept for a site, many times what its forms have. Beyond them all is made anew.
const KEPT: usize = 8 * 1024 * 1024;

/// Stencils by what they are made of: a field as its definition has it, so that another version of a plugin finds none of
/// the old ones. Nothing of a person is in them. Fields lie under their names, which alone are hashed for a page.
#[derive(Default)]
pub struct Stencils(RwLock<Shelf>);

#[derive(Default)]
struct Shelf {
    /// The template that they were made by.
    source: String,
    fields: HashMap<String, Vec<Kept>>,
    bytes: usize,
}

struct Kept {
    field: Field,
    shape: Shape,
    stencil: Arc<Stencil>,
}

impl Kept {
    fn is_of(&self, field: &Field, shape: Shape) -> bool {
        self.shape == shape && self.field == *field
    }
}

pub struct FormWriter<'a> {
    template: Template<'a, 'a>,
    /// None where each visit asks the template.
    stencils: Option<&'a Stencils>,
    texts: &'a Texts,
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

    /// Appends the field's markup to a page.
    pub fn write(
        &self,
        field: &Field,
        answered: &Answered<'_>,
        page: &mut String,
    ) -> Result<(), Error> {
        match (self.stencils, Shape::of(field, answered)) {
            (Some(stencils), Some(shape)) => {
                self.stencil(stencils, field, shape)?.fill(answered, page);
            }
            _ => page.push_str(&self.plain(field, answered)?),
        }
        Ok(())
    }

    /// The field's markup as the template makes it, without a stencil.
    pub fn plain(&self, field: &Field, answered: &Answered<'_>) -> Result<String, Error> {
        let view = FieldView::new(field, answered, self.texts);
        self.template
            .render(context! { field => Value::from(Serde(view)) })
    }

    fn stencil(
        &self,
        stencils: &Stencils,
        field: &Field,
        shape: Shape,
    ) -> Result<Arc<Stencil>, Error> {
        let source = self.template.source();
        if let Some(kept) = stencils.find(source, field, shape) {
            return Ok(kept);
        }
        let marked = self.plain(field, &shape.with(field, |gap| gap.mark()))?;
        let stencil = Arc::new(Stencil::cut(&marked));
        stencils.keep(source, field, shape, &stencil);
        Ok(stencil)
    }
}

impl Shelf {
    /// A development build reads a template again when it has changed.
    fn fits(&self, source: &str) -> bool {
        !cfg!(debug_assertions) || self.source == source
    }
}

impl Stencils {
    fn find(&self, source: &str, field: &Field, shape: Shape) -> Option<Arc<Stencil>> {
        let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if !shelf.fits(source) {
            return None;
        }
        let mut namesakes = shelf.fields.get(&field.name)?.iter();
        let kept = namesakes.find(|kept| kept.is_of(field, shape))?;
        Some(Arc::clone(&kept.stencil))
    }

    fn keep(&self, source: &str, field: &Field, shape: Shape, stencil: &Arc<Stencil>) {
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !shelf.fits(source) || shelf.bytes + stencil.size() > KEPT {
            *shelf = Shelf {
                source: source.to_owned(),
                ..Shelf::default()
            };
        }
        shelf.bytes += stencil.size();
        let namesakes = shelf.fields.entry(field.name.clone()).or_default();
        // Two visits may have made the same.
        namesakes.retain(|kept| !kept.is_of(field, shape));
        namesakes.push(Kept {
            field: field.clone(),
            shape,
            stencil: Arc::clone(stencil),
        });
    }
}
