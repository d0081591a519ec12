//! `view`: opens a photo. An interrupted view is resumed and not charged twice. Without remaining
//! views only the cover is shown.

mod cover;
mod error;
mod find;
mod permit;
mod report;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::cover::with_cover;
use self::permit::Wanted;
use self::show::{check_shown, display_mode, finish, show, user_consents};
use crate::flows::context::Context;
use crate::flows::open;
use crate::output::{Output, Report};
use crate::vault::WorkLock;
use crate::vault::files::NewFile;
use crate::viewer::{self, About};

pub use error::Error;

/// Bound on the wait while another process of this home opens the same photo.
const WAIT_FOR_ANOTHER: Duration = Duration::from_secs(60);

/// Arguments of `view`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id or its first digits, as in `cameo inbox`; or a carrier's file.
    #[arg(value_name = "GRANT|FILE.png")]
    what: String,
    /// Save the photo to a file, if the owner permits that.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Copy the cover to a file when the photo does not open.
    #[arg(long, value_name = "FILE")]
    cover_to: Option<PathBuf>,
    /// Open and check the photo without showing it: the view is used all the same.
    #[arg(long, conflicts_with = "save")]
    no_show: bool,
    /// Do not ask before a view is used. Without a terminal the command never asks.
    #[arg(long, short)]
    yes: bool,
}

pub async fn run(ctx: &Context, out: Output, arguments: Arguments) -> Result<Report, Error> {
    for target in [&arguments.save, &arguments.cover_to].into_iter().flatten() {
        NewFile::check(target).map_err(Error::Target)?;
    }
    let prepared = find::find(ctx, &arguments.what).await?;
    let grant = &prepared.grant;
    let _alone = WorkLock::viewing(ctx.vault.home(), &grant.grant, WAIT_FOR_ANOTHER).await?;
    let add_cover = |error| with_cover(ctx, out, grant, arguments.cover_to.as_deref(), error);
    let is_pending = open::find_pending(&ctx.vault, grant)?.is_some();
    let wanted = Wanted {
        is_pending,
        save: arguments.save.is_some(),
    };
    let info = permit::permitted(ctx, grant, wanted)
        .await
        .map_err(add_cover)?;
    if !is_pending {
        open::check_holders(&ctx.api, grant, &info.deal).await?;
    }
    let may_save = info.rights.unverified()?.may_save;
    let mode = display_mode(&arguments, viewer::has_display(), out.json, may_save)?;
    check_shown(grant, mode, is_pending, may_save)?;
    if is_pending {
        out.note("Taking up the view that was begun before: it is not charged twice.");
    } else if !user_consents(&arguments, &info, mode)? {
        return Err(Error::Declined);
    }
    let bar = out.bar("opening");
    let opened = open::open(&ctx.vault, &ctx.api, &ctx.me, &prepared).await;
    bar.finish_and_clear();
    let viewed = match opened {
        Ok(viewed) => viewed,
        Err(error) => return Err(add_cover(permit::refused(ctx, grant, error).await)),
    };
    let about = About {
        grant: grant.grant,
        owner: grant.owner.clone(),
        title: grant.title.clone(),
        permitted: viewed.used + viewed.left,
        left: viewed.left,
        until: info.rights.unverified()?.expires,
    };
    let shown = show(
        &ctx.vault,
        out,
        &viewed.photo,
        mode,
        arguments.save.as_deref(),
        about,
    )
    .await?;
    finish(&ctx.vault, grant, &viewed, &shown).map_err(|error| Error::NotFinished {
        number: viewed.number,
        error,
    })?;
    let owner_retired = info.other_retired;
    Ok(report::report(grant, &viewed, &shown, owner_retired))
}

#[cfg(test)]
mod tests;
