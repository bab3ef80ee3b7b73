//! Whatever a guest does, the call ends in the error that names it, and the next call is as good as the first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::time::Duration;
use yinxin_sandbox::wasmtime::component::{
    ComponentNamedList, Instance, InstancePre, Lift, Linker,
};
use yinxin_sandbox::wasmtime::{self, Store, StoreContextMut};
use yinxin_sandbox::{
    Cache, Call, CallError, Failure, Limits, LoadError, Room, Sandbox, Settings, Share,
};

const GUEST: &str = include_str!("guest.wat");

/// The host's part of these calls: how long `wait` takes, and how often it was asked.
struct Host {
    pause: Duration,
    asked: u32,
}

fn guest() -> Vec<u8> {
    wat::parse_str(GUEST).unwrap()
}

fn prepare(sandbox: &Sandbox, bytes: &[u8]) -> InstancePre<Room<Host>> {
    let loaded = sandbox.load(bytes).unwrap();
    let mut linker: Linker<Room<Host>> = Linker::new(sandbox.engine());
    let mut host = linker.instance("host").unwrap();
    host.func_wrap_async(
        "wait",
        |mut store: StoreContextMut<'_, Room<Host>>, (): ()| {
            Box::new(async move {
                let since = store.data_mut().wait();
                let pause = store.data().host.pause;
                tokio::time::sleep(pause).await;
                store.data_mut().waited_since(since);
                store.data_mut().host.asked += 1;
                Ok(())
            })
        },
    )
    .unwrap();
    host.func_wrap(
        "take",
        |_: StoreContextMut<'_, Room<Host>>, (_bytes,): (Vec<u8>,)| Ok(()),
    )
    .unwrap();
    host.func_wrap(
        "take-many",
        |_: StoreContextMut<'_, Room<Host>>, (_lists,): (Vec<Vec<u8>>,)| Ok(()),
    )
    .unwrap();
    host.func_wrap(
        "effect",
        |mut store: StoreContextMut<'_, Room<Host>>, (): ()| {
            store.data_mut().budget.effect(8)?;
            Ok(())
        },
    )
    .unwrap();
    host.func_wrap(
        "fail",
        |_: StoreContextMut<'_, Room<Host>>, (): ()| -> wasmtime::Result<()> {
            Err(wasmtime::Error::msg("no disk"))
        },
    )
    .unwrap();
    linker.instantiate_pre(&loaded.component).unwrap()
}

async fn call<R>(
    sandbox: &Sandbox,
    guest: &InstancePre<Room<Host>>,
    limits: &Limits,
    pause: Duration,
    export: &'static str,
) -> Result<(R, Host), CallError>
where
    R: Send + Sync + 'static,
    R: ComponentNamedList + Lift,
{
    shared_call(sandbox, guest, limits, pause, export, None).await
}

async fn shared_call<R>(
    sandbox: &Sandbox,
    guest: &InstancePre<Room<Host>>,
    limits: &Limits,
    pause: Duration,
    export: &'static str,
    share: Option<&Share>,
) -> Result<(R, Host), CallError>
where
    R: Send + Sync + 'static,
    R: ComponentNamedList + Lift,
{
    let run = async |mut store: Store<Room<Host>>, instance: Instance| {
        let result = async {
            let function = instance.get_typed_func::<(), R>(&mut store, export)?;
            function.call_async(&mut store, ()).await
        };
        let result = result.await;
        (store, result)
    };
    sandbox
        .call(
            Call {
                plugin: "hostile",
                export,
                limits,
                share,
            },
            guest,
            Host { pause, asked: 0 },
            run,
        )
        .await
}

