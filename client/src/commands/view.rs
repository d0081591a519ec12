//! `view`: open a photo. Whatever can fail without a charge is tried before the charge; an
//! interrupted view is taken up again and not charged twice; without views only the cover shows.

use std::fs::File;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_codec::{CodecKey, identify, png, preview};
use cameo_common::api::GrantInfo;
use cameo_common::ids::Hash;
use cameo_common::rights::Denied;
use cameo_common::sealing::Opened;
use clap::Args;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::held_grant;
use crate::agent::inbox::confirm;
use crate::cli::exit::{Exit, Failure};
use crate::clock;
use crate::flows::context::Context;
use crate::flows::open::{self, Prepared, Viewed};
use crate::output::Report;
use crate::text::prefix::short;
use crate::text::sanitize::tidy;
use crate::vault::Vault;
use crate::vault::files::{self, FileError, NewFile};
use crate::vault::records::{GrantHeld, GrantOwned, change};
use crate::vault::work_lock::Working;
use crate::viewer;

/// What `view` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The grant's id or its first digits, as `cameo inbox` lists them; or a carrier's file.
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
    /// Do not ask before a view is used. Without a terminal nobody is asked anyway.
    #[arg(long, short)]
    yes: bool,
}

/// How long to wait while another process of this home opens the same photo.
const WAIT_FOR_ANOTHER: Duration = Duration::from_secs(60);

/// What the photo is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Save,
    Page,
    /// To know that it opens.
    Check,
}

/// How the person got to see it.
enum Shown {
    Saved(PathBuf),
    Page,
    /// Decoded to this size, and shown to nobody: so it was wanted.
    Decoded(u32, u32),
    /// No picture that can be decoded here.
    NoPicture,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    for target in [&arguments.save, &arguments.cover_to].into_iter().flatten() {
        NewFile::check(target)
            .map_err(|error| Failure::usage(format!("{error}; nothing was used")))?;
    }
    let prepared = find(ctx, &arguments.what).await?;
    let grant = &prepared.grant;
    let _alone = Working::viewing(ctx.vault.home(), &grant.grant, WAIT_FOR_ANOTHER).await?;
    let info = ctx.api.grant(&grant.grant).await?;
    take_note(ctx, &info)?;
    let begun = open::pending(&ctx.vault, grant)?;
    if let Err(failure) = permitted(grant, &info, begun.is_some(), arguments.save.is_some()) {
        return Err(with_cover(ctx, grant, &arguments, failure));
    }
    let may_save = info.rights.peek()?.may_save;
    let way = way(&arguments, viewer::has_display(), ctx.out.json, may_save)?;
    if begun.is_some() {
        ctx.out.note("Taking up the view that was begun before.");
    } else if !agreed(&arguments, &info, way)? {
        return Err(Failure::other(
            "not_now",
            "nothing was opened, and nothing was used",
        ));
    }
    let bar = ctx.out.bar("opening");
    let viewed = open::open(&ctx.vault, &ctx.api, &ctx.me, &prepared).await;
    bar.finish_and_clear();
    let viewed = viewed.map_err(|failure| with_cover(ctx, grant, &arguments, failure))?;
    let shown = show(ctx, &viewed.photo, way, arguments.save.as_deref()).await?;
    end(&ctx.vault, grant, &viewed, &shown)?;
    Ok(report(grant, &viewed, &shown))
}

