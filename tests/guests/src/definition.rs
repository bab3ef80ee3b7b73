//! A small definition that passes the lint, with one transition for each misbehaviour.

use crate::yinxin::site::definition::*;

/// Name, version, versions taken over, and what the applicant is told of each state. Tests that need another version of
/// this plugin, another plugin, or one that the lint refuses, write over these bytes in the component.
static LABEL: &str = "hostile|1.0.0|-----|请等待工作人员处理您的申请";

/// How `describe` lies or harms, behind the colon and before the dashes; written over as well.
static MODE: &str = "describe:plain---------------";

fn label(place: usize) -> String {
    // Looked up at run time, so that the compiler keeps the text in one piece.
    std::hint::black_box(LABEL)
        .split('|')
        .nth(place)
        .unwrap_or_default()
        .to_owned()
}

fn mode() -> &'static str {
    let mode = std::hint::black_box(MODE).trim_end_matches('-');
    mode.split_once(':').map_or("", |(_, mode)| mode)
}

/// Ids of the transitions.
pub(crate) const TRANSITIONS: &[&str] = &[
    "script",
    "good",
    "endless",
    "host-calls",
    "many-reads",
    "grow",
    "grow-at-once",
    "copy",
    "copy-once",
    "copy-beyond",
    "scans",
    "recurse",
    "long-result",
    "aliases",
    "not-utf8",
    "hand-over",
    "alias-arguments",
    "many-effects",
    "large-effects",
    "many-messages",
    "panic",
    "unknown-state",
    "unknown-field",
    "unprintable",
    "decline",
    "watch",
];

/// Services whose `prefill` goes the way of the second part of their ids.
pub(crate) const BEGINNINGS: &[&str] = &[
    "begins-endless",
    "begins-grow-at-once",
    "begins-copy-beyond",
    "begins-recurse",
    "begins-hand-over",
    "begins-host-calls",
    "begins-panic",
    "begins-unknown-field",
    "begins-not-utf8",
    "begins-long",
    "begins-aliases",
    "begins-unprintable",
];

fn field(name: &str, kind: FieldKind, max_length: u32) -> Field {
    Field {
        name: name.into(),
        label: "字段".into(),
        hint: String::new(),
        kind,
        required: false,
        max_length,
        shown_when: None,
        autocomplete: String::new(),
    }
}

fn form(id: &str, fields: Vec<Field>) -> Form {
    let section = Section {
        id: format!("{id}-section"),
        title: "内容".into(),
        hint: String::new(),
        fields,
    };
    Form {
        id: id.into(),
        title: "表单".into(),
        sections: vec![section],
    }
}

fn state(id: &str, ends: bool) -> State {
    State {
        id: id.into(),
        applicant_label: "状态".into(),
        clerk_label: "状态".into(),
        next: label(3),
        tone: if ends { Tone::Done } else { Tone::Draft },
        open_steps: if ends {
            Vec::new()
        } else {
            vec!["fill".into(), "face".into(), "papers".into()]
        },
        queue: None,
        payable: false,
        due: None,
        ends,
        deletable: !ends,
    }
}

fn transition(id: &str) -> Transition {
    Transition {
        id: id.into(),
        label: "提交".into(),
        from: vec!["draft".into()],
        to: vec!["done".into()],
        actor: Actor::Applicant,
        guards: Vec::new(),
        // What was typed is on the page again when nothing came of it.
        input: Some("words".into()),
        complete: Vec::new(),
        judges_items: false,
        confirm: None,
        negative: false,
    }
}

fn step(id: &str, content: StepContent) -> Step {
    Step {
        id: id.into(),
        title: "填写".into(),
        hint: "按提示填写".into(),
        content,
    }
}

/// A service whose cases are put into orders.
fn in_baskets() -> Service {
    Service {
        id: "basket".into(),
        kind: ServiceKind::New,
        title: "证书新办".into(),
        summary: "测试用".into(),
        price_note: "多少随意".into(),
        time_note: "即办".into(),
        at_hand: Vec::new(),
        lifecycle: "forgetful".into(),
        steps: vec![step("fill", StepContent::Form("main".into()))],
        ordering: Ordering::Basket,
        receipts: Vec::new(),
        from_certificate: false,
        subject_field: "unit".into(),
    }
}

