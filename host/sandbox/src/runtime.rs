//! The runtime that guests share with all else that the process does.

use tokio::runtime::{Builder, Runtime};

/// After so many tasks a thread looks whether a socket has something new. A guest's task may keep its thread for two ticks
/// of the engine's clock: after sixty-one of them, which is tokio's own number, what a database or a browser has sent would
/// be seen half a second late.
const TASKS: u32 = 4;

/// A runtime for the whole process, with a thread for each core.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .event_interval(TASKS)
        .enable_all()
        .build()
}
