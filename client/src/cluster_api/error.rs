//! Errors of calls to the cluster.

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::cluster_address::AddressError;
use cameo_common::ids::ClusterId;

use crate::error_kind::{Classified, ErrorKind};
use crate::text::sanitize::sanitize;

/// A call that got no successful answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No node answered at all.
    #[error(
        "no node of the cluster answers ({tried}): check the addresses and the network, and that \
         the nodes run"
    )]
    Unreachable {
        /// Addresses, with the reason of each as far as it is known.
        tried: String,
    },
    /// Nodes answered, and none could carry the call out in time: without a majority, or for a
    /// reason of its own.
    #[error(
        "no majority of the nodes takes this call at present, and it was not carried out: try \
         again later; if that does not help, the cluster's operator sees why with `cameod status`"
    )]
    NoQuorum,
    /// The command may or may not have been carried out.
    #[error("no node said in time whether this was carried out: it may have been, or may yet be")]
    OutcomeUnknown,
    /// A definite refusal of a node.
    #[error("{}", explained(.0))]
    Api(#[from] ApiError),
    /// A refusal for good that too few nodes confirm, each by its own state.
    #[error(
        "a node says this, and too few others do, so it is not believed and nothing was changed in \
         this home: {}; try again",
        explained(.0)
    )]
    Unconfirmed(ApiError),
    /// The nodes belong to another cluster than the one that was pinned.
    #[error(
        "the nodes at {url} belong to cluster {found}, not to the pinned {pinned}: use addresses \
         of the pinned cluster, or another home for the other cluster"
    )]
    WrongCluster {
        url: String,
        found: ClusterId,
        pinned: ClusterId,
    },
    /// The chain of descriptors ends before one that this home knows.
    #[error(
        "the node at {url} knows of {newest} changes of the cluster's nodes, and this home of \
         {known}: the node is behind, or hides a change; it is not believed, and nothing was sent \
         to it. Try again later; if it stays so, tell the operator"
    )]
    OlderChain {
        url: String,
        newest: u64,
        known: u64,
    },
    /// The chain of descriptors has another one than this home knows.
    #[error(
        "the node at {url} shows another cluster from change {number} of its nodes on than this \
         home knows, and both are signed: somebody has misused the operator's key, and the keys \
         of enough nodes. The node is not believed, this home stays with the nodes that it knows, \
         and nothing was sent or changed. Do not use the cluster until its operator has told you, \
         by another way than the cluster, which nodes it has"
    )]
    Fork { url: String, number: u64 },
    /// The home cannot store or read which descriptor is the newest.
    #[error(
        "this home cannot keep in mind which nodes the cluster has ({why}): nothing was sent to \
         them. When that is mended, run the command again"
    )]
    NotRemembered { why: String },
    /// A node answered with something that is not in the protocol.
    #[error("{url} does not answer like a Cameo node: {}", sanitize(.why))]
    Protocol { url: String, why: String },
    /// An address that cannot be used.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// HTTP could not be set up on this device.
    #[error("cannot set up HTTP: {0}")]
    Setup(String),
}

/// A node's message, in one line, with a possible cause.
fn explained(error: &ApiError) -> String {
    match error.code {
        ErrorCode::CallExpired => format!(
            "{}; is this machine's clock right?",
            sanitize(&error.message).trim_end_matches('.')
        ),
        ErrorCode::Retired => format!("{}, and this was refused", sanitize(&error.message)),
        _ => sanitize(&error.message),
    }
}

impl Classified for ClusterError {
    fn kind(&self) -> ErrorKind {
        match self {
            ClusterError::Api(error) => kind_of(error.code),
            ClusterError::Unreachable { .. }
            | ClusterError::NoQuorum
            | ClusterError::OutcomeUnknown
            | ClusterError::OlderChain { .. }
            | ClusterError::Unconfirmed(_) => ErrorKind::ClusterAway,
            ClusterError::WrongCluster { .. } | ClusterError::Fork { .. } => ErrorKind::Untrusted,
            ClusterError::BadAddress(_) => ErrorKind::Usage,
            ClusterError::Protocol { .. }
            | ClusterError::NotRemembered { .. }
            | ClusterError::Setup(_) => ErrorKind::Other,
        }
    }
}

