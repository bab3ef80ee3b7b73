//! A small definition without a mistake, for tests to break in one place.

use crate::definition::*;
use crate::shared::Shared;

pub(crate) fn field(name: &str, label: &str, kind: FieldKind) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        hint: "".into(),
        kind,
        required: true,
        max_length: 100,
        shown_when: None,
        autocomplete: "".into(),
    }
}

pub(crate) fn form(id: &str, title: &str, fields: Vec<Field>) -> Shared<Form> {
    let section = Section {
        id: "main".into(),
        title: title.into(),
        hint: String::new(),
        fields,
    };
    Shared::from(Form {
        id: id.into(),
        title: title.into(),
        sections: vec![section],
    })
}

pub(crate) fn choice(value: &str, label: &str) -> Choice {
    Choice {
        value: value.into(),
        label: label.into(),
        hint: "".into(),
    }
}

pub(crate) fn state(id: &str, label: &str) -> Shared<State> {
    Shared::from(State {
        id: id.into(),
        applicant_label: label.into(),
        clerk_label: label.into(),
        next: "请留意短信通知。".into(),
        tone: Tone::Waiting,
        open_steps: vec![],
        queue: None,
        payable: false,
        due: None,
        ends: false,
        deletable: false,
    })
}

pub(crate) fn transition(id: &str, from: &str, to: &str, actor: Actor) -> Transition {
    Transition {
        id: id.into(),
        label: "继续".into(),
        from: vec![from.into()],
        to: vec![to.into()],
        actor,
        guards: vec![],
        input: None,
        complete: vec![],
        judges_items: false,
        confirm: None,
        negative: false,
    }
}

/// Fill in and upload → review → pay → make → done.
pub(crate) fn definition() -> Definition {
    Definition {
        id: "sample".into(),
        version: "1.0.0".into(),
        title: "示例证书".into(),
        summary: "用于测试的最小业务。".into(),
        account_policy: Some(account_policy()),
        services: vec![service().into()],
        forms: forms(),
        materials: vec![licence().into()],
        checks: vec![Shared::from(IdentityCheck {
            id: "legal".into(),
            title: "法人核验".into(),
            hint: String::new(),
            name_field: "legal-name".into(),
            number_field: "legal-number".into(),
        })],
        documents: vec![letter().into()],
        messages: messages(),
        lifecycles: vec![lifecycle()],
        guards: vec!["one-main-key".into()],
        takes_over: vec!["0.9.0".into()],
    }
}

fn account_policy() -> AccountPolicy {
    AccountPolicy {
        login_ids: vec![LoginId::Uscc],
        registration_form: "profile".into(),
        profile_form: "profile".into(),
        registration_proofs: vec![Proof::SmsCode],
        login_proofs: vec![Proof::PictureCode],
        recovery_proofs: vec![Proof::SmsCode],
        password_length: 8,
        clerk_only_fields: vec!["unit".into()],
        name_field: "unit".into(),
        mobile_field: "mobile".into(),
    }
}

fn service() -> Service {
    let step = |id: &str, title: &str, content| Step {
        id: id.into(),
        title: title.into(),
        hint: String::new(),
        content,
    };
    Service {
        id: "new".into(),
        kind: ServiceKind::New,
        title: "新办证书".into(),
        summary: "为单位办理证书。".into(),
        price_note: "主锁 220.00 元".into(),
        time_note: "约 2 个工作日".into(),
        at_hand: vec!["营业执照".into()],
        lifecycle: "new".into(),
        steps: vec![
            step("fill", "填写申请", StepContent::Form("application".into())),
            step("face", "法人核验", StepContent::Identity("legal".into())),
            step(
                "print",
                "打印委托书",
                StepContent::Documents(vec!["letter".into()]),
            ),
            step(
                "upload",
                "上传材料",
                StepContent::Materials(vec!["licence".into()]),
            ),
            step("check", "核对", StepContent::Summary),
        ],
        ordering: Ordering::Single,
        receipts: Vec::new(),
        from_certificate: false,
        subject_field: "unit".into(),
    }
}

fn forms() -> Vec<Shared<Form>> {
    let lock = FieldKind::Choice(vec![choice("main", "主锁"), choice("sub", "副锁")]);
    let mut seal = field("seal-name", "印章名称", FieldKind::Text);
    seal.shown_when = Some(Box::new(Condition {
        field: "lock".into(),
        values: vec!["main".into()],
    }));
    vec![
        form(
            "profile",
            "单位信息",
            vec![
                field("unit", "单位名称", FieldKind::OrganisationName),
                field("uscc", "统一社会信用代码", FieldKind::Uscc),
                field("mobile", "手机号", FieldKind::Mobile),
            ],
        ),
        form(
            "application",
            "申请信息",
            vec![
                field("unit", "单位名称", FieldKind::OrganisationName),
                field("lock", "锁类型", lock),
                seal,
                field("legal-name", "法定代表人", FieldKind::PersonName),
                field("legal-number", "身份证号码", FieldKind::IdentityNumber),
                field("handler-mobile", "经办人手机", FieldKind::Mobile),
                field("email", "电子邮箱", FieldKind::Email),
            ],
        ),
        form(
            "made",
            "制作",
            vec![field("invoice", "电子发票", FieldKind::Attachment)],
        ),
    ]
}