/// By the grant's id, or by a carrier that lies anywhere.
async fn find(ctx: &Context, what: &str) -> Result<Prepared, Failure> {
    let path = Path::new(what);
    if !(what.contains('/') || what.contains('.') || path.is_file()) {
        let held = held_grant(ctx, what)?;
        return open::prepare(&ctx.vault, &ctx.me, held).await;
    }
    let png = files::read(path, MAX_CARRIER_BYTES)?;
    let hash = Hash::of(&png);
    let held = ctx.vault.list::<GrantHeld>()?;
    if let Some((_, held)) = held.iter().find(|(_, held)| held.carrier == hash) {
        return open::prepare_from(&ctx.me, held.clone(), png).await;
    }
    if let Some((_, owned)) = ctx
        .vault
        .list::<GrantOwned>()?
        .iter()
        .find(|(_, owned)| owned.carrier == hash)
    {
        return Err(Failure::denied(format!(
            "this is the carrier that you made for {}: only {} can open it, and you have the photo",
            owned.viewer, owned.viewer
        )));
    }
    let shown = path.display().to_string();
    let candidates: Vec<GrantHeld> = held.into_iter().map(|(_, held)| held).collect();
    let work = move || recognise(png, candidates, &shown);
    let (held, png) = spawn_blocking(work)
        .await
        .map_err(|error| Failure::other("codec", error.to_string()))??;
    open::prepare_from(&ctx.me, held, png).await
}

/// A carrier that was written anew by another program may still be whole.
fn recognise(
    file: Vec<u8>,
    candidates: Vec<GrantHeld>,
    shown: &str,
) -> Result<(GrantHeld, Vec<u8>), Failure> {
    let carrier = png::read(&file).map_err(|error| {
        Failure::other(
            "not_a_png",
            format!("{shown} is damaged, or no PNG at all ({error}): nothing was used; view it by its grant, or ask for it again"),
        )
    })?;
    for held in candidates {
        let key = CodecKey::from_bytes(*held.codec_key.expose());
        if identify(&carrier, &key).is_ok() {
            return Ok((held, file));
        }
    }
    Err(Failure::not_found(format!(
        "there is nothing for you in {shown}: it is another picture, an altered copy, or another person's carrier; `cameo inbox` lists what you hold"
    )))
}

/// The ledger's rights are the newest there are.
fn take_note(ctx: &Context, info: &GrantInfo) -> Result<(), Failure> {
    confirm(ctx, &info.grant, &info.rights)?;
    change::<GrantHeld>(&ctx.vault, &info.grant.to_string(), |held| {
        held.used = held.used.max(info.used);
    })?;
    Ok(())
}

/// Whether a view may be taken now. A view that was charged before is the nodes' to judge.
fn permitted(grant: &GrantHeld, info: &GrantInfo, begun: bool, save: bool) -> Result<(), Failure> {
    let rights = info.rights.verify()?;
    if rights.owner != grant.owner_key || rights.grant != grant.grant {
        return Err(Failure::other(
            "protocol",
            "the ledger tells rights that the owner did not sign: nothing was used; have the nodes looked at",
        ));
    }
    let owner = &grant.owner;
    if save && !rights.may_save {
        return Err(Failure::denied(format!(
            "{owner} does not permit saving the photo: nothing was used; look at it without --save, or ask {owner}"
        )));
    }
    if begun {
        return Ok(());
    }
    let more = format!(
        "`cameo request {owner} {}` asks for more",
        short(&grant.image)
    );
    match rights.check(info.used.saturating_add(1), clock::now()) {
        Ok(()) => Ok(()),
        Err(Denied::Revoked) => Err(Failure::new(
            Exit::Denied,
            "revoked",
            format!("{owner} has revoked the rights to this photo; only the cover shows"),
        )),
        Err(Denied::Expired) => Err(Failure::new(
            Exit::Denied,
            "expired",
            format!("the rights to this photo have expired; only the cover shows; {more}"),
        )),
        Err(Denied::UsedUp) => Err(Failure::new(
            Exit::UsedUp,
            "used_up",
            match rights.permitted {
                1 => format!("the one permitted view is used; only the cover shows; {more}"),
                all => format!("all {all} permitted views are used; only the cover shows; {more}"),
            },
        )
        .with("used", info.used)
        .with("left", 0)),
    }
}

