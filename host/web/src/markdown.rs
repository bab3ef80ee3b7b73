//! Site content: Markdown to HTML. Raw HTML in it is shown as text, so that an administrator's page cannot run a script.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde::Serialize;

/// A page's text, ready to be put into a template as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    pub html: String,
    /// The second-level headings, for a table of contents: id and text.
    pub contents: Vec<(String, String)>,
}

pub fn render(markdown: &str) -> Rendered {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, options).map(harmless).collect();
    let contents = name_headings(&mut events);
    let mut text = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut text, events.into_iter());
    Rendered {
        html: text,
        contents,
    }
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = safe_address(dest_url);
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = safe_address(dest_url);
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        // The page's title is its one heading of the first level.
        Event::Start(Tag::Heading {
            level: HeadingLevel::H1,
            id,
            classes,
            attrs,
        }) => Event::Start(Tag::Heading {
            level: HeadingLevel::H2,
            id,
            classes,
            attrs,
        }),
        Event::End(TagEnd::Heading(HeadingLevel::H1)) => {
            Event::End(TagEnd::Heading(HeadingLevel::H2))
        }
        other => other,
    }
}

/// Addresses that a link may have; anything else, `javascript:` above all, leads nowhere.
fn safe_address(address: CowStr<'_>) -> CowStr<'_> {
    let lower = address.trim().to_ascii_lowercase();
    let named = ["https://", "http://", "mailto:", "tel:"]
        .iter()
        .any(|scheme| lower.starts_with(scheme));
    let local = lower.starts_with(['/', '#', '.']) || !lower.contains(':');
    if named || local {
        address
    } else {
        CowStr::Borrowed("#")
    }
}

/// Gives each second-level heading an id, so that it can be linked to.
fn name_headings(events: &mut [Event<'_>]) -> Vec<(String, String)> {
    let mut contents: Vec<(String, String)> = Vec::new();
    let mut open = None;
    let mut text = String::new();
    for (place, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading {
                level: HeadingLevel::H2,
                ..
            }) => {
                open = Some(place);
                text.clear();
            }
            Event::Text(part) | Event::Code(part) if open.is_some() => text.push_str(part),
            Event::End(TagEnd::Heading(HeadingLevel::H2)) if open.take().is_some() => {
                contents.push((format!("h-{}", contents.len() + 1), text.clone()));
            }
            _ => {}
        }
    }
    let mut ids = contents.iter().map(|(id, _)| id.clone());
    for event in events.iter_mut() {
        if let Event::Start(Tag::Heading {
            level: HeadingLevel::H2,
            id,
            ..
        }) = event
        {
            *id = ids.next().map(CowStr::from);
        }
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_page_becomes_a_script() {
        let rendered = render(
            "# 标题\n\n<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](/help)",
        );
        assert!(!rendered.html.contains("<script"), "{}", rendered.html);
        assert!(!rendered.html.contains("<img"), "{}", rendered.html);
        assert!(!rendered.html.contains("javascript:"), "{}", rendered.html);
        assert!(rendered.html.contains("href=\"/help\""));
    }

    #[test]
    fn headings_can_be_linked_to() {
        let rendered = render("# 甲\n\n文字\n\n## 乙\n");
        let expected = [("h-1", "甲"), ("h-2", "乙")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(rendered.contents, expected);
        assert!(rendered.html.contains("<h2 id=\"h-2\">乙</h2>"));
    }
}
