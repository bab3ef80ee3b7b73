//! What clerks, and applicants after the hand-in, say at a transition.

use crate::house::{House, any_clerk};
use std::process::Command;
use yinxin_core::ids::CaseId;
use yinxin_core::rules::ItemJudgement;
use yinxin_engine::Submission;
use yinxin_engine::views::StepKind;

/// The file of an invoice.
const PDF: &[u8] = b"%PDF-1.4\n%%EOF\n";

/// What a clerk or the applicant has to say at a transition, right.
pub async fn said(house: &House, case: &CaseId, transition: &str) -> Submission {
    let input: &[(&str, &str)] = match transition {
        "withdraw" | "ask-refund" => &[("withdraw-reason", "不需要了")],
        "refuse-refund" | "cancel" | "reopen" | "send-back" => &[("reason", "与经办人核对过")],
        "post" => &[("posted-by", "顺丰"), ("posted-number", "SF1300000000001")],
        "papers-again" => &[("papers-wanted", "复印件没有盖章")],
        "papers-refuse" => &[
            ("called-person", "李明"),
            ("called-phone", "13907010002"),
            ("papers-again", "复印件没有盖章"),
        ],
        "make" => &[("certificate-request", &request())],
        "ship" => &[("courier", "邮政"), ("tracking-number", "EM100000000CN")],
        "invoice" => &[("invoice-number", "26362000000012345678")],
        _ => &[],
    };
    let input = input
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let file = || {
        (
            "invoice-file".to_owned(),
            "发票.pdf".to_owned(),
            PDF.to_vec(),
        )
    };
    Submission {
        input: input.collect(),
        attachments: (transition == "invoice").then(file).into_iter().collect(),
        judgements: match transition {
            "accept" | "pass" => judgements(house, case, true).await,
            "return" | "refuse" => judgements(house, case, false).await,
            _ => Vec::new(),
        },
        ..Submission::default()
    }
}

/// Everything passed, or the last item refused.
async fn judgements(house: &House, case: &CaseId, passed: bool) -> Vec<ItemJudgement> {
    let page = house
        .engine
        .page(&house.site, &any_clerk(), case)
        .await
        .unwrap();
    let sections = page.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Form(form) => Some(&form.sections),
        _ => None,
    });
    let sections = sections.flatten().map(|section| section.id.clone());
    let materials = page.materials.iter().map(|view| view.material.id.clone());
    let mut judged: Vec<ItemJudgement> = sections
        .chain(materials)
        .map(|item| ItemJudgement {
            item,
            passed: true,
            reason: String::new(),
        })
        .collect();
    if let Some(last) = judged.last_mut().filter(|_| !passed) {
        last.passed = false;
        last.reason = "看不清".to_owned();
    }
    judged
}

/// A request for a certificate with a key of its own.
fn request() -> String {
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (
        folder.path().join("key.pem"),
        folder.path().join("request.pem"),
    );
    let made = Command::new("openssl")
        .args([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-subj", "/CN=maker", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    std::fs::read_to_string(file).unwrap()
}
