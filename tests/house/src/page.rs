//! A page as it arrived: its text, links and forms, found as people find them.

use anyhow::{Result, anyhow, bail};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use scraper::{ElementRef, Html, Selector};

/// What to put into a field.
#[derive(Clone, Debug)]
pub enum Answer<'a> {
    /// Typed; for a choice, the text of the option.
    Text(&'a str),
    File {
        name: &'a str,
        bytes: &'a [u8],
    },
    /// A box is ticked, or not.
    Tick(bool),
}

impl<'a> From<&'a str> for Answer<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Answer<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

#[derive(Clone, Debug)]
pub struct Page {
    pub status: StatusCode,
    /// Path and query that it was found at, after redirects.
    pub path: String,
    pub headers: HeaderMap,
    pub body: bytes::Bytes,
}

/// A link: where to, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub text: String,
    pub href: String,
}

impl Page {
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a person reads, with single spaces.
    pub fn text(&self) -> String {
        let document = Html::parse_document(&self.html());
        let body = document.select(&selector("body")).next();
        body.map(text_of).unwrap_or_default()
    }

    pub fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The page itself when it says this, else an error with what it says.
    pub fn expect(self, text: &str) -> Result<Self> {
        if self.has(text) {
            Ok(self)
        } else {
            Err(self.surprise(&format!("“{text}”")))
        }
    }

    /// The page itself when its heading is this one.
    pub fn headed(self, heading: &str) -> Result<Self> {
        if self.headings().iter().any(|found| found == heading) {
            Ok(self)
        } else {
            Err(self.surprise(&format!("the heading “{heading}”")))
        }
    }

    fn surprise(&self, wanted: &str) -> anyhow::Error {
        anyhow!(
            "{} ({}) has not {wanted}; it says: {}",
            self.path,
            self.status,
            self.main_text()
        )
    }

    /// Headings of the first and second order.
    pub fn headings(&self) -> Vec<String> {
        let document = Html::parse_document(&self.html());
        document.select(&selector("h1, h2")).map(text_of).collect()
    }

    /// What is said between head and foot of the page.
    pub fn main_text(&self) -> String {
        let document = Html::parse_document(&self.html());
        let main = document.select(&selector("main")).next();
        main.map_or_else(|| self.html(), text_of)
    }

    /// Text of the first element that this CSS selector finds.
    pub fn find(&self, css: &str) -> Option<String> {
        let document = Html::parse_document(&self.html());
        document.select(&selector(css)).next().map(text_of)
    }

