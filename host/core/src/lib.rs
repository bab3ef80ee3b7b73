//! Words of the domain: ids, money, dates and working-day calendars, check characters, form values, definitions and
//! their lint. No I/O happens here; whatever is parsed here is never parsed again inside.

pub mod definition;
pub mod identity;
pub mod ids;
pub mod money;
pub mod rules;
pub mod time;
