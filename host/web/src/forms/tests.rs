use super::*;
use crate::texts::Texts;
use minijinja::context;
use yinxin_core::definition::{Choice, Condition, Field, FieldKind, NumberRange};
use yinxin_core::rules::Offer;

fn field(name: &str, label: &str, kind: FieldKind) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        hint: String::new(),
        kind,
        required: true,
        max_length: 0,
        shown_when: None,
        autocomplete: String::new(),
    }
}

fn application() -> Form {
    let choice = |value: &str, label: &str| Choice {
        value: value.into(),
        label: label.into(),
        hint: format!("{label}的说明"),
    };
    let kinds = FieldKind::Choice(vec![choice("main", "主锁"), choice("sub", "副锁")]);
    let mut seal = field("seal", "印章名称", FieldKind::Text);
    seal.shown_when = Some(Condition {
        field: "lock".into(),
        values: vec!["main".into()],
    });
    let mut unit = field("unit", "单位名称", FieldKind::OrganisationName);
    unit.hint = "与营业执照一致".into();
    unit.max_length = 64;
    unit.autocomplete = "organization".into();
    let mut remark = field("remark", "备注", FieldKind::Multiline);
    remark.required = false;
    let years = NumberRange {
        min: 1,
        max: 5,
        unit: "年".into(),
    };
    let fields = vec![
        unit,
        field("uscc", "统一社会信用代码", FieldKind::Uscc),
        field("lock", "锁的种类", kinds),
        seal,
        field("years", "年限", FieldKind::Number(years)),
        field("fee", "金额", FieldKind::Money),
        field("valid-from", "生效日期", FieldKind::Date),
        field("secret", "答案", FieldKind::SecretAnswer),
        remark,
        field("truth", "以上内容属实", FieldKind::Flag),
    ];
    Form {
        id: "application".into(),
        title: "申请".into(),
        sections: vec![Section {
            id: "unit".into(),
            title: "单位".into(),
            hint: "单位的信息".into(),
            fields,
        }],
    }
}

fn problem(item: Option<&str>, message: &str) -> Problem {
    Problem {
        item: item.map(Into::into),
        message: message.into(),
        offer: None,
    }
}

fn rendered(form: &FormView) -> String {
    let texts = Texts::chinese().unwrap();
    let templates = crate::templates::Templates::new(&crate::site::Sites::default(), &texts);
    let context = |template: &str| {
        let page = context! { form => serde_json::to_value(form).ok().map(minijinja::value::Serde).map(minijinja::Value::from), csrf => "token", form_id => "step" };
        templates.render(None, template, page).unwrap()
    };
    context("forms/form.html")
}

#[test]
fn every_kind_of_control_is_rendered() {
    let values = Values::from_iter([
        ("unit", "鹰潭市某公司"),
        ("lock", "sub"),
        ("fee", "22000"),
        ("truth", "yes"),
    ]);
    let mut wrong = problem(Some("lock"), "每个单位只能有一个主锁");
    wrong.offer = Some(Offer {
        label: "改办副锁".into(),
        field: "lock".into(),
        value: "sub".into(),
    });
    let problems = [problem(Some("uscc"), "请填写统一社会信用代码"), wrong];
    let refused = [("unit".to_owned(), "名称与执照不符".to_owned())];
    let showing = Showing {
        problems: &problems,
        refused: &refused,
        ..Showing::default()
    };
    let form = FormView::new(&application(), &values, showing, &Texts::chinese().unwrap());
    insta::assert_snapshot!(rendered(&form));
}

#[test]
fn the_summary_goes_as_the_form_goes_and_leads_to_the_fields() {
    let problems = [
        problem(Some("truth"), "请勾选“以上内容属实”"),
        problem(Some("unit"), "请填写单位名称"),
        problem(None, "申请已不能修改"),
        problem(Some("password"), "请填写密码"),
    ];
    let showing = Showing {
        problems: &problems,
        own: &["password"],
        ..Showing::default()
    };
    let form = FormView::new(
        &application(),
        &Values::default(),
        showing,
        &Texts::chinese().unwrap(),
    );
    let targets: Vec<&str> = form
        .problems
        .iter()
        .map(|problem| problem.target.as_str())
        .collect();
    assert_eq!(targets, ["", "f-unit", "f-truth", "f-password"]);
}

#[test]
fn hostile_values_stay_text() {
    let evil = "\"><script>alert(1)</script>' onfocus=alert(2) autofocus x='";
    let values = Values::from_iter([
        ("unit", evil),
        ("remark", "</textarea><script>alert(3)</script>"),
    ]);
    let problems = [problem(Some("unit"), evil)];
    let showing = Showing {
        problems: &problems,
        ..Showing::default()
    };
    let form = FormView::new(&application(), &values, showing, &Texts::chinese().unwrap());
    let html = rendered(&form);
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("</textarea><"), "{html}");
    assert!(!html.contains("' onfocus"), "{html}");
    assert!(html.contains("&quot;&gt;&lt;script&gt;"), "{html}");
}

#[test]
fn a_region_is_chosen_from_the_list() {
    let form = Form {
        id: "place".into(),
        title: "地址".into(),
        sections: vec![Section {
            id: "place".into(),
            title: String::new(),
            hint: String::new(),
            fields: vec![field("region", "省市", FieldKind::Region)],
        }],
    };
    let values = Values::from_iter([("region", "江西省 鹰潭市")]);
    let view = FormView::new(
        &form,
        &values,
        Showing::default(),
        &Texts::chinese().unwrap(),
    );
    let html = rendered(&view);
    assert!(
        html.contains("<option selected>江西省 鹰潭市</option>"),
        "{html}"
    );
}

#[test]
fn a_field_that_is_not_asked_is_marked_and_not_left_out() {
    let values = Values::from_iter([("lock", "sub")]);
    let form = FormView::new(
        &application(),
        &values,
        Showing::default(),
        &Texts::chinese().unwrap(),
    );
    let seal = &form.sections[0].fields[3];
    assert!(seal.unmet);
    assert_eq!(seal.shown_values, "[\"main\"]");
}