    /// Value of an attribute of the first element that this CSS selector finds.
    pub fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let document = Html::parse_document(&self.html());
        let element = document.select(&selector(css)).next()?;
        element.value().attr(name).map(str::to_owned)
    }

    pub fn links(&self) -> Vec<Link> {
        let document = Html::parse_document(&self.html());
        let anchors = selector("a[href]");
        let links = document.select(&anchors).map(|link| Link {
            text: text_of(link),
            href: link.value().attr("href").unwrap_or_default().to_owned(),
        });
        links.collect()
    }

    /// Where the first link with this text leads.
    pub fn link(&self, text: &str) -> Result<String> {
        let found = self.links().into_iter().find(|link| link.text == text);
        found
            .map(|link| link.href)
            .ok_or_else(|| self.surprise(&format!("a link “{text}”")))
    }

    pub fn forms(&self) -> Vec<Form> {
        let document = Html::parse_document(&self.html());
        let any = selector("form");
        let forms = document.select(&any);
        forms
            .map(|form| Form::read(&document, form, &self.path))
            .collect()
    }

    /// The form that has a button with this text, and its place among the form's buttons.
    pub fn form_with(&self, button: &str) -> Result<(Form, usize)> {
        for form in self.forms() {
            if let Some(place) = form.buttons.iter().position(|found| found.text == button) {
                return Ok((form, place));
            }
        }
        Err(self.surprise(&format!("a button “{button}”")))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Hidden,
    /// One line or many.
    Text,
    /// Values with their texts.
    Choice(Vec<(String, String)>),
    /// A box that stands for this value.
    Tick(String),
    File,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    /// Without the mark of a required one.
    pub label: String,
    pub control: Control,
    /// What is sent when nothing is changed; none: not sent.
    pub value: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Button {
    pub text: String,
    pub name: String,
    pub value: String,
    /// Instead of the form's.
    pub action: Option<String>,
}

/// A form with what would be sent. Fields and buttons are in the order of the page.
#[derive(Clone, Debug)]
pub struct Form {
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    pub multipart: bool,
    pub fields: Vec<Field>,
    pub buttons: Vec<Button>,
    files: Vec<(String, String, Vec<u8>)>,
}

impl Form {
    fn read(document: &Html, form: ElementRef<'_>, path: &str) -> Self {
        let attribute = |name| form.value().attr(name).unwrap_or_default().to_owned();
        let mut read = Self {
            action: match attribute("action") {
                none if none.is_empty() => path.to_owned(),
                action => action,
            },
            method: match attribute("method").to_ascii_lowercase() {
                none if none.is_empty() => "get".to_owned(),
                method => method,
            },
            multipart: attribute("enctype") == "multipart/form-data",
            fields: Vec::new(),
            buttons: Vec::new(),
            files: Vec::new(),
        };
        for element in form.select(&selector("input, select, textarea, button")) {
            read.add(document, element);
        }
        if let Some(id) = form.value().attr("id") {
            let outside = format!("button[form='{id}']");
            for element in document.select(&selector(&outside)) {
                read.add(document, element);
            }
        }
        read
    }

    fn add(&mut self, document: &Html, element: ElementRef<'_>) {
        let attribute = |name| element.value().attr(name).unwrap_or_default().to_owned();
        let (tag, name, kind) = (element.value().name(), attribute("name"), attribute("type"));
        if tag == "button" {
            if kind != "button" {
                self.buttons.push(Button {
                    text: text_without_keys(element),
                    name,
                    value: attribute("value"),
                    action: element.value().attr("formaction").map(str::to_owned),
                });
            }
            return;
        }
        if name.is_empty() || element.value().attr("disabled").is_some() {
            return;
        }
        let checked = element.value().attr("checked").is_some();
        let chosen = checked.then(|| attribute("value"));
        let label = label_of(document, element);
        let (control, value) = match (tag, kind.as_str()) {
            ("textarea", _) => (Control::Text, Some(element.text().collect())),
            ("select", _) => {
                let any = selector("option");
                let options = element.select(&any);
                let options = options.map(|option| {
                    let text = text_of(option);
                    (
                        option
                            .value()
                            .attr("value")
                            .map_or_else(|| text.clone(), str::to_owned),
                        text,
                    )
                });
                let options: Vec<_> = options.collect();
                let chosen = element.select(&selector("option[selected]")).next();
                let chosen = chosen.map(|option| {
                    option
                        .value()
                        .attr("value")
                        .map_or_else(|| text_of(option), str::to_owned)
                });
                let first = options.first().map(|(value, _)| value.clone());
                (Control::Choice(options), chosen.or(first))
            }
            ("input", "hidden") => (Control::Hidden, Some(attribute("value"))),
            ("input", "file") => (Control::File, None),
            ("input", "checkbox") => (Control::Tick(attribute("value")), chosen),
            ("input", "radio") => {
                let option = (attribute("value"), label.clone());
                if let Some(group) = self.fields.iter_mut().find(|field| field.name == name)
                    && let Control::Choice(options) = &mut group.control
                {
                    options.push(option);
                    if chosen.is_some() {
                        group.value = chosen;
                    }
                    return;
                }
                (Control::Choice(vec![option]), chosen)
            }
            _ => (Control::Text, Some(attribute("value"))),
        };
        let label = if kind == "radio" {
            group_label(element)
        } else {
            label
        };
        self.fields.push(Field {
            name,
            label,
            control,
            value,
        });
    }

    /// The field by its label, or by its name.
    pub fn field(&mut self, label: &str) -> Result<&mut Field> {
        let by_label = self.fields.iter().position(|field| field.label == label);
        let place = by_label.or_else(|| self.fields.iter().position(|field| field.name == label));
        let Some(place) = place else {
            let known: Vec<&str> = self
                .fields
                .iter()
                .map(|field| field.label.as_str())
                .collect();
            bail!(
                "the form for {} has no field “{label}”; it has {known:?}",
                self.action
            );
        };
        Ok(&mut self.fields[place])
    }

    /// Fills in one field.
    pub fn fill<'a>(&mut self, label: &str, answer: impl Into<Answer<'a>>) -> Result<()> {
        let field = self.field(label)?;
        match (answer.into(), &field.control) {
            (Answer::Text(text), Control::Choice(options)) => {
                let option = options
                    .iter()
                    .find(|(value, said)| said == text || value == text);
                let Some((value, _)) = option else {
                    bail!("“{label}” has no choice “{text}”; it has {options:?}");
                };
                field.value = Some(value.clone());
            }
            (Answer::Text(text), Control::Text | Control::Hidden) => {
                field.value = Some(text.to_owned())
            }
            (Answer::Tick(yes), Control::Tick(value)) => field.value = yes.then(|| value.clone()),
            (Answer::File { name, bytes }, Control::File) => {
                let file = (field.name.clone(), name.to_owned(), bytes.to_vec());
                self.files.push(file);
            }
            (answer, control) => bail!("“{label}” is {control:?} and takes no {answer:?}"),
        }
        Ok(())
    }

    /// Names and values that are sent when this button is pressed.
    pub fn pairs(&self, button: Option<usize>) -> Vec<(String, String)> {
        let fields = self
            .fields
            .iter()
            .filter(|field| field.control != Control::File);
        let mut pairs: Vec<_> = fields
            .filter_map(|field| Some((field.name.clone(), field.value.clone()?)))
            .collect();
        if let Some(button) = button.and_then(|place| self.buttons.get(place))
            && !button.name.is_empty()
        {
            pairs.push((button.name.clone(), button.value.clone()));
        }
        pairs
    }

    /// Where the button leads.
    pub fn target(&self, button: Option<usize>) -> &str {
        let own = button.and_then(|place| self.buttons.get(place)?.action.as_deref());
        own.unwrap_or(&self.action)
    }

    /// Content type and body of what is sent.
    pub fn body(&self, button: Option<usize>) -> (String, Vec<u8>) {
        let pairs = self.pairs(button);
        if !self.multipart {
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            return (
                "application/x-www-form-urlencoded".to_owned(),
                body.into_bytes(),
            );
        }
        const BOUNDARY: &str = "yinxin-house-form-boundary";
        let mut body = Vec::new();
        for (name, value) in pairs {
            let part = format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.as_bytes());
        }
        for (name, file, bytes) in &self.files {
            let head = format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
                 content-type: application/octet-stream\r\n\r\n"
            );
            body.extend(head.as_bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a CSS selector")
}

fn text_of(element: ElementRef<'_>) -> String {
    let words: String = element.text().collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A button's text without the keys that it names.
fn text_without_keys(button: ElementRef<'_>) -> String {
    let text = text_of(button);
    let key = selector("kbd");
    let keys = button.select(&key).map(text_of);
    keys.fold(text, |text, key| {
        text.trim_end_matches(&key).trim_end().to_owned()
    })
}

/// A label's own words: without hints and the mark of a required or optional field.
fn label_words(label: ElementRef<'_>) -> String {
    let mut words = String::new();
    for node in label.descendants() {
        let Some(text) = node.value().as_text() else {
            continue;
        };
        let classes = node.ancestors().filter_map(ElementRef::wrap);
        let aside = classes
            .take_while(|element| *element != label)
            .any(|element| {
                element
                    .value()
                    .classes()
                    .any(|class| ["hint", "required", "optional"].contains(&class))
            });
        if !aside {
            words.push_str(text);
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn label_of(document: &Html, element: ElementRef<'_>) -> String {
    let around = element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .find(|a| a.value().name() == "label");
    if let Some(label) = around {
        return label_words(label);
    }
    let by_id = element.value().attr("id").and_then(|id| {
        document
            .select(&selector("label"))
            .find(|label| label.value().attr("for") == Some(id))
    });
    by_id.map_or_else(
        || {
            element
                .value()
                .attr("aria-label")
                .unwrap_or_default()
                .to_owned()
        },
        label_words,
    )
}

/// The legend of the group that a radio button stands in.
fn group_label(element: ElementRef<'_>) -> String {
    let group = element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .find(|a| a.value().name() == "fieldset");
    let legend = group.and_then(|group| group.select(&selector("legend")).next());
    legend.map(label_words).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            status: StatusCode::OK,
            path: "/here".to_owned(),
            headers: HeaderMap::new(),
            body: format!("<body><main>{body}</main></body>").into(),
        }
    }

    #[test]
    fn a_form_sends_what_stands_in_it() {
        let page = page(
            "<form method=post><input type=hidden name=_csrf value=t>\
             <label for=a>姓名<span class=required> *</span></label><input id=a name=name value=甲>\
             <fieldset><legend>种类</legend><label><input type=radio name=kind value=1><span>主锁</span></label>\
             <label><input type=radio name=kind value=2 checked><span>副锁</span></label></fieldset>\
             <label><input type=checkbox name=yes value=1>同意</label>\
             <button name=go value=on>保存 <kbd>S</kbd></button></form>",
        );
        let (mut form, button) = page.form_with("保存").unwrap();
        form.fill("姓名", "乙").unwrap();
        form.fill("种类", "主锁").unwrap();
        let pairs = form.pairs(Some(button));
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [("_csrf", "t"), ("name", "乙"), ("kind", "1"), ("go", "on")]
        );
        assert_eq!(form.target(Some(button)), "/here");
        assert!(form.fill("种类", "无此").is_err());
    }
}
