//! Why a photo is not seen.

use std::path::PathBuf;

use cameo_common::ids::{GrantId, UserName};
use cameo_common::signed::StatementError;

use crate::cluster_api::ClusterError;
use crate::commands::error::FindError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::open::OpenError;
use crate::vault::files::FileError;
use crate::vault::{IoError, VaultError, WorkLockError};
use crate::viewer::ViewerError;

/// Why a photo is not seen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--save` or `--cover-to` names what cannot be made.
    #[error("{0}; nothing was used")]
    Target(FileError),
    #[error(
        "this is the carrier that you made for {0}: only {0} can open it, and you have the photo"
    )]
    OwnCarrier(UserName),
    #[error(
        "{file} is damaged, or no PNG at all ({why}): nothing was used; view it by its grant, or ask for it again"
    )]
    NotAPng { file: String, why: String },
    #[error(
        "there is nothing for you in {0}: it is another picture, an altered copy, or another person's carrier; `cameo inbox` lists what you hold"
    )]
    NothingInIt(String),
    #[error(
        "the ledger tells rights that the owner did not sign: nothing was used; have the nodes looked at"
    )]
    ForeignRights,
    #[error(
        "{0} does not permit saving the photo: nothing was used; look at it without --save, or ask {0}"
    )]
    NoSaving(UserName),
    #[error("{0} has revoked the rights to this photo; only the cover shows")]
    Revoked(UserName),
    #[error("the rights to this photo have expired; only the cover shows; {more}")]
    Expired { more: String },
    #[error("{}; only the cover shows; {more}", all_used(*permitted))]
    UsedUp {
        permitted: u32,
        used: u32,
        more: String,
    },
    #[error(
        "there is no display here (DISPLAY and WAYLAND_DISPLAY are not set), so nothing was used: view it where there is one{}, or use a view without seeing the photo with `--no-show`",
        if *may_save { ", save it with `--save FILE`" } else { "" }
    )]
    NoDisplay { may_save: bool },
    #[error("nothing was opened, and nothing was used")]
    NotNow,
    #[error(
        "the photo is open but not saved ({0}): run it again soon, the view is not charged twice"
    )]
    NotSaved(String),
    #[error("{0}")]
    Codec(String),
    /// The photo does not open; the cover does.
    #[error("{source}{}", uncopied_of(uncopied.as_deref()))]
    CoverOnly {
        source: Box<Error>,
        grant: GrantId,
        cover: PathBuf,
        /// Why the cover was not copied to where it was wanted.
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
        1 => "the one permitted view is used".to_owned(),
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
            Error::OwnCarrier(_) | Error::NoSaving(_) => ErrorKind::Refused,
            Error::NothingInIt(_) => ErrorKind::NotFound,
            Error::Revoked(_) | Error::Expired { .. } => ErrorKind::Forbidden,
            Error::UsedUp { .. } => ErrorKind::UsedUp,
            Error::NotAPng { .. }
            | Error::ForeignRights
            | Error::NotNow
            | Error::NotSaved(_)
            | Error::Codec(_) => ErrorKind::Other,
            Error::CoverOnly { source, .. } => source.kind(),
            Error::Find(error) => error.kind(),
            Error::Open(error) => error.kind(),
            Error::Viewer(error) => error.kind(),
            Error::WorkLock(error) => error.kind(),
            Error::Cluster(error) => error.kind(),
            Error::Statement(error) => error.kind(),
            Error::File(error) => error.kind(),
            Error::Io(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}
