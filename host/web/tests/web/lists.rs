//! Lists of cases, as clerks see them.

use crate::console::{at_work, staffed};

#[tokio::test]
async fn a_list_without_cases_says_which_of_three_reasons_it_has() {
    let hall = staffed().await;
    let (mut browser, _) = at_work(&hall, "reviewer").await;
    for (path, says) in [
        ("/console/queues/reviewer", "没有待办"),
        ("/console/search", "还没有申请"),
        ("/console/search?text=x", "没有符合条件的申请"),
    ] {
        let page = browser.get(&hall, path).await.body;
        assert!(
            page.contains(&format!(r#"<p class="panel empty">{says}</p>"#)),
            "{path}: {page}"
        );
    }
}
