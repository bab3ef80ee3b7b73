//! Documents and messages: their texts, and the placeholders in them.

use super::bounds::{LABEL_LENGTH, SMS_LENGTH, TEXT_LENGTH};
use super::index::{Index, Scope};
use super::report::{Place, Report, suggestion};
use crate::definition::template;
use crate::definition::{
    Block, Document, FieldKind, MailText, Message, MessageContent, Receipt, Recipient, SmsText,
};

/// What the texts of a document may speak of.
struct Words<'a> {
    scopes: Vec<Scope<'a>>,
    /// The document is printed for orders.
    receipt: bool,
}

pub(super) fn check(report: &mut Report, root: &Place, index: &Index) {
    for document in &index.definition.documents {
        let place = root.then("document", &document.id);
        report.label(&place, "title", &document.title);
        states(report, &place, document, index);
        let words = words(report, &place, document, index);
        if let Some(condition) = &document.shown_when {
            for scope in &words.scopes {
                scope.condition(report, &place, condition);
            }
        }
        if document.blocks.is_empty() {
            report.error(
                &place,
                "the document is empty",
                "add blocks, or remove the document",
            );
        }
        for (n, content) in document.blocks.iter().enumerate() {
            block(report, &place.nth("block", n), content, &words, index);
        }
    }
    for message in &index.definition.messages {
        let place = root.then("message", &message.id);
        recipient(report, &place, message, index);
        match &message.content {
            MessageContent::Sms(text) => sms(report, &place, text),
            MessageContent::Mail(text) => mail(report, &place, text, index),
        }
    }
}

/// A paper is printed for one case or for an order, not for both: a receipt speaks of the order.
fn words<'a>(
    report: &mut Report,
    place: &Place,
    document: &Document,
    index: &Index<'a>,
) -> Words<'a> {
    let of_cases = index.users_of_document(&document.id);
    let of_orders = index.users_of_receipt(&document.id);
    let receipt = !of_orders.is_empty();
    if receipt && let Some(service) = of_cases.first() {
        report.error(
            place,
            format!(
                "document `{}` is a receipt, and service `{}` prints it for a single case",
                document.id, service.id
            ),
            "write a document of its own for each",
        );
    }
    let users = if receipt { of_orders } else { of_cases };
    Words {
        scopes: index.scopes(&users),
        receipt,
    }
}

fn states(report: &mut Report, place: &Place, document: &Document, index: &Index) {
    let mut users = index.users_of_document(&document.id);
    users.extend(index.users_of_receipt(&document.id));
    let lifecycles = index.definition.lifecycles.iter().filter(|lifecycle| {
        users.is_empty()
            || users
                .iter()
                .any(|service| service.lifecycle == lifecycle.id)
    });
    let known: Vec<&str> = lifecycles
        .flat_map(|lifecycle| &lifecycle.states)
        .map(|state| state.id.as_str())
        .collect();
    for state in document
        .states
        .iter()
        .filter(|state| !known.contains(&state.as_str()))
    {
        report.unknown(place, "state", state, known.iter().copied());
    }
}

fn block(report: &mut Report, place: &Place, block: &Block, words: &Words, index: &Index) {
    match block {
        Block::Heading(text) => {
            report.label(place, "heading", text);
            placeholders(report, place, text, words);
        }
        Block::Paragraph(text) | Block::Note(text) => {
            report.text(place, "text", text);
            placeholders(report, place, text, words);
        }
        Block::Table(rows) => {
            for (n, row) in rows.iter().enumerate() {
                let place = place.nth("row", n);
                report.label(&place, "label", &row.label);
                report.bounded(&place, "text", &row.text, TEXT_LENGTH);
                placeholders(report, &place, &row.text, words);
            }
        }
        Block::OrderCases if !words.receipt => report.error(
            place,
            "the cases of an order are listed on a paper that no order has",
            "name the document in the receipts of a service, or remove the block",
        ),
        Block::IdentityQr(_) if words.receipt => report.error(
            place,
            "an identity check is of one case, and a receipt is for several",
            "put the QR code on a document of the case",
        ),
        Block::IdentityQr(id) if index.check(id).is_none() => {
            report.unknown(place, "identity check", id, index.checks());
        }
        Block::Stamps(boxes) => {
            for (n, stamp) in boxes.iter().enumerate() {
                let place = place.nth("box", n);
                report.label(&place, "label", &stamp.label);
                // From a small name stamp to what an A4 page with margins holds.
                let fits =
                    (5..=180).contains(&stamp.width_mm) && (5..=250).contains(&stamp.height_mm);
                if !fits {
                    report.error(
                        &place,
                        format!(
                            "a box of {} by {} mm does not fit",
                            stamp.width_mm, stamp.height_mm
                        ),
                        "the page has room for 5 to 180 mm in width and 5 to 250 mm in height",
                    );
                }
            }
        }
        Block::Signatures(lines) => {
            for (n, line) in lines.iter().enumerate() {
                report.label(&place.nth("signature", n), "label", line);
            }
        }
        Block::IdentityQr(_) | Block::NumberQr | Block::OrderCases | Block::PageBreak => {}
    }
}

