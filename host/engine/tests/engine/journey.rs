//! The whole way of a main key (manual rows J-3 to J-10).

use crate::applicant::{Application, HANDLER_MOBILE, answers, problems, said, with};
use crate::hall::{Hall, UNIT, clerk, halls};
use std::process::Command;
use yinxin_core::definition::Role;
use yinxin_core::identity::Standing;
use yinxin_core::rules::ItemStanding;
use yinxin_engine::views::StepView;
use yinxin_engine::{Actor, Submission};
use yinxin_simulators::trades::PayMode;

#[tokio::test(flavor = "multi_thread")]
async fn a_main_key_from_the_first_line_to_the_invoice() {
    for hall in halls().await {
        walk(&hall).await;
    }
}

fn step<'a>(steps: &'a [StepView], id: &str) -> &'a StepView {
    steps.iter().find(|step| step.id == id).unwrap()
}

async fn walk(hall: &Hall) {
    let account = hall.registered().await;
    let reviewer = clerk("审核员甲", &[Role::Reviewer]);
    let maker = clerk("制作员", &[Role::Maker]);
    let shipper = clerk("寄送员", &[Role::Shipper]);
    let finance = clerk("财务", &[Role::Finance]);

    let case = Application::begin(hall, &account).await;
    let page = case.page().await;
    assert_eq!(page.state.applicant_label, "填写中");
    let value = |name: &str| {
        page.values
            .iter()
            .find(|entry| entry.name == name)
            .map_or("", |entry| entry.value.as_str())
    };
    assert_eq!(
        (value("unit-name"), value("recipient-mobile")),
        (UNIT, "13907010001")
    );

    // A wrong check character: what was typed stays, and the field is named.
    let wrong = with(answers("main"), "uscc", "91360600MA35XK4C1X");
    let found = case.save(&wrong).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].item.as_deref(), Some("uscc"));
    let page = case.page().await;
    let typed = page
        .values
        .iter()
        .find(|entry| entry.name == "uscc")
        .unwrap();
    assert_eq!(typed.value, "91360600MA35XK4C1X");
    let order = step(&page.steps, "order");
    assert!(!order.complete);
    assert_eq!(order.problems, found);
    case.fill(&answers("main")).await;
    assert!(step(&case.page().await.steps, "order").complete);

    // Nothing is submitted before it is complete; what is missing is named.
    let missing = problems(case.submit().await);
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[0].message.contains("刷脸认证"));

    case.print().await;
    assert!(step(&case.page().await.steps, "papers").complete);
    let (engine, viewer) = (&hall.engine, case.applicant());
    let letter = engine.paper_pdf(&hall.site, &viewer, &case.id, "authorisation-letter");
    let letter = letter.await.unwrap();
    assert!(letter.bytes.starts_with(b"%PDF-"));
    case.pass_face_check().await;
    assert_eq!(case.page().await.checks[0].standing, Standing::Passed);
    case.upload_all().await;
    assert!(case.view_of("seal-sheet").await.starts_with(&[0xff, 0xd8]));
    assert!(case.page().await.steps.iter().all(|step| step.complete));
    case.submit().await.unwrap();

    // First review: refused once, with a reason per item.
    let queue = hall.engine.queues(&hall.site, &reviewer).await.unwrap();
    assert_eq!((queue.len(), queue[0].cases), (1, 1));
    let next = hall
        .engine
        .next_unclaimed(&hall.site, &reviewer, Role::Reviewer)
        .await
        .unwrap();
    assert_eq!(next.as_ref(), Some(&case.id));
    let nothing = problems(case.refuse(&reviewer, &[]).await);
    assert!(nothing[0].message.contains("至少退回一项"));
    let reasons = [
        ("business-licence", "图片不清晰，请重新扫描后上传。"),
        ("invoice", "发票抬头与单位名称不一致。"),
    ];
    case.refuse(&reviewer, &reasons).await.unwrap();
    let page = case.page().await;
    assert_eq!(page.state.id, "to-correct");
    assert!(page.claim.is_none());
    let licence = page
        .materials
        .iter()
        .find(|view| view.material.id == "business-licence")
        .unwrap();
    assert_eq!(
        (licence.standing, licence.reason.as_str()),
        (ItemStanding::Refused, reasons[0].1)
    );
    let section = page
        .sections
        .iter()
        .find(|view| view.item == "invoice")
        .unwrap();
    assert_eq!(
        (section.standing, section.reason.as_str()),
        (ItemStanding::Refused, reasons[1].1)
    );
    let untouched = page
        .materials
        .iter()
        .find(|view| view.material.id == "seal-sheet")
        .unwrap();
    assert_eq!(untouched.standing, ItemStanding::Passed);
    assert!(!step(&page.steps, "materials").complete);
    assert!(
        problems(case.submit().await)[0]
            .message
            .contains("上传资料")
    );

    // Corrected: only what was refused is done again.
    case.upload("business-licence", 0).await.unwrap();
    case.fill(&with(answers("main"), "invoice-title", "鹰潭某某建设"))
        .await;
    let page = case.page().await;
    assert!(
        page.sections.iter().all(|view| view.item != "invoice"),
        "what was said is over"
    );
    assert_eq!(
        page.checks[0].standing,
        Standing::Passed,
        "the check is of the same person"
    );
    let outdated = |id: &str| {
        page.papers
            .iter()
            .find(|p| p.document.id == id)
            .unwrap()
            .outdated
    };
    assert!(
        outdated("application-form"),
        "it says another invoice title now"
    );
    assert!(!outdated("authorisation-letter"));
    case.submit().await.unwrap();
    case.pass(&reviewer).await.unwrap();

    // Paid by WeChat.
    let order = case.page().await.order.unwrap();
    assert_eq!((order.total, order.lines.len()), (22_000, 1));
    case.pay(PayMode::Normal).await;
    let page = case.page().await;
    assert_eq!(page.state.id, "to-post");
    let order = page.order.unwrap();
    assert_eq!(order.state, "paid");
    assert!(order.transaction.starts_with("42000"));

    // Papers, refused once.
    let posted = said(&[("posted-by", "顺丰"), ("posted-number", "SF1300000000001")]);
    case.fire(&case.applicant(), "post", &posted).await.unwrap();
    let called = [
        ("called-person", "李明"),
        ("called-phone", HANDLER_MOBILE),
        ("papers-again", "签章采集表印模不清晰，请重新盖章后寄来"),
    ];
    case.by_clerk(&reviewer, "papers-refuse", &called)
        .await
        .unwrap();
    assert!(
        case.page()
            .await
            .history
            .last()
            .unwrap()
            .note
            .contains("签章采集表")
    );
    let posted = said(&[("posted-by", "EMS"), ("posted-number", "1200000000002")]);
    case.fire(&case.applicant(), "post", &posted).await.unwrap();
    case.by_clerk(&reviewer, "papers-pass", &[]).await.unwrap();

    // Made.
    let no_request = problems(
        case.by_clerk(&maker, "make", &[("certificate-request", "无")])
            .await,
    );
    assert_eq!(
        no_request[0].item.as_deref(),
        Some("certificate-request"),
        "{no_request:?}"
    );
    let request = certificate_request(hall);
    case.by_clerk(&maker, "make", &[("certificate-request", &request)])
        .await
        .unwrap();
    hall.work(1).await;
    let page = case.page().await;
    assert_eq!(page.state.id, "to-ship");
    assert!(page.papers.is_empty(), "there is nothing to print any more");
    let certificate = &page.certificates[0];
    assert_eq!(certificate.standing, "valid");
    assert!(certificate.subject.contains(UNIT));
    verify_certificate(hall, &case, &certificate.serial).await;

    // Shipped and invoiced.
    case.by_clerk(&shipper, "ship", &[("tracking-number", "SF1300000000009")])
        .await
        .unwrap();
    let invoice = Submission {
        attachments: vec![(
            "invoice-file".to_owned(),
            "发票.pdf".to_owned(),
            letter.bytes.clone(),
        )],
        ..said(&[("invoice-number", "26362000000012345678")])
    };
    case.fire(&Actor::Clerk(finance), "invoice", &invoice)
        .await
        .unwrap();
    hall.work(1).await;
    let page = case.page().await;
    assert_eq!(page.state.id, "done");
    assert!(page.actions.is_empty() && page.messages.is_empty());
    assert!(
        page.history
            .iter()
            .all(|line| !line.actor.contains("审核员"))
    );

    told(hall, &case, &letter.bytes).await;
    let rows = hall.verified_ledger().await;
    assert_eq!(
        rows,
        i64::try_from(case.history().await.len()).unwrap(),
        "{}",
        hall.name()
    );
}