/// Nobody uses up a view and sees nothing, unless he has said so: as a program does that takes the
/// document and wants no question.
fn way(arguments: &Arguments, display: bool, json: bool, may_save: bool) -> Result<Way, Failure> {
    if arguments.save.is_some() {
        return Ok(Way::Save);
    }
    if arguments.no_show {
        return Ok(Way::Check);
    }
    if display {
        return Ok(Way::Page);
    }
    if json && arguments.yes {
        return Ok(Way::Check);
    }
    let save = if may_save {
        ", save it with `--save FILE`"
    } else {
        ""
    };
    Err(Failure::usage(format!(
        "there is no display here (DISPLAY and WAYLAND_DISPLAY are not set), so nothing was used: view it where there is one{save}, or use a view without seeing the photo with `--no-show`"
    ))
    .coded("no_display"))
}

/// The carrier is what everyone sees; it shows whatever the rights say.
fn with_cover(
    ctx: &Context,
    grant: &GrantHeld,
    arguments: &Arguments,
    failure: Failure,
) -> Failure {
    if !matches!(failure.exit, Exit::Denied | Exit::UsedUp) {
        return failure;
    }
    let Ok(carrier) = ctx.vault.blob_path(GrantHeld::CARRIERS, &grant.blob()) else {
        return failure;
    };
    let mut failure = failure.with("grant", grant.grant.to_string());
    let shown = match &arguments.cover_to {
        None => carrier,
        Some(target) => match copy(&carrier, target) {
            Ok(()) => target.clone(),
            Err(error) => {
                failure.message = format!(
                    "{}; and the cover cannot be copied: {error}",
                    failure.message
                );
                carrier
            }
        },
    };
    ctx.out.note(format_args!("The cover: {}", shown.display()));
    failure.with("cover", Value::from(shown.display().to_string()))
}

fn copy(from: &Path, target: &Path) -> Result<(), FileError> {
    let mut file = NewFile::create(target)?;
    let copied = File::open(from).and_then(|mut from| std::io::copy(&mut from, file.writer()));
    copied.map_err(file.unwritten())?;
    file.commit().map(drop)
}

