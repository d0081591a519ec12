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
        std::fs::create_dir_all(&folder).map_err(IoError)?;
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
    std::fs::create_dir_all(&folder).map_err(IoError)?;
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

fn save(folder: &Path, image: &ImageId, preview: &[u8]) -> Result<Option<PathBuf>, IoError> {
    if preview.is_empty() {
        return Ok(None);
    }
    let path = folder.join(format!("{image}.jpg"));
    std::fs::write(&path, preview).map_err(IoError)?;
    Ok(Some(path))
}
