//! Errors of `view`. Messages written here say whether a view was used where it is not obvious;
//! errors that are passed on may not. A view that was charged and can be resumed is kept.

use std::path::PathBuf;

use cameo_codec::PngError;
use cameo_common::ids::{GrantId, UserName};
use cameo_common::signed::StatementError;

use crate::cluster_api::ClusterError;
use crate::commands::error::FindError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::open::OpenError;
use crate::vault::files::FileError;
use crate::vault::{IoError, VaultError, WorkLockError};
use crate::viewer::ViewerError;

/// A photo that was not shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of `--save` or `--cover-to` cannot be created.
    #[error("{0}; nothing was used")]
    Target(FileError),
    #[error(
        "this is the carrier that you made for {0}: only {0} can open it, and you have the photo"
    )]
    OwnCarrier(UserName),
    #[error(
        "{file} is not a PNG or is damaged ({error}): nothing was used; view it by its grant, or \
         request it again"
    )]
    NotAPng { file: String, error: PngError },
    #[error(
        "{0} is no carrier for you: it is another picture, an altered copy, or another user's \
         carrier; `cameo inbox` lists your grants"
    )]
    NothingInIt(String),
    #[error(
        "the ledger returned rights that the owner did not sign: nothing was used; report this to \
         the operator"
    )]
    ForeignRights,
    #[error(
        "{0} does not permit saving the photo: nothing was used; view it without --save, or ask {0}"
    )]
    NoSaving(UserName),
    /// A denial that too few nodes share.
    #[error(
        "a node says this, and too few others do, so it is not believed, and no view was charged \
         by this command: {0}; try again"
    )]
    Unconfirmed(Box<Error>),
    #[error("{0} has revoked the rights to this photo; only the cover shows")]
    Revoked(UserName),
    #[error(
        "the cluster was restored from a backup, and this photo stays closed until {0} opens it \
         again (`cameo reopen`): nothing was used, and your carrier is kept"
    )]
    Closed(UserName),
    #[error("the rights to this photo have expired; only the cover shows; {more}")]
    Expired { more: String },
    #[error("{}; only the cover shows; {more}", all_used(*permitted))]
    UsedUp {
        permitted: u32,
        used: u32,
        more: String,
    },
    #[error(
        "there is no display here (DISPLAY and WAYLAND_DISPLAY are not set), so nothing was used: \
         view it on a machine with a display{}, or use a view without showing the photo with \
         `--no-show`",
        if *may_save { ", save it with `--save FILE`" } else { "" }
    )]
    NoDisplay { may_save: bool },
    /// No browser shows its kind, by what the owner told.
    #[error(
        "no browser shows this photo, a file of the kind {kind}, so nothing was used: {}",
        if *may_save {
            "save it with `--save FILE`".to_owned()
        } else {
            format!("ask {owner} to permit saving it, or to share it as a JPEG or PNG")
        }
    )]
    ShownNowhere {
        kind: String,
        owner: UserName,
        may_save: bool,
    },
    #[error("nothing was opened, and nothing was used")]
    Declined,
    #[error(
        "the view was charged, but the photo could not be saved ({0}): run the command again soon, \
         the view is not charged twice"
    )]
    NotSaved(String),
    #[error(
        "view {number} was charged and the photo was opened, and this home could not store that: \
         {error}. The next `cameo view` may open it once more, without another charge"
    )]
    NotFinished { number: u32, error: VaultError },
    #[error("{0}")]
    Codec(String),
    /// The photo does not open; the cover is shown.
    #[error("{source}{}", uncopied_of(uncopied.as_deref()))]
    CoverOnly {
        source: Box<Error>,
        grant: GrantId,
        cover: PathBuf,
        /// Why the cover could not be copied to the given file.
        uncopied: Option<String>,
    },
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Viewer(#[from] ViewerError),
    #[error(transparent)]
    WorkLock(#[from] WorkLockError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

fn all_used(permitted: u32) -> String {
    match permitted {
        1 => "the only permitted view is used".to_owned(),
        all => format!("all {all} permitted views are used"),
    }
}

fn uncopied_of(uncopied: Option<&str>) -> String {
    uncopied.map_or_else(String::new, |error| {
        format!("; and the cover cannot be copied: {error}")
    })
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Target(_) | Error::NoDisplay { .. } => ErrorKind::Usage,
            Error::OwnCarrier(_) | Error::NoSaving(_) | Error::ShownNowhere { .. } => {
                ErrorKind::Refused
            }
            // A file that is no carrier for this user, of whatever kind it is.
            Error::NothingInIt(_)
            | Error::NotAPng {
                error: PngError::NotPng | PngError::Unsupported(_),
                ..
            } => ErrorKind::NotFound,
            Error::Revoked(_) | Error::Expired { .. } | Error::Closed(_) => ErrorKind::Forbidden,
            Error::UsedUp { .. } => ErrorKind::UsedUp,
            Error::NotAPng { .. }
            | Error::ForeignRights
            | Error::Declined
            | Error::NotSaved(_)
            | Error::Codec(_) => ErrorKind::Other,
            Error::Unconfirmed(_) => ErrorKind::ClusterAway,
            Error::CoverOnly { source, .. } => source.kind(),
            Error::Find(error) => error.kind(),
            Error::Open(error) => error.kind(),
            Error::Viewer(error) => error.kind(),
            Error::WorkLock(error) => error.kind(),
            Error::Cluster(error) => error.kind(),
            Error::Statement(error) => error.kind(),
            Error::File(error) => error.kind(),
            Error::Io(error) => error.kind(),
            Error::NotFinished { error, .. } | Error::Vault(error) => error.kind(),
        }
    }
}
