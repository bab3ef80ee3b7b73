//! A person's own account: profile, password, sessions.

pub mod password;
pub mod profile;
pub mod sessions;