fn kind_of(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::NotRegistered => ErrorKind::NotRegistered,
        ErrorCode::NotFound => ErrorKind::NotFound,
        ErrorCode::Forbidden
        | ErrorCode::NotAuthenticated
        | ErrorCode::NameTaken
        | ErrorCode::Revoked
        | ErrorCode::DeviceRevoked
        | ErrorCode::Expired
        | ErrorCode::RegistrationClosed
        | ErrorCode::BadInvite
        | ErrorCode::ClosedByRestore => ErrorKind::Forbidden,
        ErrorCode::Retired => ErrorKind::Retired,
        ErrorCode::UsedUp => ErrorKind::UsedUp,
        ErrorCode::NoQuorum
        | ErrorCode::OutcomeUnknown
        | ErrorCode::Unavailable
        | ErrorCode::NotServed => ErrorKind::ClusterAway,
        ErrorCode::WrongCluster => ErrorKind::Untrusted,
        ErrorCode::Busy => ErrorKind::Busy,
        ErrorCode::GrantExists
        | ErrorCode::RequestTooOld
        | ErrorCode::TooManyDevices
        | ErrorCode::TooManyGrants => ErrorKind::Hopeless,
        _ => ErrorKind::Other,
    }
}

impl ClusterError {
    /// The error code, if a node refused the call and is believed.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            ClusterError::Api(error) => Some(error.code),
            _ => None,
        }
    }

    /// Whether a later attempt may succeed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            ClusterError::Unreachable { .. }
            | ClusterError::NoQuorum
            | ClusterError::OutcomeUnknown
            | ClusterError::OlderChain { .. }
            | ClusterError::Unconfirmed(_) => true,
            ClusterError::Api(error) => matches!(
                error.code,
                ErrorCode::Busy
                    | ErrorCode::CallExpired
                    | ErrorCode::LimitReached
                    | ErrorCode::TooManyCalls
            ),
            _ => false,
        }
    }
}

/// The consequence of one node's refusal for further tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The call was not carried out: try another node, or later.
    ElsewhereOrLater,
    /// The call may have been carried out: retry with the same request id.
    Unknown,
    /// Refused by what the node says of the state, of the call or of its limits: another one is
    /// asked, because it may lie.
    Doubtful,
}

