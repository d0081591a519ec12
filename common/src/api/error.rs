//! Errors of the API: codes for programs, one sentence for people.

use serde::{Deserialize, Serialize};

/// The reason, for programs. HTTP status codes follow from it in `http`, exit codes in the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong; asking again will not help.
    BadRequest,
    /// The body or header is over its limit.
    TooLarge,
    /// No such path or method.
    NoSuchPath,
    /// The call's signature, device or certificate is not accepted.
    NotAuthenticated,
    /// The call's time has passed, or lies too far ahead: check the clock.
    CallExpired,
    /// The call is signed for another cluster.
    WrongCluster,
    /// The caller may not do this.
    Forbidden,
    /// The user is not registered with this cluster.
    NotRegistered,
    /// No such user, grant or session.
    NotFound,
    /// The name belongs to another key.
    NameTaken,
    /// The same request id came with other content.
    RequestReused,
    /// There is a live grant for this owner, viewer and image already.
    GrantExists,
    /// A statement with this or a higher version is recorded already.
    StaleVersion,
    /// Parties, ids or hashes of the statements do not belong together.
    Mismatch,
    /// The deal is not for the current descriptor, or not the next one.
    BadDeal,
    /// The owner has revoked the rights.
    Revoked,
    /// The rights have expired.
    Expired,
    /// All permitted views are used.
    UsedUp,
    /// The view was never debited, or the time to resume it has passed.
    NotDebited,
    /// The session has ended; register anew.
    SessionEnded,
    /// The ticket is of an old term, another worker, client, input or size, or too old.
    BadTicket,
    /// No worker can take the job now; ask again after `retry_after_ms`.
    Busy,
    /// The job's input is not valid.
    BadJob,
    /// A limit of the cluster is reached.
    LimitReached,
    /// No leader, or no majority: the command was not carried out.
    NoQuorum,
    /// The command may have been carried out: ask again with the same request id.
    OutcomeUnknown,
    /// The node is starting or stopping: ask another.
    Unavailable,
    /// The node failed; its log says why.
    Internal,
    /// The job needs more memory than this worker has for jobs; another worker may have more.
    WorkerTooSmall,
    /// The node's state lies below what it has recorded of the grant elsewhere: it releases
    /// nothing. Ask other nodes, and tell the operator.
    RolledBack,
    /// The calling device was revoked by its user, for good.
    DeviceRevoked,
    /// The viewer's request is too old, or dated too far ahead: the viewer has to request again.
    RequestTooOld,
    /// The user has as many devices as allowed.
    TooManyDevices,
    /// A party has as many grants in the ledger as allowed.
    TooManyGrants,
    /// New users are not registered, or only with an invite.
    RegistrationClosed,
    /// The invite is unknown, used, expired, or for another name.
    BadInvite,
    /// The operator has retired this user.
    Retired,
    /// Too many calls of this kind from one source; try again after `retry_after_ms`.
    TooManyCalls,
    /// With these nodes, live grants would be left with too few holders of parts.
    TooFewHolders,
    /// The cluster was restored from a backup, and the owner has not opened the grant again.
    ClosedByRestore,
    /// The node was removed from the cluster, and nothing was done: ask another node.
    NotServed,
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub schema: u32,
    pub code: ErrorCode,
    /// One sentence for people: the reason, and what to do next.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ApiError {
    /// An error without a time to retry after.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            schema: super::SCHEMA,
            code,
            message: message.into(),
            retry_after_ms: None,
        }
    }
}
