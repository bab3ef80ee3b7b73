//! Payment providers that lie, repeat themselves and fall silent, over the wire; and people who do the same thing at the
//! same moment. Both on SQLite and on PostgreSQL, through the whole router.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod courses;
mod ends;
#[path = "../web/hall.rs"]
#[expect(dead_code, reason = "other tests log in at the door")]
mod hall;
mod lies;
#[path = "../web/market.rs"]
#[expect(dead_code, reason = "other tests have one till, and a slip")]
mod market;
mod providers;
mod races;
mod rules;
#[path = "../web/till.rs"]
#[expect(dead_code, reason = "this hall has both providers")]
mod till;
mod world;
