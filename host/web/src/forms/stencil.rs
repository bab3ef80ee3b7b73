//! The markup of a field with gaps for what a person typed. All else in it is the definition's, so it is made by the
//! template once and not for every visit.

use super::OfferView;
use super::answered::Answered;
use minijinja::HtmlEscape;
use std::fmt::Write;
use yinxin_core::definition::{Field, FieldKind};

/// Stands for a section's fields while its template is rendered. Like [`Gap::mark`], a character that Unicode keeps out of
/// every text.
pub const FIELDS: &str = "\u{fdd4}";

/// A text that differs from visit to visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    Value,
    Error,
    OfferValue,
    OfferLabel,
}

impl Gap {
    const ALL: [Self; 4] = [Self::Value, Self::Error, Self::OfferValue, Self::OfferLabel];

    /// Stands for the text while the template is rendered: characters that Unicode keeps out of every text. A definition
    /// with one in a label shows the text there too, escaped like everywhere.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Value => "\u{fdd0}",
            Self::Error => "\u{fdd1}",
            Self::OfferValue => "\u{fdd2}",
            Self::OfferLabel => "\u{fdd3}",
        }
    }

    fn text<'t>(self, answered: &'t Answered<'_>) -> &'t str {
        let offer = answered.offer.as_ref();
        match self {
            Self::Value => &answered.value,
            Self::Error => answered.error,
            Self::OfferValue => offer.map_or("", |offer| &offer.value),
            Self::OfferLabel => offer.map_or("", |offer| &offer.label),
        }
    }
}

/// What a visit decides about a field's markup besides the texts in its gaps. A field has one stencil for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Which choice is marked; the first where a box is ticked.
    chosen: Option<usize>,
    wrong: bool,
    offered: bool,
    read_only: bool,
    unmet: bool,
}

impl Shape {
    /// None for a field of as many shapes as there are places in China: its markup is made anew.
    pub fn of(field: &Field, answered: &Answered<'_>) -> Option<Self> {
        let chosen = match &field.kind {
            FieldKind::Region => return None,
            FieldKind::Choice(choices) => choices
                .iter()
                .position(|choice| choice.value == *answered.value),
            FieldKind::Flag => (answered.value == TICKED).then_some(0),
            _ => None,
        };
        Some(Self {
            chosen,
            wrong: !answered.error.is_empty(),
            offered: answered.offer.is_some(),
            read_only: answered.read_only,
            unmet: answered.unmet,
        })
    }

    /// A visit that leads to this shape, with these texts.
    pub fn with<'t>(self, field: &'t Field, text: impl Fn(Gap) -> &'t str) -> Answered<'t> {
        let value = match &field.kind {
            FieldKind::Choice(choices) => self
                .chosen
                .and_then(|place| choices.get(place))
                .map_or("", |choice| &choice.value),
            FieldKind::Flag => self.chosen.map_or("", |_| TICKED),
            _ => text(Gap::Value),
        };
        Answered {
            value: value.into(),
            error: if self.wrong { text(Gap::Error) } else { "" },
            offer: self.offered.then(|| OfferView {
                value: text(Gap::OfferValue).to_owned(),
                label: text(Gap::OfferLabel).to_owned(),
            }),
            read_only: self.read_only,
            unmet: self.unmet,
        }
    }
}

/// The value of a box that is ticked.
const TICKED: &str = "yes";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stencil {
    /// Markup and the gap after it.
    parts: Vec<(String, Gap)>,
    end: String,
}

impl Stencil {
    /// Of markup with the gaps' marks in it.
    pub fn cut(markup: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = markup;
        while let Some((before, gap, after)) = first_gap(rest) {
            parts.push((before.to_owned(), gap));
            rest = after;
        }
        Self {
            parts,
            end: rest.to_owned(),
        }
    }

    /// Appends the markup with the visit's texts, escaped as templates escape.
    pub fn fill(&self, answered: &Answered<'_>, page: &mut String) {
        for (before, gap) in &self.parts {
            page.push_str(before);
            let text = gap.text(answered);
            if text.bytes().all(is_plain) {
                page.push_str(text);
            } else {
                // A String takes all that is written to it.
                let _ = write!(page, "{}", HtmlEscape(text));
            }
        }
        page.push_str(&self.end);
    }

    /// Bytes of the markup.
    pub fn size(&self) -> usize {
        let parts = self.parts.iter().map(|(before, _)| before.len());
        parts.sum::<usize>() + self.end.len()
    }
}

/// Whether it is an ASCII letter or digit, or of a character beyond ASCII: these stand for themselves in HTML.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn first_gap(markup: &str) -> Option<(&str, Gap, &str)> {
    let split = |gap: Gap| {
        let (before, after) = markup.split_once(gap.mark())?;
        Some((before, gap, after))
    };
    Gap::ALL
        .into_iter()
        .filter_map(split)
        .min_by_key(|(before, ..)| before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_into_their_gaps_escaped() {
        let (value, error) = (Gap::Value.mark(), Gap::Error.mark());
        let stencil = Stencil::cut(&format!("<p>{error}</p><i a=\"{value}\">{value}"));
        let answered = Answered {
            value: "\"><script>".into(),
            error: "a & b",
            offer: None,
            read_only: false,
            unmet: false,
        };
        let mut page = String::new();
        stencil.fill(&answered, &mut page);
        let typed = "&quot;&gt;&lt;script&gt;";
        assert_eq!(page, format!("<p>a &amp; b</p><i a=\"{typed}\">{typed}"));
    }
}