/// Exhaustive, so that a new code is thought about here. None is final by the word of one node.
pub(super) fn verdict(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::NoQuorum
        | ErrorCode::Unavailable
        | ErrorCode::NotServed
        | ErrorCode::RolledBack => Verdict::ElsewhereOrLater,
        ErrorCode::OutcomeUnknown | ErrorCode::Internal => Verdict::Unknown,
        ErrorCode::NotAuthenticated
        | ErrorCode::CallExpired
        | ErrorCode::WrongCluster
        | ErrorCode::Forbidden
        | ErrorCode::NotRegistered
        | ErrorCode::NotFound
        | ErrorCode::NameTaken
        | ErrorCode::RequestReused
        | ErrorCode::RequestTooOld
        | ErrorCode::TooManyDevices
        | ErrorCode::TooManyGrants
        | ErrorCode::GrantExists
        | ErrorCode::StaleVersion
        | ErrorCode::Mismatch
        | ErrorCode::BadDeal
        | ErrorCode::TooFewHolders
        | ErrorCode::ClosedByRestore
        | ErrorCode::Revoked
        | ErrorCode::DeviceRevoked
        | ErrorCode::Expired
        | ErrorCode::UsedUp
        | ErrorCode::NotDebited
        | ErrorCode::RegistrationClosed
        | ErrorCode::BadInvite
        | ErrorCode::Retired
        | ErrorCode::SessionEnded
        | ErrorCode::BadRequest
        | ErrorCode::TooLarge
        | ErrorCode::LimitReached
        | ErrorCode::TooManyCalls
        | ErrorCode::NoSuchPath
        | ErrorCode::BadTicket
        | ErrorCode::Busy
        | ErrorCode::BadJob
        | ErrorCode::WorkerTooSmall => Verdict::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Retries and giving up depend on the kind, and most kinds share an exit code.
    #[test]
    fn every_code_of_the_cluster_has_its_kind() {
        let kinds = [
            (ErrorCode::BadRequest, ErrorKind::Other),
            (ErrorCode::TooLarge, ErrorKind::Other),
            (ErrorCode::NoSuchPath, ErrorKind::Other),
            (ErrorCode::NotAuthenticated, ErrorKind::Forbidden),
            (ErrorCode::CallExpired, ErrorKind::Other),
            (ErrorCode::WrongCluster, ErrorKind::Untrusted),
            (ErrorCode::Forbidden, ErrorKind::Forbidden),
            (ErrorCode::NotRegistered, ErrorKind::NotRegistered),
            (ErrorCode::NotFound, ErrorKind::NotFound),
            (ErrorCode::NameTaken, ErrorKind::Forbidden),
            (ErrorCode::RequestReused, ErrorKind::Other),
            (ErrorCode::GrantExists, ErrorKind::Hopeless),
            (ErrorCode::StaleVersion, ErrorKind::Other),
            (ErrorCode::Mismatch, ErrorKind::Other),
            (ErrorCode::BadDeal, ErrorKind::Other),
            (ErrorCode::Revoked, ErrorKind::Forbidden),
            (ErrorCode::Expired, ErrorKind::Forbidden),
            (ErrorCode::UsedUp, ErrorKind::UsedUp),
            (ErrorCode::NotDebited, ErrorKind::Other),
            (ErrorCode::SessionEnded, ErrorKind::Other),
            (ErrorCode::BadTicket, ErrorKind::Other),
            (ErrorCode::Busy, ErrorKind::Busy),
            (ErrorCode::BadJob, ErrorKind::Other),
            (ErrorCode::LimitReached, ErrorKind::Other),
            (ErrorCode::NoQuorum, ErrorKind::ClusterAway),
            (ErrorCode::OutcomeUnknown, ErrorKind::ClusterAway),
            (ErrorCode::Unavailable, ErrorKind::ClusterAway),
            (ErrorCode::Internal, ErrorKind::Other),
            (ErrorCode::WorkerTooSmall, ErrorKind::Other),
            (ErrorCode::RolledBack, ErrorKind::Other),
            (ErrorCode::DeviceRevoked, ErrorKind::Forbidden),
            (ErrorCode::RequestTooOld, ErrorKind::Hopeless),
            (ErrorCode::TooManyDevices, ErrorKind::Hopeless),
            (ErrorCode::TooManyGrants, ErrorKind::Hopeless),
            (ErrorCode::RegistrationClosed, ErrorKind::Forbidden),
            (ErrorCode::BadInvite, ErrorKind::Forbidden),
            (ErrorCode::Retired, ErrorKind::Retired),
            (ErrorCode::TooManyCalls, ErrorKind::Other),
            (ErrorCode::TooFewHolders, ErrorKind::Other),
            (ErrorCode::ClosedByRestore, ErrorKind::Forbidden),
            (ErrorCode::NotServed, ErrorKind::ClusterAway),
        ];
        for (code, kind) in kinds {
            let error = ClusterError::from(ApiError::new(code, "no"));
            assert_eq!(error.kind(), kind, "{code:?}");
        }
    }

    #[test]
    fn attack_a_nodes_message_is_one_line_of_plain_text() {
        let said = "no\x1b[2J\r\nrevoked: it is in the ledger";
        for error in [
            ClusterError::from(ApiError::new(ErrorCode::Forbidden, said)),
            ClusterError::from(ApiError::new(ErrorCode::CallExpired, said)),
            ClusterError::Protocol {
                url: "https://n".into(),
                why: said.into(),
            },
        ] {
            assert!(
                !error.to_string().chars().any(char::is_control),
                "{error:?}"
            );
        }
    }
}
