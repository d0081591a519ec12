//! `gallery`: lists another user's gallery, with previews directly from their agent.

mod own;

use std::path::{Path, PathBuf};

use cameo_common::ids::{ImageId, UserName};
use clap::Args;
use serde_json::{Value, json};

use super::error::PeersError;
use super::peers::peers;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::gallery::{GalleryError, Shown, look};
use crate::output::{Output, Report, table};
use crate::text::prefix::short;
use crate::text::sanitize::sanitize;
use crate::vault::files::{create_private_folder, replace_private};
use crate::vault::{IoError, VaultError};

/// Arguments of `gallery`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The owner of the gallery. Your own is listed with the names of your files.
    #[arg(value_name = "USER")]
    user: UserName,
    /// The folder for the previews, else one in the home.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// A gallery that cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::Directory(error) => error.kind(),
            Error::Peers(error) => error.kind(),
            Error::Gallery(error) => error.kind(),
            Error::Io(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, out: Output, arguments: Arguments) -> Result<Report, Error> {
    let folder = match &arguments.to {
        Some(folder) => folder.clone(),
        None => ctx
            .vault
            .home()
            .path()
            .join("galleries")
            .join(arguments.user.as_str()),
    };
    if arguments.user == ctx.me.name {
        create_private_folder(&folder).map_err(IoError)?;
        return own::list(ctx, &folder);
    }
    let person = directory::look_up_active(&ctx.api, &ctx.vault, &arguments.user).await?;
    if person.first_contact {
        out.note(format_args!(
            "First contact with {0}: compare safety phrases when you can (`cameo who {0}`).",
            arguments.user
        ));
    }
    let peers = peers(ctx).await?;
    let bar = out.bar("asking");
    let result = look(ctx, &peers, &person).await;
    bar.finish_and_clear();
    let shown = result?;
    create_private_folder(&folder).map_err(IoError)?;
    let mut images: Vec<Value> = Vec::new();
    let mut rows = Vec::new();
    for Shown { item, preview } in &shown {
        let path = save(&folder, &item.image, preview)?;
        let title = sanitize(&item.title);
        let asks = if item.asks { "asks first" } else { "open" };
        rows.push(vec![
            short(&item.image),
            title.clone(),
            size(item.width, item.height, item.bytes),
            asks.to_owned(),
        ]);
        images.push(json!({
            "image": item.image, "title": title, "width": item.width, "height": item.height,
            "bytes": item.bytes, "asks": item.asks,
            "preview": path.as_deref().map(Path::to_string_lossy),
        }));
    }
    let text = format!("{}The previews are in {}.", table(&rows), folder.display());
    Ok(Report::new(text)
        .with("user", &arguments.user)
        .with_file("folder", &folder)
        .with("images", images))
}

/// The size of an image. Files that cannot be decoded have none.
fn size(width: u32, height: u32, bytes: u64) -> String {
    match (width, height) {
        (0, _) | (_, 0) => format!("no picture, {bytes} bytes"),
        (width, height) => format!("{width} x {height}"),
    }
}

/// Writes a preview, which shows somebody's photo: for this user only.
fn save(folder: &Path, image: &ImageId, preview: &[u8]) -> Result<Option<PathBuf>, IoError> {
    if preview.is_empty() {
        return Ok(None);
    }
    let path = folder.join(format!("{image}.jpg"));
    replace_private(&path, preview).map_err(IoError)?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const IMAGE: ImageId = ImageId([4; 16]);

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn attack_previews_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        // given a preview that an earlier version has left readable by everybody
        let path = folder.path().join(format!("{IMAGE}.jpg"));
        std::fs::write(&path, b"old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        // when it is saved again
        let saved = save(folder.path(), &IMAGE, b"new").unwrap().unwrap();
        // then it is the new one, and private
        assert_eq!(saved, path);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o600);
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1);
    }

    #[test]
    fn attack_a_preview_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        // given a link in the preview's place to a file of the user's
        let (theirs, path) = (
            folder.path().join("theirs"),
            folder.path().join(format!("{IMAGE}.jpg")),
        );
        std::fs::write(&theirs, b"theirs").unwrap();
        symlink(&theirs, &path).unwrap();
        // when the preview is saved
        save(folder.path(), &IMAGE, b"new").unwrap();
        // then the link is replaced, and the file is as it was
        assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs");
        assert!(!path.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}
