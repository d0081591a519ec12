//! How much of everything the state takes. All nodes decide by them: changing one is changing the
//! layout of the log, and needs a new `ENTRY_VERSION`.

use std::time::Duration;

/// Most devices that speak for one user; expired ones make room for new ones.
pub const MAX_DEVICES_PER_USER: usize = 16;
/// Most grants that one user is a party to, ended ones included: their log is kept.
pub const MAX_GRANTS_PER_USER: u32 = 100_000;
/// Notices kept for one user; the oldest goes first. Mail is not counted and never dropped.
pub const MAX_NOTICES_PER_USER: u32 = 1_000;
/// Most pieces of mail that come to the head of the event stream when a session starts.
pub const MAX_MAIL_RENEWED: usize = 1_000;
/// Most sessions that one entry may expire.
pub const MAX_EXPIRED_PER_ENTRY: usize = 1_000;
/// Old retries that one entry forgets: more than the one that it may add, so the table shrinks.
pub const RETRIES_FORGOTTEN_PER_ENTRY: usize = 4;

/// How long a retried command is remembered, in log time.
pub const RETRY_RETENTION: Duration = cameo_common::api::RETRY_RETENTION;
/// How long after its debit a view may be taken up again, in log time.
pub const RESUME: Duration = cameo_common::api::RESUME;

// A command outlives neither the memory of itself, nor a call's life the check at the edge.
const _: () = assert!(cameo_common::api::MAX_CALL_LIFE.as_millis() < RETRY_RETENTION.as_millis());
const _: () = assert!(RETRIES_FORGOTTEN_PER_ENTRY > 1);