/// Its cases end without a word about the order that they are in.
fn forgetful() -> Lifecycle {
    let mut open = state("draft", false);
    open.tone = Tone::Action;
    open.payable = true;
    open.open_steps = vec!["fill".into()];
    let mut paid = transition("paid");
    paid.actor = Actor::Host(HostEvent::Paid);
    paid.input = None;
    Lifecycle {
        id: "forgetful".into(),
        initial: "draft".into(),
        states: vec![open, state("done", true)],
        transitions: vec![transition("good"), paid],
    }
}

/// A service whose cases are moved by clerks and by the host, each in the way that the answer `told` asks for.
fn moved_by_others() -> Service {
    Service {
        id: "moved".into(),
        title: "别人来办".into(),
        lifecycle: "moved".into(),
        ..in_baskets()
    }
}

/// The same by time.
fn moved_by_time() -> Service {
    Service {
        id: "late".into(),
        title: "到时再办".into(),
        lifecycle: "late".into(),
        ordering: Ordering::Single,
        ..in_baskets()
    }
}

/// A transition that does what the case's answer `told` says.
fn told(id: &str, actor: Actor, from: &str, to: &str) -> Transition {
    Transition {
        label: "办理".into(),
        actor,
        from: vec![from.into()],
        to: vec![to.into()],
        input: None,
        ..transition(id)
    }
}

fn moved() -> Lifecycle {
    let mut open = state("draft", false);
    open.tone = Tone::Action;
    open.payable = true;
    open.queue = Some(Role::Reviewer);
    open.open_steps = vec!["fill".into()];
    let mut making = state("making", false);
    making.tone = Tone::Waiting;
    making.open_steps = vec!["fill".into()];
    making.deletable = false;
    let reviewer = Actor::Clerk(Role::Reviewer);
    let mut decide = told("told-decide", reviewer, "draft", "making");
    decide.input = Some("words".into());
    let by = |event, id, from, to| told(id, Actor::Host(event), from, to);
    Lifecycle {
        id: "moved".into(),
        initial: "draft".into(),
        states: vec![open, making, state("done", true)],
        transitions: vec![
            transition("good"),
            decide,
            by(HostEvent::Paid, "told-paid", "draft", "making"),
            by(HostEvent::SlipVerified, "told-slip", "draft", "making"),
            by(HostEvent::Issued, "told-issued", "making", "done"),
        ],
    }
}

fn late() -> Lifecycle {
    let mut open = state("draft", false);
    open.open_steps = vec!["fill".into()];
    let week = Timer {
        base: TimerBase::Entered,
        days: 7,
        working: false,
    };
    Lifecycle {
        id: "late".into(),
        initial: "draft".into(),
        states: vec![open, state("done", true)],
        transitions: vec![
            transition("good"),
            told("told-late", Actor::Timer(week), "draft", "done"),
        ],
    }
}

/// Services that do not come further than their beginning.
fn beginnings(like: &Service) -> impl Iterator<Item = Service> {
    BEGINNINGS.iter().map(|id| Service {
        id: (*id).into(),
        ..like.clone()
    })
}

/// What `describe` answers: the definition, or one that lies about something.
pub(crate) fn described() -> Definition {
    let mut definition = definition();
    match mode() {
        "plain" => {}
        "long-label" => {
            definition.forms[0].sections[0].fields[0].label = "长".repeat(350_000);
        }
        "many-fields" => {
            let fields = (0..100_000).map(|n| field(&format!("f{n}"), FieldKind::Text, 10));
            definition.forms[0].sections[0].fields = fields.collect();
        }
        // Little for the host to read, and still more than a page can show.
        "some-fields" => {
            let fields = (0..5_000).map(|n| field(&format!("f{n}"), FieldKind::Text, 10));
            definition.forms[0].sections[0].fields.extend(fields);
        }
        "circle" => {
            let lifecycle = &mut definition.lifecycles[0];
            for (id, to) in [("there", "back"), ("back", "there")] {
                lifecycle.states.push(state(id, false));
                let mut turn = transition(&format!("to-{to}"));
                turn.from = vec![id.into()];
                turn.to = vec![to.into()];
                lifecycle.transitions.push(turn);
            }
            for transition in &mut lifecycle.transitions {
                if transition.from == ["draft"] {
                    transition.to = vec!["there".into()];
                }
            }
        }
        "many-states" => {
            let states = (0..50_000).map(|n| state(&format!("s{n}"), false));
            definition.lifecycles[0].states.extend(states);
        }
        "markup" => definition.title = "<script>alert(1)</script>\0".into(),
        "not-utf8" => definition.title = crate::harm::not_utf8(),
        "tries-everything" => {
            definition.summary = format!("试过 {} 个接口", crate::script::denied());
        }
        "no-services" => definition.services.clear(),
        "another-name" => definition.id = "yingtan".into(),
        "bad-id" => definition.forms[1].id = "../../etc/passwd".into(),
        "no-bounds" => {
            let fields = &mut definition.forms[0].sections[0].fields;
            fields
                .iter_mut()
                .for_each(|field| field.max_length = u32::MAX);
        }
        harm => {
            crate::harm::doing(harm);
        }
    }
    definition
}

