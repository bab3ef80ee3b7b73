//! `/orders/new` and `/orders/{id}/edit`: which cases are paid for together.

use super::{Possible, cases, is_basket, own};
use crate::error::WebError;
use crate::forms::ProblemView;
use crate::page::{Applicant, Visit};
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use url::form_urlencoded::{self, Serializer};
use yinxin_core::ids::CaseId;
use yinxin_core::rules::Problem;
use yinxin_engine::Actor;
use yinxin_engine::views::BasketCase;
use yinxin_services::payments::OrderView;

/// Cases that are looked at in an address or a form: far more than an order may have, which the engine says.
const NAMED: usize = 100;
/// Characters of an id that is looked at; ours have 36.
const ID_LIMIT: usize = 64;

/// Where the pages about a basket stand: a new order's, or those of one that is changed.
#[derive(Clone, Debug)]
pub struct Place {
    /// `/orders/new` or `/orders/{id}/edit`.
    pub path: String,
    /// Where it is left for.
    pub back: String,
    pub order: Option<OrderView>,
}

impl Place {
    pub fn new() -> Self {
        Self {
            path: "/orders/new".to_owned(),
            back: "/cases".to_owned(),
            order: None,
        }
    }

    /// The order, while its applicant may change it.
    pub async fn of_order(applicant: &Applicant, id: &str) -> Result<Self, WebError> {
        let order = own(applicant, id).await?;
        let basket = is_basket(&cases(applicant, &order).await?);
        if !Possible::of(&applicant.visit, &order, basket).change {
            return Err(WebError::Stale);
        }
        Ok(Self {
            path: format!("/orders/{}/edit", order.id),
            back: format!("/orders/{}", order.id),
            order: Some(order),
        })
    }

    pub fn number(&self) -> &str {
        self.order.as_ref().map_or("", |order| &order.number)
    }
}

#[derive(Serialize)]
struct BasketPage {
    path: String,
    back: String,
    /// Of the order that is changed, or empty.
    number: String,
    groups: Vec<Group>,
    problems: Vec<ProblemView>,
}

/// The cases of one enterprise or person.
#[derive(Serialize)]
struct Group {
    subject: String,
    cases: Vec<Choice>,
}

#[derive(Serialize)]
struct Choice {
    id: String,
    element: String,
    number: String,
    service: String,
    project: String,
    state: String,
    since: String,
    chosen: bool,
    /// It is in the order that is changed.
    inside: bool,
}

