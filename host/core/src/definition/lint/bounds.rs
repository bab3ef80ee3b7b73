//! How much of everything a definition may have. The bounds are far above what the manuals of the regional CAs need,
//! and low enough that no page, table or sheet built from a definition gets out of hand.

/// Ids stand in addresses, column values and CSS classes.
pub(super) const ID_LENGTH: usize = 48;
/// A label stands on one or two lines of a phone's screen.
pub(super) const LABEL_LENGTH: usize = 200;
/// Running text: two A4 pages.
pub(super) const TEXT_LENGTH: usize = 4000;
/// Characters of one answer in a free text field.
pub(super) const ANSWER_LENGTH: u32 = 4000;
/// A long SMS is cut into segments of 67 characters; more than seven of them is a letter.
pub(super) const SMS_LENGTH: usize = 500;

pub(super) const SERVICES: usize = 64;
pub(super) const STEPS: usize = 32;
pub(super) const FORMS: usize = 256;
/// The longest form of the manuals (row H-3) has some 40.
pub(super) const FIELDS: usize = 200;
/// In all forms together: sixty services with a form of the usual size.
pub(super) const ALL_FIELDS: usize = 3000;
/// All cities of a province, all counties of a city.
pub(super) const CHOICES: usize = 200;
pub(super) const MATERIALS: usize = 200;
pub(super) const CHECKS: usize = 32;
pub(super) const DOCUMENTS: usize = 100;
pub(super) const BLOCKS: usize = 200;
pub(super) const MESSAGES: usize = 200;
pub(super) const LIFECYCLES: usize = 64;
pub(super) const STATES: usize = 100;
pub(super) const TRANSITIONS: usize = 400;
pub(super) const GUARDS: usize = 100;
/// Lists of short texts and of names: what to have at hand, reasons for a refusal, versions taken over.
pub(super) const LINES: usize = 50;
/// Findings of one report: nobody reads more before mending the first.
pub(super) const FINDINGS: usize = 500;
/// Characters of a finding's sentence; it names what it is about, and what it is about may be a megabyte long.
pub(super) const SENTENCE: usize = 400;

/// Files of one material.
pub(super) const FILES: u32 = 20;
/// An archive of scans (row X-4) is 20 MB; a sandboxed picture decoder copes with 50 MiB.
pub(super) const FILE_BYTES: u64 = 50 * 1024 * 1024;
/// Days of a timer or a due date: ten years, twice the longest validity of a certificate.
pub(super) const DAYS: u32 = 3650;