fn definition() -> Definition {
    let mut transitions: Vec<_> = TRANSITIONS.iter().copied().map(transition).collect();
    transitions.push(transition("denied-forever"));
    let service = Service {
        id: "new".into(),
        kind: ServiceKind::New,
        title: "证书新办".into(),
        summary: "测试用".into(),
        price_note: "免费".into(),
        time_note: "即办".into(),
        at_hand: vec!["营业执照".into()],
        lifecycle: "only".into(),
        steps: vec![
            step("fill", StepContent::Form("main".into())),
            step("face", StepContent::Identity("legal".into())),
            step("papers", StepContent::Documents(vec!["letter".into()])),
        ],
        ordering: Ordering::Single,
        receipts: Vec::new(),
        from_certificate: false,
        subject_field: "unit".into(),
    };
    let fields = vec![
        field("unit", FieldKind::OrganisationName, 64),
        field("person", FieldKind::PersonName, 0),
        field("number", FieldKind::IdentityNumber, 0),
        field("mobile", FieldKind::Mobile, 0),
        field("email", FieldKind::Email, 0),
        field("amount", FieldKind::Text, 32),
        // What is asked of `quote` alone, and of `handle` where nobody names a transition.
        field("quoted", FieldKind::Text, 32),
        field("told", FieldKind::Text, 32),
        field("log", FieldKind::Multiline, 4000),
    ];
    let services = [
        service.clone(),
        in_baskets(),
        moved_by_others(),
        moved_by_time(),
    ];
    let services = services.into_iter().chain(beginnings(&service)).collect();
    let words = vec![field("remark", FieldKind::Multiline, 400)];
    let letter = Document {
        id: "letter".into(),
        title: "授权书".into(),
        blocks: vec![
            Block::Paragraph("{unit} 授权".into()),
            Block::IdentityQr("legal".into()),
        ],
        shown_when: None,
        states: Vec::new(),
    };
    let message = |id: &str, to, content| Message {
        id: id.into(),
        to,
        content,
    };
    let sms = |text: &str, parameters: &[&str]| {
        MessageContent::Sms(SmsText {
            template_code: "SMS_1".into(),
            text: text.into(),
            parameters: parameters.iter().map(|name| (*name).into()).collect(),
        })
    };
    let mail = MessageContent::Mail(MailText {
        subject: "受理号 {acceptance}".into(),
        body: "请查收".into(),
        attachments: Vec::new(),
    });
    Definition {
        id: label(0),
        version: label(1),
        title: "测试".into(),
        summary: "测试用".into(),
        account_policy: None,
        services,
        forms: vec![form("main", fields), form("words", words)],
        materials: Vec::new(),
        checks: vec![IdentityCheck {
            id: "legal".into(),
            title: "人脸认证".into(),
            hint: "请法定代表人扫码".into(),
            name_field: "person".into(),
            number_field: "number".into(),
        }],
        documents: vec![letter],
        messages: vec![
            message(
                "told",
                Recipient::Account,
                sms("您的申请 {acceptance} 已通过", &["acceptance"]),
            ),
            message(
                "handler",
                Recipient::Field("mobile".into()),
                sms("请上传材料", &[]),
            ),
            message("mailed", Recipient::Field("email".into()), mail),
        ],
        lifecycles: vec![
            Lifecycle {
                id: "only".into(),
                initial: "draft".into(),
                states: vec![state("draft", false), state("done", true)],
                transitions,
            },
            forgetful(),
            moved(),
            late(),
        ],
        guards: Vec::new(),
        takes_over: Some(label(2))
            .filter(|version| version != "-----")
            .into_iter()
            .collect(),
    }
}