fn placeholders(report: &mut Report, place: &Place, text: &str, words: &Words) {
    for name in names(report, place, text) {
        let of_order = Receipt::PLACEHOLDERS.contains(&name);
        if of_order && words.receipt {
            continue;
        }
        for scope in words
            .scopes
            .iter()
            .filter(|scope| scope.field(name).is_none())
        {
            if of_order {
                report.error(
                    place,
                    format!("placeholder `{{{name}}}` is of an order, and this paper is of a case"),
                    "name the document in the receipts of a service, or take the placeholder out",
                );
                break;
            }
            let fields = scope.fields.iter().map(|field| field.name.as_str());
            let order = Receipt::PLACEHOLDERS.into_iter().filter(|_| words.receipt);
            let known: Vec<&str> = fields.chain(order).collect();
            report.error(
                place,
                format!("placeholder `{{{name}}}` names no field of {}", scope.name),
                suggestion("field", name, &known),
            );
        }
    }
}

fn names<'t>(report: &mut Report, place: &Place, text: &'t str) -> Vec<&'t str> {
    template::names(text).unwrap_or_else(|error| {
        report.error(
            place,
            error.to_string(),
            "write `{name}` for a value, `{{` and `}}` for the braces themselves",
        );
        Vec::new()
    })
}

fn recipient(report: &mut Report, place: &Place, message: &Message, index: &Index) {
    let (kind, name) = match message.content {
        MessageContent::Sms(_) => (FieldKind::Mobile, "mobile"),
        MessageContent::Mail(_) => (FieldKind::Email, "email"),
    };
    match &message.to {
        Recipient::Account if kind == FieldKind::Email => report.error(
            place,
            "a mail goes to the account, which is known by its mobile number",
            "send the mail to a field of the kind `email`, or make it an SMS",
        ),
        Recipient::Account => {}
        Recipient::Field(field) => {
            for scope in index.scopes(&[]) {
                let found = scope.expect(report, &place.then("recipient", field), field);
                if let Some(found) = found.filter(|found| found.kind != kind) {
                    report.error(
                        place,
                        format!(
                            "the recipient `{}` is no field of the kind `{name}`",
                            found.name
                        ),
                        format!("name a field of the kind `{name}`"),
                    );
                }
            }
        }
    }
}

fn sms(report: &mut Report, place: &Place, sms: &SmsText) {
    report.label(place, "template code", &sms.template_code);
    report.text(place, "text", &sms.text);
    report.bounded(place, "text", &sms.text, SMS_LENGTH);
    let names = names(report, place, &sms.text);
    let declared: Vec<&str> = sms.parameters.iter().map(String::as_str).collect();
    for name in names.iter().filter(|name| !declared.contains(name)) {
        report.error(
            place,
            format!("placeholder `{{{name}}}` is no parameter of the message"),
            match declared.is_empty() {
                true => format!(
                    "list `{name}` in `parameters`, at its place in the provider's template"
                ),
                false => suggestion("parameter", name, &declared),
            },
        );
    }
    for (n, name) in declared.iter().enumerate() {
        if !names.contains(name) {
            report.error(
                place,
                format!("parameter `{name}` does not occur in the text"),
                format!("write `{{{name}}}` where the provider's template has it, or remove the parameter"),
            );
        }
        if declared.iter().take(n).any(|other| other == name) {
            report.error(
                place,
                format!("parameter `{name}` is listed twice"),
                "list it once",
            );
        }
    }
}

/// The names in a mail are fields, or parameters that the rule gives when it sends: only their shape can be checked.
fn mail(report: &mut Report, place: &Place, mail: &MailText, index: &Index) {
    report.label(place, "subject", &mail.subject);
    if mail.subject.chars().any(char::is_control) {
        report.error(
            place,
            "the subject has more than one line",
            format!("write one line of at most {LABEL_LENGTH}"),
        );
    }
    report.text(place, "body", &mail.body);
    names(report, place, &mail.subject);
    names(report, place, &mail.body);
    for name in &mail.attachments {
        for scope in index.scopes(&[]) {
            let field = scope.expect(report, &place.then("attachment", name), name);
            if field.is_some_and(|field| field.kind != FieldKind::Attachment) {
                report.error(
                    place,
                    format!("field `{name}` has no file that could go along"),
                    "name a field of the kind `attachment`",
                );
            }
        }
    }
}