/// The handler was told everything, in the order in which it happened.
async fn told(hall: &Hall, case: &Application<'_>, invoice: &[u8]) {
    let page = case.desk().await;
    let mut texts: Vec<_> = page
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    texts.sort_unstable();
    let number = &page.number;
    let expected = |text: &str| texts.iter().filter(|known| **known == text).count();
    for text in [
        format!("您的证书申请（受理号{number}）未通过初审，请登录平台查看原因，改正后重新提交。"),
        format!("您的证书申请（受理号{number}）已通过初审，请登录平台付款220.00元。"),
        format!("受理号{number}的费用220.00元已收到，请寄出纸质资料，并在平台填写快递单号。"),
        format!("受理号{number}的纸质资料需要补寄，请登录平台查看补寄内容。"),
        format!("受理号{number}的证书已用顺丰寄出，单号SF1300000000009，快递费到付。"),
    ] {
        assert_eq!(expected(&text), 1, "{text} in {texts:?}");
    }
    assert_eq!(texts.len(), 6);
    assert!(page.messages.iter().all(|message| message.state == "sent"));
    let templates: Vec<_> = hall
        .pocket
        .sms()
        .into_iter()
        .map(|(to, template)| {
            assert_eq!(to, HANDLER_MOBILE);
            template
        })
        .collect();
    let order = [
        "470010002",
        "470010001",
        "470010003",
        "470010004",
        "470010005",
    ];
    assert_eq!(templates, order.map(|code| format!("SMS_{code}")));
    let mail = hall.pocket.mail();
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].to, "finance@example.com");
    assert!(mail[0].subject.contains(number) && mail[0].body.contains("26362000000012345678"));
    assert_eq!(mail[0].attachments[0].0, "发票.pdf");
    assert_eq!(mail[0].attachments[0].1, invoice);
}

