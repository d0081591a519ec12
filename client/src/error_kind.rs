//! The kinds of errors that callers tell apart, whichever error it is.
//!
//! What may be tried again, and what has to be told how, follows from the kind. Each error type says
//! its kind; its `Display` is the whole sentence for the person.

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The arguments cannot be used.
    Usage,
    /// Something that was named is not there.
    NotFound,
    /// Nobody is registered under a name.
    NotRegistered,
    /// Nobody has run `init` in this home.
    NoHome,
    /// Another user says no.
    Refused,
    /// The cluster, or a signed statement, says no.
    Forbidden,
    /// No view is left.
    UsedUp,
    /// The peer does not answer.
    PeerOffline,
    /// The peer asks to try again later.
    PeerBusy,
    /// The peer and this version do not understand each other.
    PeerMismatch,
    /// Somebody's key is not the one that is known.
    IdentityChanged,
    /// What was told is older than what is known, or is of another cluster.
    Untrusted,
    /// The cluster cannot be reached, has no majority, or did not say in time what came of it.
    ClusterAway,
    /// Somebody here or in the cluster has too much to do.
    Busy,
    /// No worker could do the job.
    NoWorker,
    /// It cannot be done, however often it is tried.
    Hopeless,
    /// What has no kind of its own.
    Other,
}

impl ErrorKind {
    /// Whether what was named is not there.
    #[must_use]
    pub fn is_absence(self) -> bool {
        matches!(
            self,
            ErrorKind::NotFound | ErrorKind::NotRegistered | ErrorKind::NoHome
        )
    }

    /// Whether somebody who may say so says no.
    #[must_use]
    pub fn is_denial(self) -> bool {
        matches!(self, ErrorKind::Refused | ErrorKind::Forbidden)
    }

    /// Whether somebody may not be who they say they are.
    #[must_use]
    pub fn is_distrust(self) -> bool {
        matches!(self, ErrorKind::IdentityChanged | ErrorKind::Untrusted)
    }
}

/// An error that says its kind.
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
