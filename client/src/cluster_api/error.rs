//! Why a call on the cluster came to nothing.

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::ids::ClusterId;

use crate::error_kind::{Classified, ErrorKind};

/// What a caller can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No node answered at all.
    #[error(
        "no node of the cluster can be reached ({tried}): check the network, or that the nodes run"
    )]
    Unreachable { tried: String },
    /// Nodes answered, but none could find a majority in time.
    #[error(
        "the cluster has no majority of its nodes at present: nothing was changed; try again when more nodes run"
    )]
    NoQuorum,
    /// The command may or may not have been carried out.
    #[error(
        "the cluster did not say in time whether this was done: look with `cameo status`, then run the command again"
    )]
    OutcomeUnknown,
    /// A node's definite no.
    #[error("{}", explained(.0))]
    Api(#[from] ApiError),
    /// The nodes belong to another cluster than the one that was pinned.
    #[error(
        "the nodes at {url} are cluster {found}, not the pinned {pinned}: use that cluster's own addresses, or a new home for the other one"
    )]
    WrongCluster {
        url: String,
        found: ClusterId,
        pinned: ClusterId,
    },
    /// A node answered with something that is not in the protocol.
    #[error("{url} does not answer like a node of Cameo: {why}")]
    Protocol { url: String, why: String },
    /// An address that cannot be used.
    #[error("'{url}' cannot be used as a node's address: {why}")]
    BadAddress { url: String, why: String },
    /// This side could not begin.
    #[error("cannot set up HTTP: {0}")]
    Setup(String),
}

/// A node's own words, and what they may come of.
fn explained(error: &ApiError) -> String {
    match error.code {
        ErrorCode::CallExpired => format!(
            "{}; is this machine's clock right?",
            error.message.trim_end_matches('.')
        ),
        _ => error.message.clone(),
    }
}

impl Classified for ClusterError {
    fn kind(&self) -> ErrorKind {
        match self {
            ClusterError::Api(error) => kind_of(error.code),
            ClusterError::Unreachable { .. }
            | ClusterError::NoQuorum
            | ClusterError::OutcomeUnknown => ErrorKind::ClusterAway,
            ClusterError::WrongCluster { .. } => ErrorKind::Untrusted,
            ClusterError::BadAddress { .. } => ErrorKind::Usage,
            ClusterError::Protocol { .. } | ClusterError::Setup(_) => ErrorKind::Other,
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
        | ErrorCode::Expired => ErrorKind::Forbidden,
        ErrorCode::UsedUp => ErrorKind::UsedUp,
        ErrorCode::NoQuorum | ErrorCode::OutcomeUnknown | ErrorCode::Unavailable => {
            ErrorKind::ClusterAway
        }
        ErrorCode::WrongCluster => ErrorKind::Untrusted,
        ErrorCode::Busy => ErrorKind::Busy,
        ErrorCode::GrantExists => ErrorKind::Hopeless,
        _ => ErrorKind::Other,
    }
}

impl ClusterError {
    /// The node's code, if a node said no.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            ClusterError::Api(error) => Some(error.code),
            _ => None,
        }
    }

    /// Whether asking again later may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            ClusterError::Unreachable { .. }
            | ClusterError::NoQuorum
            | ClusterError::OutcomeUnknown => true,
            ClusterError::Api(error) => matches!(
                error.code,
                ErrorCode::Busy | ErrorCode::CallExpired | ErrorCode::LimitReached
            ),
            _ => false,
        }
    }
}

/// What the answer of one node means for the tries that may follow.
pub(super) enum Verdict {
    /// The node does not do it now, and has not done it.
    ElsewhereOrLater,
    /// It may have been done: ask again with the same request id.
    Unknown,
    /// No, and no other node will say otherwise.
    Final,
}

pub(super) fn verdict(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::NoQuorum | ErrorCode::Unavailable => Verdict::ElsewhereOrLater,
        ErrorCode::OutcomeUnknown | ErrorCode::Internal => Verdict::Unknown,
        _ => Verdict::Final,
    }
}
