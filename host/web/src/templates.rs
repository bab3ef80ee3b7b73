//! Pages from templates: our own, embedded, and those of a site's folder, which go before ours.

use crate::assets;
use crate::forms::{FormWriter, Stencils, regions};
use crate::site::{Site, Sites};
use crate::texts::Texts;
use axum::body::Bytes;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, HtmlEscape, State, TemplateSource,
    UndefinedBehavior, context,
};
use rust_embed::RustEmbed;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use yinxin_core::ids::SiteId;
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/templates"]
struct Embedded;

/// Bytes that most pages fit into, so that they are not copied while they grow.
const PAGE: usize = 32 << 10;

/// One field of a form.
const FIELD: &str = "forms/field.html";
/// A section's frame around its fields.
const SECTION: &str = "forms/section.html";

/// One set a site, since a site may put its own templates before ours.
#[derive(Clone)]
pub struct Templates {
    sites: Arc<HashMap<SiteId, Set>>,
    /// For pages without a site: an unknown host.
    bare: Arc<Set>,
}

struct Set {
    environment: Environment<'static>,
    texts: Arc<Texts>,
    field_is_ours: OnceLock<bool>,
    stencils: Stencils,
}

impl Set {
    fn new(site: Option<Arc<Site>>, texts: &Arc<Texts>) -> Self {
        Self {
            environment: environment(site, texts),
            texts: Arc::clone(texts),
            field_is_ours: OnceLock::new(),
            stencils: Stencils::default(),
        }
    }

    /// Whether this is our own template of a field. In a development build a site's may come while it runs.
    fn field_is_ours(&self, source: &str) -> bool {
        let compare = || ours(FIELD).is_some_and(|ours| with_texts(&ours, &self.texts) == source);
        if cfg!(debug_assertions) {
            return compare();
        }
        *self.field_is_ours.get_or_init(compare)
    }
}

impl Templates {
    pub fn new(sites: &Sites, texts: &Texts) -> Self {
        let texts = Arc::new(texts.clone());
        let sets = sites
            .iter()
            .map(|site| (site.id.clone(), Set::new(Some(Arc::clone(site)), &texts)));
        Self {
            sites: Arc::new(sets.collect()),
            bare: Arc::new(Set::new(None, &texts)),
        }
    }

    pub fn render(
        &self,
        site: Option<&SiteId>,
        name: &str,
        context: impl Serialize,
    ) -> Result<Bytes, Error> {
        let mut page = Vec::with_capacity(PAGE);
        self.of(site)
            .environment
            .get_template(name)?
            .render_captured_to(Value::from(Serde(context)), &mut page)?;
        Ok(page.into())
    }

    /// For forms. A site's own template of a field may look into answers: it is asked each time.
    pub fn writer<'a>(
        &'a self,
        site: Option<&SiteId>,
        texts: &'a Texts,
    ) -> Result<FormWriter<'a>, Error> {
        let set = self.of(site);
        let field = set.environment.get_template(FIELD)?;
        let section = set.environment.get_template(SECTION)?;
        let stencils = set.field_is_ours(field.source()).then_some(&set.stencils);
        Ok(FormWriter::new(field, section, stencils, texts))
    }

    fn of(&self, site: Option<&SiteId>) -> &Set {
        site.and_then(|site| self.sites.get(site))
            .unwrap_or(&self.bare)
    }
}

fn environment(site: Option<Arc<Site>>, texts: &Arc<Texts>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Lines that hold only a tag leave nothing behind.
    let mut syntax = SyntaxConfig::builder();
    if let Ok(syntax) = syntax.trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    // A template without `.html` in its name is no page; it is escaped all the same.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let overrides = site.as_ref().map(|site| site.folder.join("templates"));
    environment.add_global("t", texts.value());
    let brand = site.as_ref().map(|site| &site.brand);
    environment.add_global("site", Value::from(Serde(brand)));
    let texts = Arc::clone(texts);
    environment.set_loader(move |name| Ok(load(overrides.as_ref(), name, &texts)));
    environment.set_auto_reload(cfg!(debug_assertions));
    let regions = Value::from(Serde(regions::all()));
    environment.add_function("regions", move || regions.clone());
    let addresses = Found::default();
    environment.add_function("asset", move |name: &str| {
        addresses.of(name, || {
            let address = assets::embedded_address(name).map(Value::from);
            address
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no asset {name}")))
        })
    });
    let addresses = Found::default();
    environment.add_function("brand_file", move |name: &str| {
        let address = || assets::site_address(site.as_deref()?, name);
        addresses.of(name, || Ok(Value::from(address().unwrap_or_default())))
    });
    // A template that says the same on every page of the site; it knows what is global, and nothing of the page. It has no
    // such parts of its own, or one that names itself would be made without end.
    let parts = Found::default();
    environment.add_function("constant", move |state: &State<'_, '_>, name: &str| {
        parts.of(name, || {
            let template = state.env().get_template(name)?;
            let part = template.render(context! { constant => () })?;
            Ok(Value::from_safe_string(part))
        })
    });
    environment.add_filter("fill", fill);
    environment.add_filter("yuan", |fen: i64| Fen(fen).to_string());
    environment.add_filter("minute", |millis: i64| Millis(millis).minute());
    environment.add_filter("day", |millis: i64| Millis(millis).day().to_string());
    environment.add_filter("size", size);
    environment
}