/// Asks at a terminal; elsewhere the command itself is the wish.
fn agreed(arguments: &Arguments, info: &GrantInfo, way: Way) -> Result<bool, Failure> {
    if arguments.yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    let number = info.used + 1;
    let unseen = if way == Way::Check {
        ", and shows nothing"
    } else {
        ""
    };
    eprint!(
        "Opening uses view {number} of {}{unseen}. Go on? [y/N] ",
        info.permitted
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn show(
    ctx: &Context,
    photo: &Opened,
    way: Way,
    save: Option<&Path>,
) -> Result<Shown, Failure> {
    if let Some(target) = save {
        save_to(target, &photo.bytes).map_err(|error| {
            Failure::other(
                "not_saved",
                format!("the photo is open but not saved ({error}): run it again soon, the view is not charged twice"),
            )
        })?;
        return Ok(Shown::Saved(target.to_owned()));
    }
    let bytes = photo.bytes.clone();
    let decoded = spawn_blocking(move || preview(&bytes))
        .await
        .map_err(|error| Failure::other("codec", error.to_string()))?;
    let Ok(decoded) = decoded else {
        return Ok(Shown::NoPicture);
    };
    if way == Way::Page {
        viewer::show(&ctx.vault, &ctx.out, photo).await?;
        return Ok(Shown::Page);
    }
    Ok(Shown::Decoded(decoded.width, decoded.height))
}

/// What nobody could look at has not been shown: `--save` takes the same view up again.
fn end(vault: &Vault, grant: &GrantHeld, viewed: &Viewed, shown: &Shown) -> Result<(), Failure> {
    match shown {
        Shown::NoPicture => Ok(()),
        Shown::Saved(_) | Shown::Page | Shown::Decoded(..) => {
            open::shown(vault, grant, &viewed.request)
        }
    }
}

fn save_to(target: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = NewFile::create(target)?;
    let written = file.writer().write_all(bytes);
    written.map_err(file.unwritten())?;
    file.commit().map(drop)
}

fn report(grant: &GrantHeld, viewed: &Viewed, shown: &Shown) -> Report {
    let photo = &viewed.photo;
    let how = match shown {
        Shown::Saved(target) => format!("saved to {}", target.display()),
        Shown::Page => "opened in your browser".to_owned(),
        Shown::Decoded(width, height) => {
            format!("opened: {width} x {height} pixels, not shown")
        }
        Shown::NoPicture => {
            "opened, but it is no picture that can be shown here; if its owner permits that, `--save` within ten minutes keeps it without another charge".to_owned()
        }
    };
    let text = format!(
        "View {} of {}: {how}. {} left.",
        viewed.number,
        viewed.used + viewed.left,
        viewed.left
    );
    let report = Report::new(text)
        .with("grant", grant.grant)
        .with("owner", &grant.owner)
        .with("blake3", Hash::of(&photo.bytes))
        .with("bytes", photo.bytes.len())
        .with("media_type", &photo.info.media_type)
        .with("name", tidy(&photo.info.name))
        .with("number", viewed.number)
        .with("used", viewed.used)
        .with("left", viewed.left)
        .with("resumed", viewed.resumed);
    match shown {
        Shown::Saved(target) => report.with("shown", "saved").with_file("saved", target),
        Shown::Page => report.with("shown", "page"),
        Shown::Decoded(width, height) => report
            .with("shown", "decoded")
            .with("width", width)
            .with("height", height),
        Shown::NoPicture => report.with("shown", "no_picture"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::flows::open::tests::{PHOTO, world};
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn ways(line: &str, display: bool, json: bool) -> Result<Way, Failure> {
        let words = ["x", "ab"].into_iter().chain(line.split_whitespace());
        way(
            &Line::try_parse_from(words).unwrap().arguments,
            display,
            json,
            true,
        )
    }

    #[test]
    fn a_view_that_would_show_nothing_has_to_be_wanted() {
        for (line, json) in [("", false), ("--yes", false), ("", true)] {
            let refused = ways(line, false, json).unwrap_err();
            assert_eq!((refused.exit, refused.code), (Exit::Usage, "no_display"));
            assert_eq!(ways(line, true, json).unwrap(), Way::Page);
        }
        for (line, json) in [("--yes", true), ("--no-show", false)] {
            assert_eq!(ways(line, false, json).unwrap(), Way::Check, "{line}");
        }
        assert_eq!(ways("--no-show", true, false).unwrap(), Way::Check);
        assert_eq!(ways("--save a.jpg", false, false).unwrap(), Way::Save);
    }

    #[test]
    fn a_cover_is_copied_whole_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["carrier.png", "cover.png"].map(|name| folder.path().join(name));
        std::fs::write(&from, b"a carrier").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"a carrier");
        std::fs::write(&to, b"mine").unwrap();
        assert!(matches!(copy(&from, &to), Err(FileError::Exists(_))));
        assert_eq!(std::fs::read(&to).unwrap(), b"mine");
    }

    #[tokio::test]
    async fn a_photo_that_cannot_be_shown_here_is_saved_later_without_a_charge() {
        // Given a view of something that no decoder here knows,
        let world = world().await;
        let viewed = world.view().await.unwrap();
        assert!(preview(PHOTO).is_err());

        // when nobody got to see it, then the same view is taken up again;
        end(&world.vault, &world.held, &viewed, &Shown::NoPicture).unwrap();
        let again = world.view().await.unwrap();
        assert!(again.resumed);
        assert_eq!((again.request, again.used), (viewed.request, 1));

        // and once it is saved, the next one is new.
        let saved = Shown::Saved(PathBuf::from("photo.heic"));
        end(&world.vault, &world.held, &again, &saved).unwrap();
        assert!(!world.view().await.unwrap().resumed);
    }
}
