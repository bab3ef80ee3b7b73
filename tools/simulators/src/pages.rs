//! The pages a person sees, from `templates/`.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use minijinja::Environment;
use std::sync::LazyLock;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    let templates = [
        ("base.html", include_str!("../templates/base.html")),
        ("index.html", include_str!("../templates/index.html")),
        ("sms.html", include_str!("../templates/sms.html")),
        ("face.html", include_str!("../templates/face.html")),
        (
            "face-phone.html",
            include_str!("../templates/face-phone.html"),
        ),
        (
            "face-gone.html",
            include_str!("../templates/face-gone.html"),
        ),
        ("courier.html", include_str!("../templates/courier.html")),
        ("invoice.html", include_str!("../templates/invoice.html")),
        ("mail.html", include_str!("../templates/mail.html")),
        ("letter.html", include_str!("../templates/letter.html")),
        ("payer.html", include_str!("../templates/payer.html")),
    ];
    for (name, source) in templates {
        if let Err(error) = pages.add_template(name, source) {
            tracing::error!(%error, name, "a template cannot be read");
        }
    }
    pages
});

/// The page; an error of the template is shown in its place, since its author is the one who reads it.
pub fn render(name: &str, view: impl serde::Serialize) -> String {
    let page = PAGES
        .get_template(name)
        .and_then(|template| template.render(minijinja::value::Serde(view)));
    page.unwrap_or_else(|error| format!("{error:#}"))
}

fn in_china(at: Timestamp) -> jiff::Zoned {
    at.to_zoned(TimeZone::fixed(Offset::constant(8)))
}

/// `2026-11-20 18:05:31` in China.
pub fn china_time(at: Timestamp) -> String {
    in_china(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `20261120` in China.
pub fn china_day(at: Timestamp) -> String {
    in_china(at).strftime("%Y%m%d").to_string()
}
