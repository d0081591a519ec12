//! The bodies of `/v1`: the only copy, shared by node, client and chaos.
//!
//! JSON over TLS; unknown fields are refused on the way in. What reads, renews or uploads needs no
//! more than the device's key on the connection. What changes the state has
//! [`AUTHORIZATION_HEADER`]: a signed [`crate::op::Authorization`] of the operation that the body
//! stands for, which goes into the log. A debit has none: its view request is signed.

mod error;
mod grants;
mod jobs;
mod nodes;
mod operator;
mod ops;
pub mod paths;
mod users;

use std::time::Duration;

pub use error::{ApiError, ErrorCode};
pub use grants::{
    AckRights, ConfirmRights, Confirmed, CreateGrant, Created, DebitView, Debited, GrantInfo,
    GrantList, GrantsToDealAgain, LogInfo, PutDeal, PutReceipt, PutRights, ReleasePart, Released,
    Reopen, RightsStored, Role, ViewTaken,
};
pub use jobs::{MAX_JOBS_A_CALL, PlaceJob, PlaceJobs, Placed, PlacedJobs, Placement};
pub use nodes::{
    ClusterInfo, DiskInfo, IdentityInfo, JobMemory, LoadInfo, MemberInfo, NodeHealth,
    NodeReadiness, NodeStatus, NotReady, NotReadyCode, StateHash, WaitsForVoters,
};
pub use operator::{
    OperatorCommand, OrderedChange, SignSuccession, SuccessionBegun, SuccessionSigned,
};
pub use users::{
    DeviceInfo, Done, EndSession, Event, EventKind, KeepAlive, Online, Register, Registered,
    ReportOffline, ReportedOffline, RevokeDevice, SessionStarted, StartSession, UserInfo,
};

/// Schema number of every body and of all `--json` output.
pub const SCHEMA: u32 = 1;
/// Header with the base64url of a signed `Authorization`.
pub const AUTHORIZATION_HEADER: &str = "cameo-authorization";
/// Header with the base64url of a signed `OperatorOrder`, or of a `BackupOrder` for a backup.
pub const OPERATOR_HEADER: &str = "cameo-operator";
/// Header with a job's ticket: the base64url of a signed `Ticket`.
pub const TICKET_HEADER: &str = "cameo-ticket";
/// Longest JSON body that a node reads.
pub const MAX_BODY: usize = 256 * 1024;
/// A call's not-after may lie at most this far ahead; the retry table keeps outcomes longer.
pub const MAX_CALL_LIFETIME: Duration = Duration::from_secs(2 * 60);
/// Time that the retry table keeps an outcome, in log time: longer than any call is valid. Nodes
/// keep the table in memory, some 350 bytes for each command of this time.
pub const RETRY_RETENTION: Duration = Duration::from_secs(3 * 60);
/// A view may be resumed on its device for this long, in log time.
pub const RESUME_WINDOW: Duration = Duration::from_secs(10 * 60);
/// A view request may be charged for this long. Shorter than [`RESUME_WINDOW`], so that a request
/// is dead before its device forgets it.
pub const VIEW_REQUEST_LIFETIME: Duration = Duration::from_secs(8 * 60);
/// Time for which the ledger keeps a grant at least after it has ended, in log time; it is gone
/// after twice that time at the latest.
pub const GRANT_RETENTION: Duration = Duration::from_secs(180 * 24 * 3_600);
/// How old a viewer's request may be when its grant is made.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Lease of a session: it ends when no keep-alive comes for this long.
pub const SESSION_LEASE: Duration = Duration::from_secs(15);
/// Interval of an agent's keep-alives.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
