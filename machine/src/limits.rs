//! Limits of the state. All nodes must decide by the same ones: a change of a limit is a change of
//! the log's layout and needs a new `ENTRY_VERSION`.

use std::time::Duration;

/// Most devices of one user. A new one replaces one whose certificate has expired. Revoked ones
/// count, and stay for good.
pub const MAX_DEVICES_PER_USER: usize = cameo_common::identity::MAX_DEVICES;
/// Most grants that one user is a party to. Ended ones count until they are compacted. It bounds
/// the user's mail too, of which a grant has one piece at most: an ending is never refused because
/// its viewer has too much.
pub const MAX_GRANTS_PER_USER: u32 = 100_000;
/// Notices kept for one user; the oldest is dropped first, so that nobody is refused for another
/// user's silence. Mail is not counted and never dropped.
pub const MAX_NOTICES_PER_USER: u32 = 1_000;
/// Most sessions that one entry may expire.
pub const MAX_EXPIRED_PER_ENTRY: usize = 1_000;
/// Most invites that are open at a time.
pub const MAX_INVITES: usize = 1_000;
/// Old replies that one entry evicts: more than the one that it may add, so the table shrinks.
pub const RETRIES_EVICTED_PER_ENTRY: usize = 4;

/// Interval of log time at which a grant is looked at, and the least time for which one is kept
/// after its end.
pub const GRANT_RETENTION: Duration = cameo_common::api::GRANT_RETENTION;
/// How old a viewer's request may be when its grant is made, and how far ahead it may be dated.
pub const REQUEST_LIFETIME: Duration = cameo_common::api::REQUEST_LIFETIME;
/// Deals and views of compacted grants that one entry removes.
pub const CLEARED_PER_ENTRY: usize = 8;
/// Rows of grants that have expired that one entry takes out of the counts of a descriptor.
pub const EXPIRED_PER_ENTRY: usize = 2;
/// Expired grants of one descriptor that a change of nodes leaves out of its count.
pub const COUNTED_PER_DESCRIPTOR: usize = 1_000;
/// Grants that the refusal of a change of nodes names.
pub const NAMED_GRANTS: usize = 5;

/// How long the reply of a command is kept, in log time.
pub const RETRY_RETENTION: Duration = cameo_common::api::RETRY_RETENTION;
/// How long after its debit a view may be resumed, in log time.
pub const RESUME_WINDOW: Duration = cameo_common::api::RESUME_WINDOW;

// A call that the edge accepts must end before the retry table drops its reply.
const _: () =
    assert!(cameo_common::api::MAX_CALL_LIFETIME.as_millis() < RETRY_RETENTION.as_millis());
const _: () = assert!(RETRIES_EVICTED_PER_ENTRY > 1);
// More than the one that an entry may add, so that none stays for good.
const _: () = assert!(EXPIRED_PER_ENTRY > 1);
// A grant is made less than one lifetime before or after the time that its request states, and kept
// for at least two retentions. So the request is too old for another one when the first is gone.
const _: () = assert!(REQUEST_LIFETIME.as_millis() * 2 <= GRANT_RETENTION.as_millis());
// A view is not resumed, and no command repeated, after its grant is gone.
const _: () = assert!(RESUME_WINDOW.as_millis() < GRANT_RETENTION.as_millis());
