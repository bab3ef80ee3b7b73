//! What a guest does wrong, and the error that names it.

use crate::{call, failed, ready, short};
use std::time::Duration;
use yinxin_sandbox::{CallError, Failure, Limits, Settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misbehaviour_has_its_error_and_leaves_the_sandbox_whole() {
    let (sandbox, guest) = ready(Settings::default());
    let limits = short();
    let time = Failure::GuestTime {
        limit: limits.guest_time,
    };
    let cases = [
        ("endless", time.clone()),
        ("copy-forever", time),
        (
            "grow-memory",
            Failure::Memory {
                limit: 32 << 20,
                wanted: 1025 << 16,
            },
        ),
        (
            "grow-table",
            Failure::Table {
                limit: 10_000,
                wanted: 100_001,
            },
        ),
        ("panic", Failure::Panic),
        ("recurse", Failure::StackOverflow),
        (
            "divide",
            Failure::Trap {
                kind: "wasm trap: integer divide by zero".into(),
            },
        ),
        ("hand-over", Failure::HostCallBytes { limit: 4 << 20 }),
        ("effects-forever", Failure::EffectsCount { limit: 1000 }),
    ];
    for (export, failure) in cases {
        assert_eq!(
            failed::<()>(&sandbox, &guest, &limits, export).await,
            CallError {
                plugin: "hostile".into(),
                export,
                failure
            }
        );
        let (value, _) = call::<(u32,)>(&sandbox, &guest, &limits, Duration::ZERO, "good")
            .await
            .unwrap();
        assert_eq!(value, (7,), "after {export}");
    }
    let much = failed::<(Vec<u8>,)>(&sandbox, &guest, &limits, "return-much").await;
    assert_eq!(much.failure, Failure::ResultTooLarge { limit: 4 << 20 });
    assert_eq!(
        much.to_string(),
        "plugin `hostile`, `return-much`: returned more than 4194304 bytes"
    );
    let outside = failed::<(Vec<u8>,)>(&sandbox, &guest, &limits, "return-outside").await;
    assert!(
        matches!(outside.failure, Failure::BadResult { .. }),
        "{outside}"
    );
    let no_text = failed::<(String,)>(&sandbox, &guest, &limits, "return-no-text").await;
    assert!(
        matches!(no_text.failure, Failure::BadResult { .. }),
        "{no_text}"
    );
    for export in ["hand-outside", "hand-crooked", "hand-no-text"] {
        let handed = failed::<()>(&sandbox, &guest, &limits, export).await;
        assert!(
            matches!(handed.failure, Failure::BadArguments { .. }),
            "{handed}"
        );
    }
}

/// What is one list in the guest's memory would be a hundred at the host, or a hundred times a hundred.
#[tokio::test]
async fn lists_that_alias_one_another_count_each_time() {
    let (sandbox, guest) = ready(Settings::default());
    let limits = short();
    let lists = failed::<(Vec<Vec<u8>>,)>(&sandbox, &guest, &limits, "return-aliases");
    let nested = failed::<(Vec<Vec<Vec<String>>>,)>(&sandbox, &guest, &limits, "return-nested");
    let too_large = Failure::ResultTooLarge { limit: 4 << 20 };
    assert_eq!(lists.await.failure, too_large);
    assert_eq!(nested.await.failure, too_large);
    let handed = failed::<()>(&sandbox, &guest, &limits, "hand-aliases").await;
    assert_eq!(handed.failure, Failure::HostCallBytes { limit: 4 << 20 });
}

/// A bulk instruction cannot be interrupted; that a memory is small bounds it.
#[tokio::test]
async fn one_instruction_over_all_memory_ends() {
    let (sandbox, guest) = ready(Settings::default());
    let limits = short();
    for export in ["copy-once", "fill-once"] {
        let done = call::<()>(&sandbox, &guest, &limits, Duration::ZERO, export).await;
        assert!(done.is_ok(), "{export}: {}", done.err().unwrap());
    }
    for (export, kind) in [
        ("copy-beyond", "wasm trap: out of bounds memory access"),
        ("call-nobody", "wasm trap: uninitialized element"),
    ] {
        let trapped = failed::<()>(&sandbox, &guest, &limits, export).await;
        assert_eq!(trapped.failure, Failure::Trap { kind: kind.into() });
    }
    let all = failed::<()>(&sandbox, &guest, &limits, "grow-to-the-end").await;
    assert_eq!(
        all.failure,
        Failure::Memory {
            limit: 32 << 20,
            wanted: 4 << 30
        }
    );
}

#[tokio::test]
async fn nothing_in_memory_outlives_a_call() {
    let (sandbox, guest) = ready(Settings {
        places: 1,
        ..Settings::default()
    });
    for _ in 0..5 {
        let (value, _) = call::<(u32,)>(&sandbox, &guest, &short(), Duration::ZERO, "remember")
            .await
            .unwrap();
        assert_eq!(value, (1,));
    }
}

#[tokio::test]
async fn waiting_for_the_host_is_not_guest_time_but_total_time() {
    let (sandbox, guest) = ready(Settings::default());
    let limits = Limits {
        guest_time: Duration::from_millis(100),
        total_time: Duration::from_millis(700),
        ..Limits::default()
    };
    let pause = Duration::from_millis(150);
    let ((), host) = call::<()>(&sandbox, &guest, &limits, pause, "wait-once")
        .await
        .unwrap();
    assert_eq!(host.asked, 1);
    let slow = call::<()>(&sandbox, &guest, &limits, pause, "wait-forever")
        .await
        .err()
        .unwrap();
    assert_eq!(
        slow.failure,
        Failure::TotalTime {
            limit: limits.total_time
        }
    );
    assert!(
        call::<(u32,)>(&sandbox, &guest, &limits, pause, "good")
            .await
            .is_ok()
    );
}