fn short() -> Limits {
    Limits {
        guest_time: Duration::from_millis(60),
        total_time: Duration::from_secs(20),
        effects_count: 1000,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misbehaviour_has_its_error_and_leaves_the_sandbox_whole() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let guest = prepare(&sandbox, &guest());
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
        (
            "host-fails",
            Failure::Host {
                reason: "no disk".into(),
            },
        ),
    ];
    for (export, failure) in cases {
        let outcome = call::<()>(&sandbox, &guest, &limits, Duration::ZERO, export).await;
        let error = outcome
            .err()
            .unwrap_or_else(|| panic!("{export} came back"));
        assert_eq!(
            error,
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
    let much = call::<(Vec<u8>,)>(&sandbox, &guest, &limits, Duration::ZERO, "return-much")
        .await
        .err()
        .unwrap();
    assert_eq!(much.failure, Failure::ResultTooLarge { limit: 4 << 20 });
    assert_eq!(
        much.to_string(),
        "plugin `hostile`, `return-much`: returned more than 4194304 bytes"
    );
    let outside = call::<(Vec<u8>,)>(&sandbox, &guest, &limits, Duration::ZERO, "return-outside")
        .await
        .err()
        .unwrap();
    assert!(
        matches!(outside.failure, Failure::BadResult { .. }),
        "{outside}"
    );
    let no_text = call::<(String,)>(&sandbox, &guest, &limits, Duration::ZERO, "return-no-text")
        .await
        .err()
        .unwrap();
    assert!(
        matches!(no_text.failure, Failure::BadResult { .. }),
        "{no_text}"
    );
}

/// What is one list in the guest's memory would be a hundred at the host, or a hundred times a hundred.
#[tokio::test]
async fn lists_that_alias_one_another_count_each_time() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let guest = prepare(&sandbox, &guest());
    let limits = short();
    let lists =
        call::<(Vec<Vec<u8>>,)>(&sandbox, &guest, &limits, Duration::ZERO, "return-aliases");
    let nested = call::<(Vec<Vec<Vec<String>>>,)>(
        &sandbox,
        &guest,
        &limits,
        Duration::ZERO,
        "return-nested",
    );
    let too_large = Failure::ResultTooLarge { limit: 4 << 20 };
    assert_eq!(lists.await.err().unwrap().failure, too_large);
    assert_eq!(nested.await.err().unwrap().failure, too_large);
    let handed = call::<()>(&sandbox, &guest, &limits, Duration::ZERO, "hand-aliases").await;
    assert_eq!(
        handed.err().unwrap().failure,
        Failure::HostCallBytes { limit: 4 << 20 }
    );
}

/// A bulk instruction cannot be interrupted; that a memory is small bounds it.
#[tokio::test]
async fn one_instruction_over_all_memory_ends() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let guest = prepare(&sandbox, &guest());
    let limits = short();
    for export in ["copy-once", "fill-once"] {
        let done = call::<()>(&sandbox, &guest, &limits, Duration::ZERO, export).await;
        assert!(done.is_ok(), "{export}: {}", done.err().unwrap());
    }
    for (export, kind) in [
        ("copy-beyond", "wasm trap: out of bounds memory access"),
        ("call-nobody", "wasm trap: uninitialized element"),
    ] {
        let trapped = call::<()>(&sandbox, &guest, &limits, Duration::ZERO, export).await;
        assert_eq!(
            trapped.err().unwrap().failure,
            Failure::Trap { kind: kind.into() }
        );
    }
    let all = call::<()>(&sandbox, &guest, &limits, Duration::ZERO, "grow-to-the-end").await;
    assert_eq!(
        all.err().unwrap().failure,
        Failure::Memory {
            limit: 32 << 20,
            wanted: 4 << 30
        }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_is_called_too_often_leaves_places_to_others() {
    let sandbox = Sandbox::new(Settings {
        places: 8,
        ..Settings::default()
    })
    .unwrap();
    let guest = prepare(&sandbox, &guest());
    let (greedy, modest) = (sandbox.share(), sandbox.share());
    let slow = Duration::from_secs(600);
    let patient = Limits {
        total_time: Duration::from_secs(600),
        ..Limits::default()
    };
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (sandbox, guest, greedy, patient) = (
            sandbox.clone(),
            guest.clone(),
            greedy.clone(),
            patient.clone(),
        );
        calls.spawn(async move {
            let share = Some(&greedy);
            shared_call::<()>(&sandbox, &guest, &patient, slow, "wait-once", share)
                .await
                .map(|_| ())
        });
    }
    // A quarter of eight is two.
    while sandbox.free_places() > 6 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        let share = Some(&modest);
        let (seven, _) =
            shared_call::<(u32,)>(&sandbox, &guest, &patient, Duration::ZERO, "good", share)
                .await
                .unwrap();
        assert_eq!(seven, (7,));
    }
    assert_eq!(sandbox.free_places(), 6);
    assert!(calls.try_join_next().is_none(), "none of them has ended");
    calls.shutdown().await;
    assert_eq!(sandbox.free_places(), 8);
}

