//! Showing of an opened photo: in the browser, in a file, or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cameo_codec::preview;
use cameo_common::api::GrantInfo;
use cameo_common::sealing::Opened;
use tokio::task::spawn_blocking;

use super::Arguments;
use super::error::Error;
use crate::commands::consent;
use crate::control;
use crate::flows::open::{self, Viewed};
use crate::output::Output;
use crate::text::sanitize::sanitize;
use crate::vault::files::{FileError, NewFile};
use crate::vault::records::GrantHeld;
use crate::vault::{IoError, Vault, VaultError};
use crate::viewer::{self, About, Hint, Host, OwnPage, Picture, Showable};

/// The purpose of opening the photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DisplayMode {
    Save,
    Page,
    /// To check that it opens.
    Check,
}

/// The way the photo was shown.
#[derive(Debug)]
pub(super) enum Shown {
    Saved(PathBuf),
    Page(Host),
    /// Decoded to this size and not shown, as requested.
    Decoded(u32, u32),
    /// Not a picture that can be decoded here.
    NoPicture,
}

/// The way to show the photo. A view that shows nothing must be requested: by `--no-show`, or by a
/// program with `--json --yes`.
pub(super) fn display_mode(
    arguments: &Arguments,
    display: bool,
    json: bool,
    may_save: bool,
) -> Result<DisplayMode, Error> {
    if arguments.save.is_some() {
        return Ok(DisplayMode::Save);
    }
    if arguments.no_show {
        return Ok(DisplayMode::Check);
    }
    if display {
        return Ok(DisplayMode::Page);
    }
    if json && arguments.yes {
        return Ok(DisplayMode::Check);
    }
    Err(Error::NoDisplay { may_save })
}

/// Refuses, before a view is charged, to show what no browser shows by its owner's word.
pub(super) fn check_shown(
    grant: &GrantHeld,
    mode: DisplayMode,
    is_pending: bool,
    may_save: bool,
) -> Result<(), Error> {
    let Some(kind) = grant.media_type.as_deref() else {
        return Ok(());
    };
    let is_shown = Showable::of_media_type(kind) != Showable::Nowhere;
    if mode != DisplayMode::Page || is_pending || is_shown {
        return Ok(());
    }
    Err(Error::ShownNowhere {
        kind: sanitize(kind),
        owner: grant.owner.clone(),
        may_save,
    })
}

/// Asks at a terminal before a view is used. Without a terminal the command itself is the consent.
pub(super) fn user_consents(
    arguments: &Arguments,
    info: &GrantInfo,
    mode: DisplayMode,
) -> Result<bool, IoError> {
    let number = info.used + 1;
    let unseen = if mode == DisplayMode::Check {
        ", and shows nothing"
    } else {
        ""
    };
    let permitted = info.permitted;
    let question = format!("Opening uses view {number} of {permitted}{unseen}.");
    consent::ask(arguments.yes, question)
}

pub(super) async fn show(
    vault: &Vault,
    out: Output,
    photo: &Arc<Opened>,
    mode: DisplayMode,
    save: Option<&Path>,
    about: About,
) -> Result<Shown, Error> {
    if let Some(target) = save {
        save_to(target, &photo.bytes).map_err(|error| Error::NotSaved(error.in_short()))?;
        return Ok(Shown::Saved(target.to_owned()));
    }
    let kept = Arc::clone(photo);
    if mode != DisplayMode::Page {
        let decoded = spawn_blocking(move || preview(&kept.bytes)).await;
        let decoded = decoded.map_err(|error| Error::Codec(error.to_string()))?;
        return Ok(decoded.map_or(Shown::NoPicture, |decoded| {
            Shown::Decoded(decoded.width, decoded.height)
        }));
    }
    let picture = spawn_blocking(move || Picture::of(&kept)).await;
    let Some(picture) = picture.map_err(|error| Error::Codec(error.to_string()))? else {
        return Ok(Shown::NoPicture);
    };
    Ok(Shown::Page(show_page(vault, out, picture, about).await?))
}

/// Shows the page. The agent serves it, if one runs and has room, and keeps it for a while.
async fn show_page(
    vault: &Vault,
    out: Output,
    photo: Picture,
    about: About,
) -> Result<Host, Error> {
    let tell = |hint: Hint<'_>| out.note(words(&hint));
    if let Some(mut page) = control::show(vault.home(), &photo, &about).await {
        // It has the only copy from now on.
        drop(photo);
        let url = page.url.clone();
        viewer::lead(vault, &url, async || page.next().await, tell).await?;
        return Ok(Host::Agent);
    }
    let mut page = OwnPage::serve(photo, about).await?;
    let url = page.url();
    viewer::lead(vault, &url, async || page.next().await, tell).await?;
    page.end().await;
    Ok(Host::Command)
}

