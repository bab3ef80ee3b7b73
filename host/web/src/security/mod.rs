//! What stands around every page: headers, forged and too frequent requests, failures, the log.

pub mod client;
pub mod csrf;
pub mod failures;
pub mod headers;
pub mod rate_limit;
pub mod request_log;
pub mod token;
