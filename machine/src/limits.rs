//! Limits of the state. All nodes must decide by the same ones: a change of a limit is a change of
//! the log's layout and needs a new `ENTRY_VERSION`.

use std::time::Duration;

/// Most devices of one user. A new one replaces one whose certificate has expired.
pub const MAX_DEVICES_PER_USER: usize = 16;
/// Most grants that one user is a party to. Ended ones count, because their views are kept.
pub const MAX_GRANTS_PER_USER: u32 = 100_000;
/// Notices kept for one user; the oldest is dropped first. Mail is not counted and never dropped.
pub const MAX_NOTICES_PER_USER: u32 = 1_000;
/// Most sessions that one entry may expire.
pub const MAX_EXPIRED_PER_ENTRY: usize = 1_000;
/// Most invites that are open at a time.
pub const MAX_INVITES: usize = 1_000;
/// Old replies that one entry evicts: more than the one that it may add, so the table shrinks.
pub const RETRIES_EVICTED_PER_ENTRY: usize = 4;

/// How long the reply of a command is kept, in log time.
pub const RETRY_RETENTION: Duration = cameo_common::api::RETRY_RETENTION;
/// How long after its debit a view may be resumed, in log time.
pub const RESUME_WINDOW: Duration = cameo_common::api::RESUME_WINDOW;

// A call that the edge accepts must end before the retry table drops its reply.
const _: () =
    assert!(cameo_common::api::MAX_CALL_LIFETIME.as_millis() < RETRY_RETENTION.as_millis());
const _: () = assert!(RETRIES_EVICTED_PER_ENTRY > 1);
