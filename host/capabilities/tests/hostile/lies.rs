//! Definitions that lie: each is refused at activation with a report that an operator can read, and the version before
//! stays.

use crate::guest::{House, describing, entry, manifest, site};
use yinxin_capabilities::{ActivationError, Capability};
use yinxin_sandbox::Failure;
use yinxin_store::testing;

async fn refused(house: &House, lie: &str) -> ActivationError {
    let all = Capability::ALL;
    let activated = house
        .registry
        .activate(
            &house.store,
            &site(),
            &describing(lie),
            &manifest("1.0.0", &all),
            &entry(&all),
        )
        .await;
    let error = activated.err().unwrap_or_else(|| panic!("{lie} went live"));
    let active = house.registry.plugin(&site(), "hostile").unwrap();
    assert_eq!(active.digest, house.plugin.digest, "{lie}");
    error
}

#[tokio::test]
async fn what_no_page_could_show_is_found_by_the_lint() {
    let house = House::open(testing::sqlite().await).await;
    for (lie, place, message) in [
        ("circle", "lifecycle only", "end"),
        ("some-fields", "form main", "fields"),
        ("markup", "hostile", "cannot be printed"),
        ("no-services", "hostile", "offers nothing"),
        ("bad-id", "form", "../../etc/passwd"),
        ("no-bounds", "form main", "characters"),
        ("long-label", "form main", "label"),
    ] {
        let error = refused(&house, lie).await;
        let ActivationError::Lint { findings, .. } = &error else {
            panic!("{lie}: {error}")
        };
        assert!(
            findings
                .iter()
                .any(|finding| finding.place.contains(place) && finding.message.contains(message)),
            "{lie}: {error}"
        );
        // A report, not the lie itself.
        assert!(
            error.to_string().len() < 20_000,
            "{lie}: {}",
            error.to_string().len()
        );
    }
    let error = refused(&house, "another-name").await;
    assert!(
        matches!(&error, ActivationError::Mismatch { what: "name", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_too_much_to_read_is_not_read() {
    let house = House::open(testing::sqlite().await).await;
    for lie in ["many-fields", "many-states"] {
        let error = refused(&house, lie).await;
        assert!(
            matches!(
                &error,
                ActivationError::Describe(call)
                    if matches!(call.failure, Failure::ResultTooLarge { .. } | Failure::Memory { .. })
            ),
            "{lie}: {error}"
        );
    }
    let error = refused(&house, "not-utf8").await;
    assert!(
        matches!(
            &error,
            ActivationError::Describe(call) if matches!(call.failure, Failure::BadResult { .. })
        ),
        "{error}"
    );
}
