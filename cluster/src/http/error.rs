//! Error replies: the only file with HTTP status codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cameo_common::api::{ApiError, ErrorCode, SCHEMA};
use cameo_common::ids::whole_millis;

use crate::floor::{FloorError, FloorRefusal};
use crate::jobs::JobError;
use crate::key_release::ReleaseError;
use crate::node_rpc::CallError;
use crate::presence::RenewError;
use crate::raft::quarantine::Closed;
use crate::raft::{ProposeError, ReadError};
use cameo_machine::Refusal;

/// An [`ApiError`] and its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    error: ApiError,
    status: StatusCode,
}

impl Fault {
    /// An error with a message: what is wrong and what to do.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            error: ApiError::new(code, message),
            status: status_of(code),
        }
    }

    /// The same, with a time after which to retry.
    #[must_use]
    pub fn retry_after(mut self, millis: u64) -> Self {
        self.error.retry_after_ms = Some(millis);
        self
    }

    /// The path exists, but not with this method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self {
            error: ApiError::new(
                ErrorCode::NoSuchPath,
                "this path does not take this method: see docs/PROTOCOL.md",
            ),
            status: StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// The body of the reply.
    #[must_use]
    pub fn error(&self) -> &ApiError {
        &self.error
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        let status = status_of(error.code);
        Self { error, status }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let retry = self
            .error
            .retry_after_ms
            .map(|millis| HeaderValue::from(millis.div_ceil(1000)));
        let mut response = (self.status, Json(self.error)).into_response();
        if let Some(retry) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, retry);
        }
        response
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    use ErrorCode as E;
    match code {
        E::BadRequest => StatusCode::BAD_REQUEST,
        E::NotAuthenticated | E::CallExpired => StatusCode::UNAUTHORIZED,
        E::WrongCluster
        | E::Forbidden
        | E::Revoked
        | E::Expired
        | E::UsedUp
        | E::NotDebited
        | E::BadTicket
        | E::DeviceRevoked
        | E::RegistrationClosed
        | E::BadInvite
        | E::Retired
        | E::ClosedByRestore => StatusCode::FORBIDDEN,
        E::NoSuchPath | E::NotRegistered | E::NotFound => StatusCode::NOT_FOUND,
        E::NameTaken
        | E::RequestReused
        | E::RequestTooOld
        | E::GrantExists
        | E::StaleVersion
        | E::BadDeal
        | E::TooFewHolders
        | E::TooManyDevices
        | E::TooManyGrants => StatusCode::CONFLICT,
        E::SessionEnded => StatusCode::GONE,
        E::TooLarge | E::WorkerTooSmall => StatusCode::PAYLOAD_TOO_LARGE,
        E::Mismatch | E::BadJob => StatusCode::UNPROCESSABLE_ENTITY,
        E::LimitReached | E::TooManyCalls => StatusCode::TOO_MANY_REQUESTS,
        E::Busy | E::NoQuorum | E::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        E::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        // Another node can answer the same request.
        E::NotServed => StatusCode::MISDIRECTED_REQUEST,
        E::Internal | E::RolledBack => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn code_of(refusal: &Refusal) -> ErrorCode {
    use ErrorCode as E;
    match refusal {
        Refusal::UnknownEntry | Refusal::AlreadyFounded => E::Internal,
        Refusal::NotFounded | Refusal::Restoring { .. } => E::Unavailable,
        Refusal::Malformed | Refusal::BadSignature => E::BadRequest,
        Refusal::TooLate | Refusal::TooFarAhead => E::CallExpired,
        Refusal::RequestReused => E::RequestReused,
        Refusal::UnknownDevice | Refusal::CertificateExpired => E::NotAuthenticated,
        Refusal::NameTaken(_) | Refusal::KeyTaken => E::NameTaken,
        Refusal::Stale | Refusal::StaleVersion(_) => E::StaleVersion,
        Refusal::NotRegistered(_) => E::NotRegistered,
        Refusal::SessionEnded => E::SessionEnded,
        Refusal::NoSuchGrant | Refusal::NoSuchDevice => E::NotFound,
        Refusal::DeviceRevoked => E::DeviceRevoked,
        Refusal::RequestTooOld => E::RequestTooOld,
        Refusal::TooManyDevices(_) => E::TooManyDevices,
        Refusal::TooManyGrants(_) => E::TooManyGrants,
        Refusal::Forbidden(_) => E::Forbidden,
        Refusal::GrantExists(_) => E::GrantExists,
        Refusal::Mismatch(_)
        | Refusal::NotSuccessor(_)
        | Refusal::OtherPiece { .. }
        | Refusal::NotClosed => E::Mismatch,
        Refusal::BadDeal
        | Refusal::StaleDeal { .. }
        | Refusal::DealtAlready(_)
        | Refusal::StaleReopening { .. } => E::BadDeal,
        Refusal::ClosedByRestore => E::ClosedByRestore,
        Refusal::TooFewHolders { .. } => E::TooFewHolders,
        Refusal::Revoked => E::Revoked,
        Refusal::Expired => E::Expired,
        Refusal::UsedUp => E::UsedUp,
        Refusal::NotDebited => E::NotDebited,
        Refusal::Limit(_) => E::LimitReached,
        Refusal::RegistrationClosed(_) => E::RegistrationClosed,
        Refusal::BadInvite => E::BadInvite,
        Refusal::Retired(_) => E::Retired,
        Refusal::BadToken | Refusal::NodeRemoved(_) => E::Forbidden,
        Refusal::NotAWorker(_) => E::NotFound,
    }
}

fn code_of_floor(error: &FloorError) -> ErrorCode {
    match error {
        FloorError::Refused(FloorRefusal::Spent { .. }) => ErrorCode::UsedUp,
        FloorError::Refused(_) => ErrorCode::RolledBack,
        FloorError::Busy | FloorError::DiskFull | FloorError::Failed(_) => ErrorCode::Unavailable,
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(code_of(&refusal), refusal.to_string())
    }
}

fn stopping() -> Fault {
    Fault::new(
        ErrorCode::Unavailable,
        "this node is stopping: ask another node",
    )
}

fn has_left() -> Fault {
    Fault::new(
        ErrorCode::NotServed,
        "this node was removed from the cluster, and nothing was done: ask another node, which GET \
         /v1/cluster lists",
    )
}

fn no_quorum() -> Fault {
    Fault::new(
        ErrorCode::NoQuorum,
        "no majority of the nodes answers, and nothing was done: try again, or start the missing \
         nodes",
    )
}

impl From<ProposeError> for Fault {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::NoLeader => no_quorum(),
            ProposeError::Unknown => Self::new(
                ErrorCode::OutcomeUnknown,
                "no majority confirmed in time, and it may yet be done: repeat the call with the \
                 same request id",
            ),
            ProposeError::TooLarge => {
                Self::new(ErrorCode::TooLarge, "the command is too large for the log")
            }
            ProposeError::LowDiskSpace => Self::new(
                ErrorCode::Unavailable,
                "this node is low on disk space and takes no commands: ask another node, or free \
                 space on the disk of this one",
            ),
            ProposeError::Stopping => stopping(),
            ProposeError::HasLeft => has_left(),
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoLeader => no_quorum(),
            ReadError::Behind => Self::new(
                ErrorCode::Unavailable,
                "this node is catching up: ask another node",
            ),
            ReadError::Stopping => stopping(),
            ReadError::HasLeft => has_left(),
            ReadError::TakesNoPart(Closed::Waiting) => Self::new(
                ErrorCode::Unavailable,
                "this node has started and waits for what other nodes remember of it: try again, \
                 or ask another node",
            ),
            ReadError::TakesNoPart(Closed::MayBeCopy) => Self::new(
                ErrorCode::Unavailable,
                "this node's folder may be an older copy, and it takes no part until other nodes \
                 have said what they remember of it, see `waits` in its status: ask another node, \
                 and start those",
            ),
            ReadError::TakesNoPart(Closed::Quarantined) => Self::new(
                ErrorCode::Unavailable,
                "this node has come back with an older copy of its folder and is quarantined, see \
                 its log: ask another node",
            ),
        }
    }
}

