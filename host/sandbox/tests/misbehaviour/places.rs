//! Places and turns: how many guests run at the same time, and who waits for whom.

use crate::{call, failed, ready, shared_call};
use std::time::Duration;
use yinxin_sandbox::{Failure, Limits, Settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_is_called_too_often_leaves_places_to_others() {
    let (sandbox, guest) = ready(Settings {
        places: 8,
        ..Settings::default()
    });
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_places_wait_their_turn() {
    let (sandbox, guest) = ready(Settings {
        places: 2,
        ..Settings::default()
    });
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
    let (sandbox, guest) = ready(Settings {
        turns: 1,
        ..Settings::default()
    });
    let long = Limits {
        guest_time: Duration::from_secs(1),
        total_time: Duration::from_secs(60),
        ..Limits::default()
    };
    let mut endless = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (sandbox, guest, long) = (sandbox.clone(), guest.clone(), long.clone());
        endless.spawn(async move {
            failed::<()>(&sandbox, &guest, &long, "endless")
                .await
                .failure
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_whose_calls_often_take_long_waits_for_its_turn_before_they_begin() {
    // No turn is ever given, so that what needs one shows.
    let (sandbox, guest) = ready(Settings {
        turns: 0,
        ..Settings::default()
    });
    let (heavy, other) = (sandbox.share(), sandbox.share());
    let limits = Limits {
        total_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let good = async |share| {
        shared_call::<(u32,)>(&sandbox, &guest, &limits, Duration::ZERO, "good", share)
            .await
            .map_err(|error| error.failure)
    };
    let busy = Failure::Busy {
        waited: limits.total_time,
    };
    assert!(good(Some(&heavy)).await.is_ok());
    let mut begun = 0;
    let refused = loop {
        // Each keeps its thread for some milliseconds, until it would need a turn, and is given up.
        let endless = (0..16).map(|_| {
            let (share, none) = (Some(&heavy), Duration::ZERO);
            shared_call::<()>(&sandbox, &guest, &limits, none, "endless", share)
        });
        let stopped = futures::future::join_all(endless).await;
        assert!(stopped.iter().all(Result::is_err));
        begun += 1;
        assert!(begun < 100, "it is never made to wait");
        if let Err(refused) = good(Some(&heavy)).await {
            break refused;
        }
    };
    assert_eq!(refused, busy);
    assert!(good(Some(&other)).await.is_ok());
    // It is as good as any other after a while.
    let again = async {
        while good(Some(&heavy)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), again).await;
    assert!(waited.is_ok(), "it waits for ever");
}
