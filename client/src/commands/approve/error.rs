//! Errors of `approve`.

use cameo_common::ids::{GrantId, RequestId, UserName};
use cameo_common::signed::StatementError;

use crate::commands::error::{FindError, PeersError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::rights::RightsError;
use crate::flows::share::ShareError;
use crate::text::prefix::short;
use crate::vault::{VaultError, WorkLockError};

/// A request that was not approved, or whose grant is not made or delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this request was denied already: only a new one can be approved")]
    DeniedBefore,
    /// A second approval would add the views once more.
    #[error(
        "this request was approved already; `cameo rights {} --views N` changes the number of \
         views",
        short(.0)
    )]
    ApprovedBefore(GrantId),
    #[error(
        "the operator has retired {viewer}, who gets nothing any more: nothing was approved, and \
         `cameo deny {}` takes the request off the list",
        short(.request)
    )]
    Retired {
        viewer: UserName,
        request: RequestId,
    },
    /// The request has a grant, which `deny` does not end.
    #[error(
        "this request was approved before, and the operator has retired {viewer} since, who gets \
         nothing any more: nothing is sent, and `cameo revoke {}` ends the grant",
        short(.grant)
    )]
    RetiredSince { viewer: UserName, grant: GrantId },
    #[error("the image is not in your gallery any more; deny the request")]
    NoSuchImage,
    #[error(
        "your agent or another process of this home is sending this or another carrier; `cameo \
         shared` shows when {0} has it"
    )]
    Sending(UserName),
    /// The grant is recorded, and the viewer refuses the carrier.
    #[error("{source}")]
    NotTaken { grant: GrantId, source: Box<Error> },
    #[error(
        "{}. The request stays approved: run `cameo agent`, which continues with it, or approve it \
         again",
        unshared(.0)
    )]
    StaysApproved(Box<Error>),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Rights(#[from] RightsError),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    WorkLock(#[from] WorkLockError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// An error of the cluster says what became of one call, and this what that means.
fn unshared(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ClusterAway => format!("the photo is not known to be shared ({error})"),
        _ => error.to_string(),
    }
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::DeniedBefore | Error::ApprovedBefore(_) => ErrorKind::Usage,
            Error::Retired { .. } | Error::RetiredSince { .. } => ErrorKind::Retired,
            Error::NoSuchImage => ErrorKind::NotFound,
            Error::Sending(_) => ErrorKind::Busy,
            Error::NotTaken { source, .. } | Error::StaysApproved(source) => source.kind(),
            Error::Find(error) => error.kind(),
            Error::Share(error) => error.kind(),
            Error::Rights(error) => error.kind(),
            Error::Peers(error) => error.kind(),
            Error::WorkLock(error) => error.kind(),
            Error::Statement(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

impl Error {
    /// Whether a later attempt may succeed: the request stays approved.
    pub(super) fn goes_on(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::ClusterAway | ErrorKind::Busy | ErrorKind::NoWorker
        )
    }

    /// Whether a failed delivery stays in the outbox.
    pub(super) fn is_put_off(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::PeerOffline | ErrorKind::PeerBusy | ErrorKind::ClusterAway | ErrorKind::Busy
        )
    }
}
