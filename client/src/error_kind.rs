//! Kinds of errors, common to all error types of the client.
//!
//! Retries and reports depend on the kind alone. Each error type has a kind; its `Display` is the
//! message for the user. Where an outcome is unknown, `cli::unknown_outcome` adds the next step.

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The arguments are invalid.
    Usage,
    /// Something that was named does not exist.
    NotFound,
    /// A user name is not registered.
    NotRegistered,
    /// The home has no user yet.
    NoHome,
    /// Another user refuses.
    Refused,
    /// The cluster or a signed statement forbids it.
    Forbidden,
    /// The operator has retired the user, or the other one.
    Retired,
    /// No views remain.
    UsedUp,
    /// The peer does not answer.
    PeerOffline,
    /// The peer refuses for now.
    PeerBusy,
    /// The peer and this version cannot read each other's messages.
    PeerMismatch,
    /// A user's key differs from the pinned one.
    IdentityChanged,
    /// An answer is older than the stored state, or belongs to another cluster.
    Untrusted,
    /// The cluster is unreachable, has no majority, or did not report the outcome in time.
    ClusterAway,
    /// This home or the cluster is busy.
    Busy,
    /// All workers failed.
    NoWorker,
    /// No further attempt can succeed.
    Hopeless,
    /// All other errors.
    Other,
}

impl ErrorKind {
    /// Whether something that was named does not exist.
    #[must_use]
    pub fn is_absence(self) -> bool {
        matches!(
            self,
            ErrorKind::NotFound | ErrorKind::NotRegistered | ErrorKind::NoHome
        )
    }

    /// Whether it was refused by a user, by the cluster or by rights.
    #[must_use]
    pub fn is_denial(self) -> bool {
        matches!(
            self,
            ErrorKind::Refused | ErrorKind::Forbidden | ErrorKind::Retired
        )
    }

    /// Whether an identity is in doubt.
    #[must_use]
    pub fn is_distrust(self) -> bool {
        matches!(self, ErrorKind::IdentityChanged | ErrorKind::Untrusted)
    }
}

/// An error with a kind.
pub trait Classified: std::error::Error {
    /// The kind of this error.
    fn kind(&self) -> ErrorKind;
}

impl Classified for cameo_common::signed::StatementError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Classified for cameo_common::sealing::SealingError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl<E: Classified> Classified for Box<E> {
    fn kind(&self) -> ErrorKind {
        (**self).kind()
    }
}
