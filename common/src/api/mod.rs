//! The bodies of `/v1`: the only copy, shared by node, client and judge.
//!
//! JSON; unknown fields are refused on the way in. A call carries its proof in one header,
//! [`CALL_HEADER`]: a signed [`crate::statements::Call`] over method, path, body hash, request id
//! and not-after.

mod error;
mod grants;
mod jobs;
mod nodes;
pub mod paths;
mod users;

pub use error::{ApiError, ErrorCode};
pub use grants::{
    AckRights, CreateGrant, Created, DebitView, Debited, GrantInfo, GrantList, LogInfo, PutReceipt,
    PutRights, ReleasePart, Released, RightsStored, Role, ViewTaken,
};
pub use jobs::{MAX_JOBS_A_CALL, PlaceJob, PlaceJobs, Placed, PlacedJobs, Placement};
pub use nodes::{ClusterInfo, JobMemory, LoadInfo, MemberInfo, NodeStatus, StateHash};
pub use users::{
    DeviceInfo, Done, EndSession, Event, EventKind, KeepAlive, Online, Register, Registered,
    ReportOffline, ReportedOffline, SessionStarted, StartSession, UserInfo,
};

/// Schema number of every body and of everything that `--json` prints.
pub const SCHEMA: u32 = 1;
/// Carries the base64url of a signed `Call`.
pub const CALL_HEADER: &str = "cameo-call";
/// Carries a job's ticket, base64url of a signed `Ticket`.
pub const TICKET_HEADER: &str = "cameo-ticket";
/// Longest JSON body that a node reads.
pub const MAX_BODY: usize = 256 * 1024;
/// A call's not-after may lie at most this far ahead; retries are remembered longer than this.
pub const MAX_CALL_LIFE_MS: u64 = 120_000;
/// How long a retried command is remembered, in log time: more than any call lives.
pub const RETRY_RETENTION_MS: u64 = 10 * 60_000;
/// A view may be taken up again on its device for this long, in log time.
pub const RESUME_MS: u64 = 10 * 60_000;
/// A session without a sign of life ends after this long.
pub const SESSION_LIFE_MS: u64 = 15_000;
/// How often an agent gives a sign of life.
pub const KEEP_ALIVE_MS: u64 = 5_000;
