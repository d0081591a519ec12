//! `rights`: changes a viewer's rights, in the ledger first and then at the viewer.

mod changed;

use std::time::Duration;

use clap::Args;

use super::arguments::{length_of_time, views};
use super::consent;
use super::error::FindError;
use super::find::owned_grant;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::rights::RightsError;
use crate::output::Report;
use crate::text::prefix::short;
use crate::vault::IoError;

pub use changed::{Changed, change_and_send};

/// Arguments of `rights`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id, or its first digits; `cameo shared` lists them.
    #[arg(value_name = "GRANT")]
    grant: String,
    /// Views in total, including those already used.
    #[arg(long, value_parser = views)]
    views: Option<u32>,
    /// Time from now until the rights expire: 12h, 7d, ... or `never`.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<Expiry>,
    /// Whether the photo may be saved to a file.
    #[arg(long, value_name = "YES|NO", num_args = 0..=1, default_missing_value = "yes")]
    may_save: Option<YesNo>,
    /// Do not ask before revoked rights are restored. Without a terminal the command never asks.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Clone, Copy)]
enum Expiry {
    Never,
    After(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum YesNo {
    Yes,
    No,
}

fn expiry(text: &str) -> Result<Expiry, String> {
    match text {
        "never" => Ok(Expiry::Never),
        text => length_of_time(text).map(Expiry::After),
    }
}

/// Rights that were not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("nothing to change: give --views, --expires or --may-save")]
    NothingToChange,
    #[error("nothing was changed: the rights stay revoked")]
    Declined,
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Rights(#[from] RightsError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::NothingToChange => ErrorKind::Usage,
            Error::Declined => ErrorKind::Other,
            Error::Io(error) => error.kind(),
            Error::Find(error) => error.kind(),
            Error::Rights(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    if arguments.views.is_none() && arguments.expires.is_none() && arguments.may_save.is_none() {
        return Err(Error::NothingToChange);
    }
    let owned = owned_grant(ctx, &arguments.grant)?;
    let (grant, viewer) = (short(&owned.grant), &owned.viewer);
    let question =
        format!("The rights of {viewer} to {grant} are revoked, and this change restores them.");
    if owned.revoked && !consent::ask(arguments.yes, question)? {
        return Err(Error::Declined);
    }
    let now = match arguments.expires {
        Some(Expiry::After(_)) => ctx.api.ask_now().await,
        _ => ctx.api.cluster_now(),
    };
    let changed = change_and_send(ctx, owned, |next| {
        next.revoked = false;
        if let Some(views) = arguments.views {
            next.permitted = views;
        }
        match arguments.expires {
            None => {}
            Some(Expiry::Never) => next.expires = None,
            Some(Expiry::After(length)) => next.expires = Some(now.plus(length)),
        }
        if let Some(may_save) = arguments.may_save {
            next.may_save = may_save == YesNo::Yes;
        }
    })
    .await?;
    Ok(changed.report())
}