/// As the maker's token would make it.
pub fn certificate_request(hall: &Hall) -> String {
    openssl(
        hall,
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "key.pem",
            "-subj",
            "/CN=maker",
            "-out",
            "request.pem",
        ],
    );
    std::fs::read_to_string(hall.folder().join("request.pem")).unwrap()
}

async fn verify_certificate(hall: &Hall, case: &Application<'_>, serial: &str) {
    let (engine, applicant) = (&hall.engine, case.applicant());
    let alone = engine
        .certificate_pem(&hall.site, &applicant, &case.id, serial, false)
        .await
        .unwrap();
    let chained = engine
        .certificate_pem(&hall.site, &applicant, &case.id, serial, true)
        .await
        .unwrap();
    let chained = String::from_utf8(chained.bytes).unwrap();
    let above: Vec<_> = chained
        .split_inclusive("-----END CERTIFICATE-----\n")
        .skip(1)
        .collect();
    assert_eq!(above.len(), 2, "issuing authority and root");
    for (name, pem) in [("issuing.pem", above[0]), ("root.pem", above[1])] {
        std::fs::write(hall.folder().join(name), pem).unwrap();
    }
    std::fs::write(hall.folder().join("leaf.pem"), alone.bytes).unwrap();
    let judged = openssl(
        hall,
        &[
            "verify",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "issuing.pem",
            "leaf.pem",
        ],
    );
    assert!(judged.contains("leaf.pem: OK"), "{judged}");
    let of_certificate = openssl(hall, &["x509", "-in", "leaf.pem", "-noout", "-pubkey"]);
    let of_key = openssl(hall, &["pkey", "-in", "key.pem", "-pubout"]);
    assert_eq!(of_certificate, of_key, "it is for the maker's key");
}

fn openssl(hall: &Hall, arguments: &[&str]) -> String {
    let ran = Command::new("openssl")
        .args(arguments)
        .current_dir(hall.folder())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "openssl {arguments:?}: {errors}");
    String::from_utf8(ran.stdout).unwrap()
}