#[tokio::test]
async fn nothing_in_memory_outlives_a_call() {
    let sandbox = Sandbox::new(Settings {
        places: 1,
        ..Settings::default()
    })
    .unwrap();
    let guest = prepare(&sandbox, &guest());
    for _ in 0..5 {
        let (value, _) = call::<(u32,)>(&sandbox, &guest, &short(), Duration::ZERO, "remember")
            .await
            .unwrap();
        assert_eq!(value, (1,));
    }
}

#[tokio::test]
async fn waiting_for_the_host_is_not_guest_time_but_total_time() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let guest = prepare(&sandbox, &guest());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_places_wait_their_turn() {
    let sandbox = Sandbox::new(Settings {
        places: 2,
        ..Settings::default()
    })
    .unwrap();
    let guest = prepare(&sandbox, &guest());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (sandbox, guest) = (sandbox.clone(), guest.clone());
        calls.spawn(async move {
            call::<()>(
                &sandbox,
                &guest,
                &Limits::default(),
                Duration::from_millis(5),
                "wait-once",
            )
            .await
            .map(|_| ())
        });
    }
    while let Some(outcome) = calls.join_next().await {
        outcome.unwrap().unwrap();
    }
    // Both places taken for longer than the third is ready to wait: an error that says so, not one of the pool.
    let impatient = Limits {
        total_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let mut holders = Vec::new();
    for _ in 0..2 {
        let (sandbox, guest) = (sandbox.clone(), guest.clone());
        holders.push(tokio::spawn(async move {
            let patient = Limits::default();
            call::<()>(
                &sandbox,
                &guest,
                &patient,
                Duration::from_secs(3),
                "wait-once",
            )
            .await
            .map(|_| ())
        }));
    }
    // The holders have their places once no call gets through at once.
    let busy = loop {
        match call::<(u32,)>(&sandbox, &guest, &impatient, Duration::ZERO, "good").await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(
        busy.failure,
        Failure::Busy {
            waited: impatient.total_time
        }
    );
    // A caller that goes away frees its place at once.
    holders.iter().for_each(|holder| holder.abort());
    assert!(
        call::<(u32,)>(&sandbox, &guest, &Limits::default(), Duration::ZERO, "good")
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_calls_do_not_wait_for_long_ones() {
    let sandbox = Sandbox::new(Settings {
        turns: 1,
        ..Settings::default()
    })
    .unwrap();
    let guest = prepare(&sandbox, &guest());
    let long = Limits {
        guest_time: Duration::from_secs(1),
        total_time: Duration::from_secs(60),
        ..Limits::default()
    };
    let mut endless = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (sandbox, guest, long) = (sandbox.clone(), guest.clone(), long.clone());
        endless.spawn(async move {
            let called = call::<()>(&sandbox, &guest, &long, Duration::ZERO, "endless").await;
            called.err().unwrap().failure
        });
    }
    while sandbox.free_places() > 64 - 8 {
        tokio::task::yield_now().await;
    }
    // They share one turn, so that none has had its second, or waited four, before some seconds are over; a call in between
    // waits for none of it.
    for _ in 0..200 {
        tokio::task::yield_now().await;
        call::<(u32,)>(&sandbox, &guest, &long, Duration::ZERO, "good")
            .await
            .unwrap();
    }
    assert!(
        endless.try_join_next().is_none(),
        "a short call waited for long ones"
    );
    let stopped = endless.join_all().await;
    let is_stopped = |failure: &Failure| match failure {
        Failure::GuestTime { .. } => true,
        Failure::Busy { waited } => *waited >= 4 * long.guest_time,
        _ => false,
    };
    assert!(stopped.iter().all(is_stopped), "{stopped:?}");
}

#[tokio::test]
async fn what_does_not_fit_into_a_place_is_refused_at_load() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let load = |text: &str| {
        sandbox
            .load(&wat::parse_str(text).unwrap())
            .err()
            .expect("refused")
    };
    let memory =
        load("(component (core module $m (memory 1000)) (core instance (instantiate $m)))");
    assert!(
        matches!(memory, LoadError::Memory { .. } | LoadError::Invalid(_)),
        "{memory}"
    );
    let table =
        load("(component (core module $m (table 20000 funcref)) (core instance (instantiate $m)))");
    assert!(
        matches!(table, LoadError::Table { .. } | LoadError::Invalid(_)),
        "{table}"
    );
    let memories = load(
        "(component (core module $m (memory 1)) (core instance (instantiate $m)) (core instance (instantiate $m)))",
    );
    assert!(
        matches!(memories, LoadError::Memories { .. } | LoadError::Invalid(_)),
        "{memories}"
    );
    let bare = load(r#"(component (import "f" (func)))"#);
    assert!(
        matches!(&bare, LoadError::BareImport(name) if name == "f"),
        "{bare}"
    );
    assert!(matches!(
        sandbox.load(b"not wasm"),
        Err(LoadError::Invalid(_))
    ));
    assert!(matches!(
        sandbox.load(&vec![0; 5 << 20]),
        Err(LoadError::TooLarge { .. })
    ));
}

#[test]
fn imports_are_listed_with_their_functions() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let loaded = sandbox.load(&guest()).unwrap();
    assert_eq!(loaded.imports.len(), 1);
    assert_eq!(loaded.imports[0].interface, "host");
    assert_eq!(
        loaded.imports[0].functions,
        ["wait", "take", "take-many", "effect", "fail"]
    );
    assert!(loaded.exports.iter().any(|name| name == "endless"));
}

#[tokio::test]
async fn the_cache_gives_back_what_this_host_wrote_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compiled");
    let open = |key: u8| {
        let cache = Some(Cache::open(&path, &[key; 32]).unwrap());
        Sandbox::new(Settings {
            cache,
            ..Settings::default()
        })
        .unwrap()
    };
    let works = async |sandbox: &Sandbox| {
        let guest = prepare(sandbox, &guest());
        assert!(
            call::<(u32,)>(sandbox, &guest, &Limits::default(), Duration::ZERO, "good")
                .await
                .is_ok()
        );
    };
    let file = || {
        let files: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    };

    works(&open(1)).await;
    let written = std::fs::read(file()).unwrap();
    works(&open(1)).await;
    assert_eq!(
        std::fs::read(file()).unwrap(),
        written,
        "taken from the cache"
    );

    // One bit in the code, a cut, an empty file: compiled again and mended.
    let mut flipped = written.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [flipped, written[..1000].to_vec(), Vec::new()] {
        // In its place, as the files themselves cannot be written to.
        let place = file();
        std::fs::remove_file(&place).unwrap();
        std::fs::write(place, &damaged).unwrap();
        works(&open(1)).await;
        assert_eq!(std::fs::read(file()).unwrap().len(), written.len());
    }

    // Another host's file is not run: it is replaced by one under this host's key.
    let before = std::fs::read(file()).unwrap();
    works(&open(2)).await;
    let tag = before.len() - 32;
    assert_ne!(std::fs::read(file()).unwrap()[tag..], before[tag..]);

    // A folder that others can write to is not used.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Cache::open(&path, &[1; 32]).is_err());
}
