//! The page of a case, with what people may have put into it.

use super::view::{
    ActionButton, CaseView, CertificateLine, FileItem, HistoryLine, MaterialItem, MessageLine,
    OrderLine, SectionItem,
};
use crate::applicant::{AnswerRow, Answers};
use crate::forms::ProblemView;
use crate::site::Sites;
use crate::templates::Templates;
use crate::texts::Texts;
use serde_json::json;

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

fn hostile() -> String {
    HOSTILE.to_owned()
}

fn given() -> Answers {
    Answers {
        title: hostile(),
        rows: vec![AnswerRow {
            label: hostile(),
            text: hostile(),
        }],
        change: String::new(),
    }
}

fn button(id: &str, negative: bool, has_page: bool) -> ActionButton {
    ActionButton {
        id: id.to_owned(),
        label: hostile(),
        negative,
        has_page,
    }
}

/// Every text of it is hostile.
fn case(claim: &'static str) -> CaseView {
    CaseView {
        path: "/console/cases/1".to_owned(),
        version: 3,
        number: hostile(),
        subject: hostile(),
        project: hostile(),
        service: hostile(),
        state: hostile(),
        tone: "waiting",
        queue: hostile(),
        due: hostile(),
        late: true,
        created: hostile(),
        sections: vec![SectionItem {
            id: "unit".to_owned(),
            answers: given(),
            standing: "refused",
            reason: hostile(),
            reasons: vec![hostile()],
            chosen: "refuse",
        }],
        materials: vec![MaterialItem {
            id: "licence".to_owned(),
            title: hostile(),
            standing: "refused",
            reason: hostile(),
            reasons: vec![hostile()],
            files: vec![FileItem {
                id: "7".to_owned(),
                caption: hostile(),
                name: hostile(),
                facts: hostile(),
                is_picture: true,
                entries: vec![hostile()],
            }],
            chosen: "",
        }],
        checks: vec![(hostile(), hostile(), "passed")],
        judging: vec![button("pass", false, false), button("refuse", true, false)],
        actions: vec![button("make", false, true), button("stop", true, false)],
        later: vec![given()],
        papers: vec![("letter".to_owned(), hostile())],
        certificates: vec![CertificateLine {
            serial: "0a".to_owned(),
            subject: hostile(),
            from: hostile(),
            to: hostile(),
            standing: hostile(),
        }],
        order: Some(OrderLine {
            id: "9".to_owned(),
            number: hostile(),
            state: hostile(),
            total: 22_000,
            lines: vec![(hostile(), 22_000)],
            paid: hostile(),
            transaction: hostile(),
        }),
        messages: vec![MessageLine {
            id: "5".to_owned(),
            at: hostile(),
            channel: hostile(),
            recipient: hostile(),
            subject: hostile(),
            text: hostile(),
            state: hostile(),
            tone: "refused",
            may_resend: true,
            error: hostile(),
        }],
        history: vec![HistoryLine {
            at: hostile(),
            label: hostile(),
            note: hostile(),
            actor: hostile(),
            to: hostile(),
        }],
        claim,
        claimed_until: hostile(),
        claimed_by: hostile(),
        next_case: "/console/queues/reviewer/next".to_owned(),
        may_see_orders: true,
        may_audit: true,
        may_release: true,
        problems: vec![ProblemView {
            page: String::new(),
            target: "f-licence".to_owned(),
            message: hostile(),
            offer: None,
        }],
        live: "0a1b".to_owned(),
    }
}

fn rendered(claim: &'static str) -> String {
    let texts = Texts::chinese().unwrap();
    let page = json!({
        "clerk": HOSTILE, "queues": [], "next": "", "is_finance": true, "is_administrator": true,
        "is_open": true, "view": case(claim),
    });
    let context = json!({
        "path": "/console/cases/1", "csrf": "token",
        "name": null, "flash": null, "request_id": "", "page": page,
    });
    let html = Templates::new(&Sites::default(), &texts)
        .render(None, "console/case.html", context)
        .unwrap();
    String::from_utf8(html.to_vec()).unwrap()
}

#[test]
fn file_names_and_reasons_stay_text() {
    for claim in ["mine", "other", "free", ""] {
        let page = rendered(claim);
        for forbidden in ["<script>", "<img src=x", "onerror=alert(1)>"] {
            assert!(!page.contains(forbidden), "{claim}: {forbidden} in {page}");
        }
        assert!(page.contains("&lt;script&gt;"));
    }
}

#[test]
fn a_case_that_a_colleague_holds_is_only_looked_at() {
    let page = rendered("other");
    for forbidden in ["/judge", "item:licence", "/actions/"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("/release\""));
    let page = rendered("mine");
    for there in [
        "/judge",
        "item:licence",
        "reason:licence",
        "/actions/make",
        "list=\"reasons-licence\"",
    ] {
        assert!(page.contains(there), "{there}");
    }
}
