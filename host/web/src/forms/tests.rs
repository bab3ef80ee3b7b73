use super::*;
use crate::site::{Site, Sites};
use crate::templates::Templates;
use crate::texts::Texts;
use minijinja::context;
use minijinja::value::Serde;
use yinxin_core::definition::{Choice, Condition, Field, FieldKind, NumberRange, Section};
use yinxin_core::ids::SiteId;
use yinxin_core::rules::Offer;

fn field(name: &str, label: &str, kind: FieldKind) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        hint: "".into(),
        kind,
        required: true,
        max_length: 0,
        shown_when: None,
        autocomplete: "".into(),
    }
}

fn application() -> Shared<Form> {
    let choice = |value: &str, label: &str| Choice {
        value: value.into(),
        label: label.into(),
        hint: format!("{label}的说明").into(),
    };
    let kinds = FieldKind::Choice(vec![choice("main", "主锁"), choice("sub", "副锁")]);
    let mut seal = field("seal", "印章名称", FieldKind::Text);
    seal.shown_when = Some(Box::new(Condition {
        field: "lock".into(),
        values: vec!["main".into()],
    }));
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
        field("years", "年限", FieldKind::Number(years.into())),
        field("fee", "金额", FieldKind::Money),
        field("valid-from", "生效日期", FieldKind::Date),
        field("secret", "答案", FieldKind::SecretAnswer),
        remark,
        field("truth", "以上内容属实", FieldKind::Flag),
    ];
    Shared::from(Form {
        id: "application".into(),
        title: "申请".into(),
        sections: vec![Section {
            id: "unit".into(),
            title: "单位".into(),
            hint: "单位的信息".into(),
            fields,
        }],
    })
}

fn problem(item: Option<&str>, message: &str) -> Problem {
    Problem {
        item: item.map(Into::into),
        message: message.into(),
        offer: None,
    }
}

fn templates() -> Templates {
    Templates::new(&Sites::default(), &Texts::chinese().unwrap())
}

fn form_view(form: &Shared<Form>, values: &Values, showing: Showing<'_>) -> FormView {
    let (templates, texts) = (templates(), Texts::chinese().unwrap());
    let writer = templates.writer(None, &texts).unwrap();
    FormView::new(form, values, showing, &writer).unwrap()
}

fn rendered(form: &FormView) -> String {
    let page = context! { form => Value::from(Serde(form)), csrf => "token", form_id => "step" };
    let html = templates().render(None, "forms/form.html", page).unwrap();
    String::from_utf8(html.to_vec()).unwrap()
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
    let form = form_view(&application(), &values, showing);
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
    let form = form_view(&application(), &Values::default(), showing);
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
    let form = form_view(&application(), &values, showing);
    let html = rendered(&form);
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("</textarea><"), "{html}");
    assert!(!html.contains("' onfocus"), "{html}");
    assert!(html.contains("&quot;&gt;&lt;script&gt;"), "{html}");
}

#[test]
fn a_region_is_chosen_from_the_list() {
    let form = Shared::from(Form {
        id: "place".into(),
        title: "地址".into(),
        sections: vec![Section {
            id: "place".into(),
            title: String::new(),
            hint: String::new(),
            fields: vec![field("region", "省市", FieldKind::Region)],
        }],
    });
    let values = Values::from_iter([("region", "江西省 鹰潭市")]);
    let html = rendered(&form_view(&form, &values, Showing::default()));
    assert!(
        html.contains("<option selected>江西省 鹰潭市</option>"),
        "{html}"
    );
}

#[test]
fn a_field_that_is_not_asked_is_marked_and_not_left_out() {
    let values = Values::from_iter([("lock", "sub")]);
    let html = rendered(&form_view(&application(), &values, Showing::default()));
    let condition = "data-shown-field=\"lock\" data-shown-values=\"[&quot;main&quot;]\" data-unmet";
    assert!(html.contains(condition), "{html}");
}

/// A site with a template of its own for fields.
fn site_with(template: &str) -> (tempfile::TempDir, Sites, SiteId) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("templates/forms")).unwrap();
    std::fs::write(folder.path().join("templates/forms/field.html"), template).unwrap();
    let id = SiteId::parse("hunan").unwrap();
    let sites = Sites::new([Site {
        id: id.clone(),
        brand: Default::default(),
        transfer: None,
        domains: Vec::new(),
        folder: folder.path().to_owned(),
        closed: false,
    }]);
    (folder, sites, id)
}

fn markup(templates: &Templates, site: &SiteId, unit: &str) -> String {
    let texts = Texts::chinese().unwrap();
    let writer = templates.writer(Some(site), &texts).unwrap();
    let values = Values::from_iter([("unit", unit)]);
    let view = FormView::new(&application(), &values, Showing::default(), &writer).unwrap();
    view.markup.to_string()
}

#[test]
fn a_sites_own_template_may_look_into_answers() {
    let template =
        "[{{ field.name }}{% if field.value is endingwith '公司' %} of a company{% endif %}]";
    let (_folder, sites, site) = site_with(template);
    let templates = Templates::new(&sites, &Texts::chinese().unwrap());
    for _ in 0..2 {
        assert!(markup(&templates, &site, "鹰潭市某公司").contains("[unit of a company]"));
        assert!(markup(&templates, &site, "某县水利局").contains("[unit]"));
    }
}

#[test]
fn a_refusal_is_shown_to_whom_it_is_told_and_to_nobody_after() {
    let (templates, texts) = (templates(), Texts::chinese().unwrap());
    let writer = templates.writer(None, &texts).unwrap();
    let form = application();
    let shown = |refused: &[(String, String)]| {
        let showing = Showing {
            refused,
            ..Showing::default()
        };
        let view = FormView::new(&form, &Values::default(), showing, &writer).unwrap();
        view.markup.to_string()
    };
    let refused = [("unit".to_owned(), "名称与<执照>不符".to_owned())];
    for _ in 0..2 {
        assert!(shown(&refused).contains("名称与&lt;执照&gt;不符"));
        assert!(!shown(&[]).contains("名称与"));
    }
}