/// What the user can do while no browser shows the page.
fn words(hint: &Hint<'_>) -> String {
    let (why, file) = match hint {
        Hint::NotStarted(file, why) => (format!("No browser was started: {why}."), file),
        Hint::NotOpened(file) => ("No browser has opened the page yet.".to_owned(), file),
    };
    format!(
        "{why} Open this file in your browser: {}. A browser from a snap or flatpak may not be \
         able to read it: then copy the link that is in it into the browser.",
        file.display()
    )
}

/// Removes the pending view, unless the photo could not be shown: then `--save` resumes it.
pub(super) fn finish(
    vault: &Vault,
    grant: &GrantHeld,
    viewed: &Viewed,
    shown: &Shown,
) -> Result<(), VaultError> {
    match shown {
        Shown::NoPicture => Ok(()),
        Shown::Saved(_) | Shown::Page(_) | Shown::Decoded(..) => {
            open::finish(vault, grant, &viewed.request)
        }
    }
}

fn save_to(target: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = NewFile::create_private(target)?;
    let written = file.writer().write_all(bytes);
    written.map_err(file.unwritten())?;
    file.commit().map(drop)
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

    #[test]
    fn attack_a_saved_photo_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("photo.jpg");
        save_to(&target, b"a photo").unwrap();
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn mode(line: &str, display: bool, json: bool) -> Result<DisplayMode, Error> {
        let words = ["x", "ab"].into_iter().chain(line.split_whitespace());
        display_mode(
            &Line::try_parse_from(words).unwrap().arguments,
            display,
            json,
            true,
        )
    }

    #[test]
    fn a_view_that_shows_nothing_has_to_be_requested() {
        for (line, json) in [("", false), ("--yes", false), ("", true)] {
            let refused = mode(line, false, json).unwrap_err();
            assert!(matches!(refused, Error::NoDisplay { .. }), "{refused}");
            assert_eq!(mode(line, true, json).unwrap(), DisplayMode::Page);
        }
        for (line, json) in [("--yes", true), ("--no-show", false)] {
            assert_eq!(
                mode(line, false, json).unwrap(),
                DisplayMode::Check,
                "{line}"
            );
        }
        assert_eq!(mode("--no-show", true, false).unwrap(), DisplayMode::Check);
        assert_eq!(
            mode("--save a.jpg", false, false).unwrap(),
            DisplayMode::Save
        );
    }

    #[tokio::test]
    async fn what_no_browser_shows_is_refused_before_the_charge() {
        let mut held = world().await.held.clone();
        let refused =
            |held: &GrantHeld, mode, is_pending| check_shown(held, mode, is_pending, false).err();
        // given a photo whose kind was not told, or is shown, then it is opened
        for kind in [None, Some("image/avif"), Some("image/tiff")] {
            held.media_type = kind.map(str::to_owned);
            assert!(refused(&held, DisplayMode::Page, false).is_none());
        }
        // given one that is shown nowhere, then it is not, but where it is saved or was charged
        held.media_type = Some("application/octet-stream".to_owned());
        let told = refused(&held, DisplayMode::Page, false)
            .unwrap()
            .to_string();
        assert!(told.contains("nothing was used"), "{told}");
        assert!(refused(&held, DisplayMode::Save, false).is_none());
        assert!(refused(&held, DisplayMode::Page, true).is_none());
    }

    #[tokio::test]
    async fn a_photo_that_cannot_be_shown_is_saved_later_without_another_charge() {
        // Given a view of a file that cannot be decoded,
        let world = world().await;
        let viewed = world.view().await.unwrap();
        assert!(preview(PHOTO).is_err());

        // when it was not shown, then the same view is resumed;
        finish(&world.vault, &world.held, &viewed, &Shown::NoPicture).unwrap();
        let again = world.view().await.unwrap();
        assert!(again.resumed);
        assert_eq!((again.request, again.used), (viewed.request, 1));

        // and once it is saved, the next one is new.
        let saved = Shown::Saved(PathBuf::from("photo.heic"));
        finish(&world.vault, &world.held, &again, &saved).unwrap();
        assert!(!world.view().await.unwrap().resumed);
    }
}