/// The cases that an address or a form names, each once.
pub fn chosen<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<CaseId> {
    let mut ids: Vec<CaseId> = Vec::new();
    for (name, value) in entries {
        if name == "case" && value.len() <= ID_LIMIT && ids.len() < NAMED {
            let id = CaseId::from_stored(value);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// The cases that an address names, and whether it says that somebody went on with none.
pub fn asked(query: Option<&str>) -> (Vec<CaseId>, bool) {
    let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
    let ids = chosen(pairs.iter().map(|(name, value)| (&**name, &**value)));
    let went_on = pairs.iter().any(|(name, _)| name == "none");
    (ids, went_on)
}

/// `?case=a&case=b` after a path.
pub fn with_cases(path: &str, cases: &[CaseId]) -> String {
    let mut query = Serializer::new(String::new());
    for case in cases {
        query.append_pair("case", case.as_str());
    }
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

pub async fn new(applicant: Applicant, RawQuery(query): RawQuery) -> Result<Response, WebError> {
    let (chosen, none) = asked(query.as_deref());
    render(&applicant, &Place::new(), &chosen, none).await
}

pub async fn edit(
    applicant: Applicant,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, WebError> {
    let place = Place::of_order(&applicant, &id).await?;
    let (chosen, none) = asked(query.as_deref());
    render(&applicant, &place, &chosen, none).await
}

async fn render(
    applicant: &Applicant,
    place: &Place,
    wanted: &[CaseId],
    none: bool,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let (inside, free) = selectable(applicant, place).await?;
    let known = |id: &CaseId| inside.iter().chain(&free).any(|case| case.id == *id);
    let gone = wanted.iter().filter(|id| !known(id)).count();
    let mut problems = Vec::new();
    let mut say = |message: String| {
        problems.push(Problem {
            item: None,
            message,
            offer: None,
        });
    };
    if none {
        say(visit.text("basket.none").to_owned());
    }
    if gone > 0 {
        let count = gone.to_string();
        say(crate::texts::fill(
            visit.text("basket.gone"),
            &[("count", &count)],
        ));
    }
    let preselected: Vec<CaseId> = match (wanted, inside.is_empty()) {
        // Who changes an order begins with what is in it.
        ([], false) if !none => inside.iter().map(|case| case.id.clone()).collect(),
        // The only case that there is.
        ([], true) if !none && free.len() == 1 => free.iter().map(|case| case.id.clone()).collect(),
        (wanted, _) => wanted.to_vec(),
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = BasketPage {
        path: place.path.clone(),
        back: place.back.clone(),
        number: place.number().to_owned(),
        groups: groups(visit, &inside, &free, &preselected),
        problems: ProblemView::all(&problems),
    };
    visit.page_with(status, "applicant/orders/basket.html", page)
}

/// What is in the order that is changed, and what else may be put into one.
async fn selectable(
    applicant: &Applicant,
    place: &Place,
) -> Result<(Vec<BasketCase>, Vec<BasketCase>), WebError> {
    let visit = &applicant.visit;
    let free = visit
        .state
        .engine
        .basket_cases(&visit.site.id, &applicant.account)
        .await?;
    let Some(order) = &place.order else {
        return Ok((Vec::new(), free));
    };
    let viewer = Actor::Applicant(applicant.account.clone());
    let engine = &visit.state.engine;
    let inside = engine
        .order_cases(&visit.site.id, &viewer, &order.id)
        .await?;
    let free = free
        .into_iter()
        .filter(|case| inside.iter().all(|other| other.id != case.id))
        .collect();
    Ok((inside, free))
}

fn groups(
    visit: &Visit,
    inside: &[BasketCase],
    free: &[BasketCase],
    wanted: &[CaseId],
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let all = inside
        .iter()
        .map(|case| (case, true))
        .chain(free.iter().map(|case| (case, false)));
    for (place, (case, inside)) in all.enumerate() {
        let choice = Choice {
            id: case.id.to_string(),
            element: format!("case-{place}"),
            number: case.number.clone(),
            service: case.service.clone(),
            project: case.project.clone(),
            state: case.state.clone(),
            since: case.since.minute(),
            chosen: wanted.contains(&case.id),
            inside,
        };
        let subject = if case.subject.is_empty() {
            visit.text("basket.unnamed")
        } else {
            case.subject.as_str()
        };
        match groups.iter_mut().find(|group| group.subject == subject) {
            Some(group) => group.cases.push(choice),
            None => groups.push(Group {
                subject: subject.to_owned(),
                cases: vec![choice],
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_each_case_once_and_not_endlessly_many() {
        let (ids, none) = asked(Some("case=a&x=y&case=b&case=a"));
        assert_eq!(ids, ["a", "b"].map(CaseId::from_stored));
        assert!(!none);
        assert!(asked(Some("none=1")).1);
        let many: String = (0..10_000).map(|n| format!("case={n}&")).collect();
        assert_eq!(asked(Some(&many)).0.len(), NAMED);
        let long = format!("case={}", "x".repeat(ID_LIMIT + 1));
        assert!(asked(Some(&long)).0.is_empty());
        assert!(asked(None).0.is_empty());
    }

    #[test]
    fn cases_are_kept_in_addresses() {
        let ids = ["a&b", "c"].map(CaseId::from_stored);
        let path = with_cases("/orders/new", &ids);
        assert_eq!(path, "/orders/new?case=a%26b&case=c");
        assert_eq!(asked(path.split_once('?').map(|(_, query)| query)).0, ids);
        assert_eq!(with_cases("/orders/new", &[]), "/orders/new");
    }
}
