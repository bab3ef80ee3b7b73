//! Whatever a guest does, the call ends in the error that names it, and the next call is as good as the first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod harm;
mod loading;
mod places;

use std::time::Duration;
use yinxin_sandbox::wasmtime::component::{
    ComponentNamedList, Instance, InstancePre, Lift, Linker,
};
use yinxin_sandbox::wasmtime::{Store, StoreContextMut};
use yinxin_sandbox::{Call, CallError, Limits, Room, Sandbox, Settings, Share};

const GUEST: &str = include_str!("guest.wat");

/// The host's part of these calls: how long `wait` takes, and how often it was asked.
struct Host {
    pause: Duration,
    asked: u32,
}

fn guest() -> Vec<u8> {
    wat::parse_str(GUEST).unwrap()
}

/// A sandbox with the guest in it.
fn ready(settings: Settings) -> (Sandbox, InstancePre<Room<Host>>) {
    let sandbox = Sandbox::new(settings).unwrap();
    let guest = prepare(&sandbox, &guest());
    (sandbox, guest)
}

fn prepare(sandbox: &Sandbox, bytes: &[u8]) -> InstancePre<Room<Host>> {
    let loaded = sandbox.load(bytes).unwrap();
    let mut linker: Linker<Room<Host>> = Linker::new(sandbox.engine());
    let mut host = linker.instance("host").unwrap();
    host.func_wrap_async(
        "wait",
        |mut store: StoreContextMut<'_, Room<Host>>, (): ()| {
            Box::new(async move {
                let since = store.data_mut().begins_to_wait();
                let pause = store.data().host.pause;
                tokio::time::sleep(pause).await;
                store.data_mut().goes_on(since).await;
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
        "take-text",
        |_: StoreContextMut<'_, Room<Host>>, (_text,): (String,)| Ok(()),
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

/// A call that must not come back.
async fn failed<R>(
    sandbox: &Sandbox,
    guest: &InstancePre<Room<Host>>,
    limits: &Limits,
    export: &'static str,
) -> CallError
where
    R: Send + Sync + 'static,
    R: ComponentNamedList + Lift,
{
    let outcome = call::<R>(sandbox, guest, limits, Duration::ZERO, export).await;
    outcome
        .err()
        .unwrap_or_else(|| panic!("{export} came back"))
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
