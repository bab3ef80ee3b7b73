//! The real server, killed and robbed of what it needs, while people work on every site that `yinxin_house::sites` knows.
//!
//! Everything that somebody sends and every answer is written into a diary outside of the server. After each kill, while
//! the server is down, after each start, and at the end, each acknowledged step is looked for in the database: histories,
//! orders, payments, refunds, uploads, accounts. What was acknowledged is there; what can be done once was acknowledged
//! once and stands there once; what was tried again stands there no more often than it was sent; and no row that stood
//! there before is gone or changed. At the end providers and books are compared, nothing waits for ever, and each history
//! and all that applicants were told is as on a way without a kill.
//!
//! `YINXIN_KILLS`: how often the server is killed over each database; `YINXIN_KILLS_SEED`: the first number of chance;
//! `YINXIN_KILLS_DATABASE`: `sqlite` or `postgres` alone; `YINXIN_OUTAGE_SECONDS`: how long each outage lasts by the clock,
//! 180 say, instead of moving the dates of what waits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod killing;
mod neighbours;
mod outages;
mod scene;