/// What is found out by name once a process; in a development build each time, so that a change is seen.
#[derive(Default)]
struct Found(Mutex<HashMap<String, Value>>);

impl Found {
    fn of(&self, name: &str, find: impl FnOnce() -> Result<Value, Error>) -> Result<Value, Error> {
        if cfg!(debug_assertions) {
            return find();
        }
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known().get(name) {
            return Ok(value.clone());
        }
        let value = find()?;
        known().insert(name.to_owned(), value.clone());
        Ok(value)
    }
}

/// A site's own template, or ours; in a development build each look-up notices a change on disk.
fn load(overrides: Option<&PathBuf>, name: &str, texts: &Texts) -> Option<TemplateSource> {
    // Names come from our own code; a site's folder is never left all the same.
    if name.split('/').any(|part| part == ".." || part.is_empty()) {
        return None;
    }
    if let Some(path) = overrides.map(|folder| folder.join(name))
        && let Ok(source) = std::fs::read_to_string(&path)
    {
        let filled = with_texts(&source, texts);
        return Some(TemplateSource::new(filled).with_uptodate_check(move || {
            std::fs::read_to_string(&path).is_ok_and(|now| now == source)
        }));
    }
    let source = ours(name)?;
    let (filled, name) = (with_texts(&source, texts), name.to_owned());
    Some(
        TemplateSource::new(filled)
            .with_uptodate_check(move || ours(&name).is_some_and(|now| now == source)),
    )
}

/// A template of our own.
fn ours(name: &str) -> Option<String> {
    String::from_utf8(Embedded::get(name)?.data.into_owned()).ok()
}

/// Puts each text of the catalogue in where a template does no more than show it: no page looks it up then.
fn with_texts(source: &str, texts: &Texts) -> String {
    let mut filled = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{ t.") {
        filled.push_str(before);
        if let Some((path, behind)) = after.split_once(" }}")
            && let Some(text) = texts.find(path)
            && !text.contains('{')
        {
            filled.push_str(&HtmlEscape(text).to_string());
            rest = behind;
        } else {
            filled.push_str("{{ t.");
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// `{{ t.cases.count | fill(n=3) }}`
fn fill(text: String, values: Kwargs) -> Result<String, Error> {
    let mut text = text;
    for name in values.args().map(str::to_owned).collect::<Vec<_>>() {
        let value: Value = values.get(&name)?;
        text = text.replace(&format!("{{{name}}}"), &value.to_string());
    }
    Ok(text)
}

/// Bytes as people read them: `820 KB`, `1.0 MB`.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    if bytes >= KIB * KIB {
        let tenths = bytes.saturating_mul(10) / (KIB * KIB);
        format!("{}.{} MB", tenths / 10, tenths % 10)
    } else {
        format!("{} KB", bytes.div_ceil(KIB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_people() {
        assert_eq!(size(1), "1 KB");
        assert_eq!(size(1024 * 1024), "1.0 MB");
        assert_eq!(size(1_153_434), "1.1 MB");
        assert_eq!(size(20 * 1024 * 1024), "20.0 MB");
    }

    #[test]
    fn texts_that_are_only_shown_stand_in_the_template() {
        let texts = Texts::chinese().unwrap();
        let filled = |source| with_texts(source, &texts);
        assert_eq!(
            filled("<p>{{ t.nav.home }}, {{t.nav.home}}"),
            "<p>首页, {{t.nav.home}}"
        );
        for kept in [
            "{{ t.forms.problems | fill(count=1) }}",
            "{{ t.forms.problems }}",
            "{{ t.nav.gone }}",
            "{{ t.",
            "{{ t.nav",
        ] {
            assert_eq!(filled(kept), kept);
        }
    }

    #[test]
    fn a_constant_part_knows_nothing_of_the_page_and_has_no_parts() {
        let mut environment = environment(None, &Arc::new(Texts::chinese().unwrap()));
        for (name, source) in [
            ("page", "{{ constant('part') }}{{ who }}"),
            (
                "part",
                "<b>{{ t.nav.home }}</b>{% if who is defined %}{{ who }}{% endif %}",
            ),
            ("endless", "{{ constant('endless') }}"),
        ] {
            environment.add_template(name, source).unwrap();
        }
        let render = |name| {
            let template = environment.get_template(name).unwrap();
            template.render(context! { who => "<me>" })
        };
        assert_eq!(render("page").unwrap(), "<b>首页</b>&lt;me&gt;");
        render("endless").unwrap_err();
    }

    #[test]
    fn every_template_compiles() {
        let environment = environment(None, &Arc::new(Texts::chinese().unwrap()));
        for name in Embedded::iter() {
            environment
                .get_template(&name)
                .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    #[test]
    fn every_text_that_a_template_names_is_in_the_catalogue() {
        let texts = Texts::chinese().unwrap();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        for name in Embedded::iter() {
            let source = ours(&name).unwrap();
            for (at, _) in source.match_indices("t.") {
                let (before, named) = (&source[..at], &source[at + 2..]);
                let path = named.split(|c| !is_part(c)).next().unwrap();
                // What is chosen by a value, as in `t.payment[method]`, only a page that is shown can tell.
                if !before.ends_with([' ', '(']) || path.split('.').count() != 2 {
                    continue;
                }
                assert!(texts.find(path).is_some(), "{name} names t.{path}");
            }
        }
    }
}