impl From<RenewError> for Fault {
    fn from(error: RenewError) -> Self {
        Self::new(ErrorCode::NoQuorum, error.to_string())
    }
}

impl From<ReleaseError> for Fault {
    fn from(error: ReleaseError) -> Self {
        let code = match error {
            ReleaseError::Read(error) => return error.into(),
            ReleaseError::Refused(refusal) => return refusal.into(),
            ReleaseError::Unconfirmed { .. } => ErrorCode::Unavailable,
            ReleaseError::Statement(_) => ErrorCode::BadRequest,
            ReleaseError::Unsound(_) => ErrorCode::Mismatch,
            ReleaseError::NotAHolder => ErrorCode::NotFound,
            ReleaseError::Part(_) => ErrorCode::BadDeal,
            ReleaseError::NotRecorded { .. } => ErrorCode::Unavailable,
            ReleaseError::Floor(ref error) => code_of_floor(error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<JobError> for Fault {
    fn from(error: JobError) -> Self {
        Self::from(ApiError {
            schema: SCHEMA,
            code: error.code(),
            message: error.to_string(),
            retry_after_ms: error.retry_after().map(whole_millis),
        })
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        let code = match error {
            CallError::NoLeader => ErrorCode::NoQuorum,
            CallError::HasLeft => return has_left(),
            CallError::Misunderstood => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_has_its_own_code() {
        let unknown = Fault::from(ProposeError::Unknown);
        assert_eq!(unknown.error.code, ErrorCode::OutcomeUnknown);
        assert_eq!(
            Fault::from(ProposeError::NoLeader).error.code,
            ErrorCode::NoQuorum
        );
    }

    #[test]
    fn a_node_that_waits_does_not_send_to_its_log() {
        let message = |closed| Fault::from(ReadError::TakesNoPart(closed)).error.message;
        assert!(!message(Closed::Waiting).contains("log"));
        assert!(message(Closed::MayBeCopy).contains("`waits` in its status"));
        assert!(message(Closed::Quarantined).contains("see its log"));
    }

    #[test]
    fn a_node_that_was_removed_says_so_and_sends_to_others() {
        let faults = [
            Fault::from(ProposeError::HasLeft),
            Fault::from(ReadError::HasLeft),
            Fault::from(CallError::HasLeft),
        ];
        for fault in faults {
            assert_eq!(fault.error.code, ErrorCode::NotServed);
            assert_eq!(fault.status, StatusCode::MISDIRECTED_REQUEST);
            assert!(fault.error.message.contains("ask another node"));
        }
    }

    #[test]
    fn a_refusal_keeps_its_message() {
        let fault = Fault::from(Refusal::StaleVersion(7));
        assert_eq!(fault.status, StatusCode::CONFLICT);
        assert_eq!(
            fault.error.message,
            "the ledger has rights of version 7; sign the next one"
        );
    }
}
