//! Hands that move a case: an applicant's and a clerk's, every way that `handle` can go.

use super::*;
use crate::console::{at_work, hire};
use crate::hall::{Browser, send};
use http::{Method, header};

#[tokio::test(flavor = "multi_thread")]
async fn every_misbehaviour_has_a_plain_page_and_changes_nothing() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let plugin = hall.registry.plugin(&site(), "hostile").unwrap();
    let lifecycle = &plugin.definition.lifecycles[0];
    let mut case = begin(&mut person, &hall, "new").await;
    let mut harms = 0;
    for transition in &lifecycle.transitions {
        let id = transition.id.as_str();
        let path = format!("/cases/{case}/actions/{id}");
        let asked = person.get(&hall, &path).await;
        assert_eq!(asked.status, StatusCode::OK, "{id}: {}", asked.body);

        let before = standing(&person, &hall, &case).await;
        let rows = kept(&hall).await;
        let typed = format!("我写的说明 {id} & 一二三");
        let body = format!(
            "_version={}&remark={}",
            before.1,
            encoded(&typed.replace('&', "%26"))
        );
        let answer = person.post(&hall, &path, &body).await;
        let after = standing(&person, &hall, &case).await;
        if WELL.contains(&id) {
            assert_eq!(
                answer.status,
                StatusCode::SEE_OTHER,
                "{id}: {}",
                answer.body
            );
            assert_eq!(after.0, "done", "{id}");
            case = begin(&mut person, &hall, "new").await;
            continue;
        }
        assert_eq!(after, before, "{id}");
        assert_eq!(kept(&hall).await, rows, "{id}");
        if !is_put_off(&answer, &typed, id) {
            continue;
        }
        harms += 1;
        // The case's page is as it was, and the site's others too.
        let page = person.get(&hall, &format!("/cases/{case}")).await;
        assert_eq!(page.status, StatusCode::OK, "after {id}");
    }
    assert!(harms >= 20, "{harms}");
}

/// A clerk's action with what he typed.
async fn act(hall: &Hall, clerk: &Browser, path: &str, answers: &[(&str, &str)]) -> Answer {
    let mut body = String::new();
    for (name, value) in answers {
        body.push_str(&format!(
            "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--x--\r\n");
    let request = clerk
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    send(hall, request.body(body.into()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_is_told_so_and_finds_the_case_and_his_words_as_they_were() {
    let hall = wild().await;
    hire(&hall).await;
    let mut person = Person::new(&hall, "li").await;
    let (mut reviewer, token) = at_work(&hall, "reviewer").await;
    let case = begin(&mut person, &hall, "moved").await;
    let path = format!("/console/cases/{case}/actions/told-decide");
    let misbehaviours = misbehaviours(&hall);
    assert!(misbehaviours.len() >= 20, "{misbehaviours:?}");
    for told in &misbehaviours {
        fill(&mut person, &hall, &case, told).await;
        let asked = reviewer.get(&hall, &path).await;
        assert_eq!(asked.status, StatusCode::OK, "{told}: {}", asked.body);
        let before = standing(&person, &hall, &case).await;
        let rows = kept(&hall).await;
        let typed = format!("经办人的话 {told} & 一二三");
        let version = before.1.to_string();
        let answers = [
            ("_csrf", token.as_str()),
            ("_version", &version),
            ("remark", &typed),
        ];
        let answer = act(&hall, &reviewer, &path, &answers).await;
        assert_eq!(standing(&person, &hall, &case).await, before, "{told}");
        assert_eq!(kept(&hall).await, rows, "{told}");
        if !is_put_off(&answer, &typed, told) {
            continue;
        }
        let page = reviewer.get(&hall, &format!("/console/cases/{case}")).await;
        assert_eq!(page.status, StatusCode::OK, "after {told}");
    }
    fill(&mut person, &hall, &case, "").await;
    let version = standing(&person, &hall, &case).await.1.to_string();
    let answers = [
        ("_csrf", token.as_str()),
        ("_version", &version),
        ("remark", "好"),
    ];
    let answer = act(&hall, &reviewer, &path, &answers).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(standing(&person, &hall, &case).await.0, "making");
}