fn licence() -> Material {
    Material {
        id: "licence".into(),
        title: "营业执照".into(),
        hint: String::new(),
        formats: vec![FileFormat::Jpeg, FileFormat::Png],
        max_bytes: 1024 * 1024,
        files: 2,
        captions: vec!["正本".into(), "副本".into()],
        required: true,
        shown_when: Some(Box::new(Condition {
            field: "lock".into(),
            values: vec!["main".into()],
        })),
        template: Some("letter".into()),
        refusal_reasons: vec!["扫描件不清晰".into()],
    }
}

fn letter() -> Document {
    let row = |label: &str, text: &str| Row {
        label: label.into(),
        text: text.into(),
    };
    Document {
        id: "letter".into(),
        title: "授权委托书".into(),
        blocks: vec![
            Block::Heading("授权委托书".into()),
            Block::Paragraph("{unit} 委托经办人办理证书。".into()),
            Block::Table(vec![
                row("单位名称", "{unit}"),
                row("手机", "{handler-mobile}"),
            ]),
            Block::IdentityQr("legal".into()),
            Block::NumberQr,
            Block::Stamps(vec![StampBox {
                label: "公章".into(),
                width_mm: 60,
                height_mm: 60,
            }]),
            Block::Signatures(vec!["法定代表人".into()]),
        ],
        shown_when: None,
        states: vec!["draft".into(), "review".into()],
    }
}

fn messages() -> Vec<Message> {
    vec![
        Message {
            id: "refused".into(),
            to: Recipient::Field("handler-mobile".into()),
            content: MessageContent::Sms(SmsText {
                template_code: "SMS_1001".into(),
                text: "{unit} 的申请未通过审核，请登录查看。".into(),
                parameters: vec!["unit".into()],
            }),
        },
        Message {
            id: "invoice".into(),
            to: Recipient::Field("email".into()),
            content: MessageContent::Mail(MailText {
                subject: "电子发票".into(),
                body: "{unit}：发票见附件。".into(),
                attachments: vec!["invoice".into()],
            }),
        },
    ]
}

fn lifecycle() -> Lifecycle {
    let mut draft = state("draft", "填写中");
    draft.tone = Tone::Draft;
    draft.open_steps = ["fill", "face", "upload"].map(String::from).to_vec();
    draft.deletable = true;
    let mut review = state("review", "待审核");
    review.queue = Some(Role::Reviewer);
    let mut pay = state("pay", "待付款");
    pay.payable = true;
    pay.tone = Tone::Action;
    let mut making = state("making", "制作中");
    making.queue = Some(Role::Maker);
    making.due = Some(Due {
        days: 2,
        working: true,
    });
    let mut done = state("done", "已完成");
    done.ends = true;
    done.tone = Tone::Done;
    let mut lapsed = state("lapsed", "已失效");
    lapsed.ends = true;
    lapsed.tone = Tone::Refused;

    let mut submit = transition("submit", "draft", "review", Actor::Applicant);
    submit.guards = vec!["one-main-key".into()];
    submit.complete = ["fill", "face", "upload"].map(String::from).to_vec();
    let mut refuse = transition("refuse", "review", "draft", Actor::Clerk(Role::Reviewer));
    refuse.judges_items = true;
    refuse.negative = true;
    let mut make = transition("make", "making", "done", Actor::Clerk(Role::Maker));
    make.input = Some("made".into());
    let thirty_days = Timer {
        base: TimerBase::Entered,
        days: 30,
        working: false,
    };
    Lifecycle {
        id: "new".into(),
        initial: "draft".into(),
        states: vec![draft, review, pay, making, done, lapsed],
        transitions: vec![
            submit,
            transition("pass", "review", "pay", Actor::Clerk(Role::Reviewer)),
            refuse,
            transition("paid", "pay", "making", Actor::Host(HostEvent::Paid)),
            transition("lapse", "pay", "lapsed", Actor::Timer(thirty_days)),
            make,
        ],
    }
}

pub(super) fn state_of<'d>(definition: &'d mut Definition, id: &str) -> &'d mut State {
    definition.lifecycles[0]
        .states
        .iter_mut()
        .find(|state| state.id == id)
        .unwrap()
}

pub(super) fn transition_of<'d>(definition: &'d mut Definition, id: &str) -> &'d mut Transition {
    definition.lifecycles[0]
        .transitions
        .iter_mut()
        .find(|transition| transition.id == id)
        .unwrap()
}

pub(super) fn field_of<'d>(definition: &'d mut Definition, name: &str) -> &'d mut Field {
    definition.forms[1].sections[0]
        .fields
        .iter_mut()
        .find(|field| field.name == name)
        .unwrap()
}
