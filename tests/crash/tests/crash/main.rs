//! The real server, killed and robbed of what it needs, while people work on both sites. What was acknowledged is there
//! afterwards, nothing has happened twice, and nothing waits for ever.
//!
//! `YINXIN_KILLS`: how often the server is killed over each database; `YINXIN_KILLS_SEED`: the first number of chance;
//! `YINXIN_KILLS_DATABASE`: `sqlite` or `postgres` alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod killing;
mod outages;
