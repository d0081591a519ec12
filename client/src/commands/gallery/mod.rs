//! `gallery`: the previews of what somebody shares, straight from his agent.

mod own;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cameo_common::ids::{ImageId, UserName};
use cameo_common::peer::{GalleryItem, MAX_GALLERY, MAX_PREVIEW, PeerReply, PeerRequest};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::exit::Failure;
use crate::directory::{self, Person};
use crate::flows::context::Context;
use crate::output::{Report, table};
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::client::{Peers, TalkError};
use crate::text::prefix::short;
use crate::text::sanitize::tidy;
use crate::vault::records::SeenGallery;

/// What `gallery` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose gallery. Your own is listed with the names of your files.
    #[arg(value_name = "USER")]
    user: UserName,
    /// Where to put the previews; else a folder in the home.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// One image of somebody's gallery.
#[derive(Debug, Clone)]
pub struct Shown {
    pub item: GalleryItem,
    pub preview: Bytes,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
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
        std::fs::create_dir_all(&folder)?;
        return own::list(ctx, &folder);
    }
    let person = directory::look_up(&ctx.api, &ctx.vault, &arguments.user).await?;
    if person.newly_met {
        ctx.out.note(format_args!(
            "First contact with {0}: compare safety phrases some day, `cameo who {0}`.",
            arguments.user
        ));
    }
    let peers = ctx.peers().await?;
    let bar = ctx.out.bar("asking");
    let shown = look(ctx, &peers, &person).await;
    bar.finish_and_clear();
    let shown = shown?;
    std::fs::create_dir_all(&folder)?;
    let mut images: Vec<Value> = Vec::new();
    let mut rows = Vec::new();
    for Shown { item, preview } in &shown {
        let path = save(&folder, &item.image, preview)?;
        let title = tidy(&item.title);
        let asks = if item.asks { "asks first" } else { "open" };
        rows.push(vec![
            short(&item.image),
            title.clone(),
            size(item.width, item.height, item.bytes),
            asks.to_owned(),
        ]);
        images.push(json!({
            "image": item.image, "title": title, "width": item.width, "height": item.height,
            "bytes": item.bytes, "asks": item.asks, "preview": path.as_deref().map(Path::to_string_lossy),
        }));
    }
    let text = format!("{}The previews are in {}.", table(&rows), folder.display());
    Ok(Report::new(text)
        .with("user", &arguments.user)
        .with_file("folder", &folder)
        .with("images", images))
}

/// What has no size was shared with a preview of its owner's.
fn size(width: u32, height: u32, bytes: u64) -> String {
    match (width, height) {
        (0, _) | (_, 0) => format!("no picture, {bytes} bytes"),
        (width, height) => format!("{width} x {height}"),
    }
}

fn save(folder: &Path, image: &ImageId, preview: &[u8]) -> Result<Option<PathBuf>, Failure> {
    if preview.is_empty() {
        return Ok(None);
    }
    let path = folder.join(format!("{image}.jpg"));
    std::fs::write(&path, preview)?;
    Ok(Some(path))
}

/// Fetches a gallery, and keeps what its images are called.
///
/// # Errors
/// As for [`fetch`].
pub async fn look(ctx: &Context, peers: &Peers, person: &Person) -> Result<Vec<Shown>, Failure> {
    let shown = fetch(peers, person).await?;
    let titles = shown
        .iter()
        .map(|shown| (shown.item.image, tidy(&shown.item.title)))
        .collect();
    ctx.vault
        .put(person.name.as_str(), &SeenGallery { titles })?;
    Ok(shown)
}

/// All of a person's gallery, page by page.
///
/// # Errors
/// Exit 4 when it is closed, 6 when its owner is offline.
pub async fn fetch(peers: &Peers, person: &Person) -> Result<Vec<Shown>, Failure> {
    let who = person.name.as_str();
    let mut shown: Vec<Shown> = Vec::new();
    let mut after: Option<ImageId> = None;
    while shown.len() < MAX_GALLERY {
        let asked = peers
            .ask(person, PeerRequest::Gallery { after }, ACK_DEADLINE)
            .await;
        let (items, more, body) = match asked.map_err(|error| error.failure(who))? {
            (PeerReply::Gallery { items, more }, body, _) => (items, more, body),
            _ => return Err(TalkError::Strange.failure(who)),
        };
        let strange = || TalkError::Strange.failure(who);
        let limit = items.len() * MAX_PREVIEW;
        let mut previews = match body {
            Some(body) => body.collect(limit as u64).await.map_err(|_| strange())?,
            None => Bytes::new(),
        };
        let last = items.last().map(|item| item.image);
        for item in items {
            let length = item.preview as usize;
            if length > MAX_PREVIEW || length > previews.len() {
                return Err(strange());
            }
            let preview = previews.split_to(length);
            shown.push(Shown { item, preview });
        }
        if !more || last.is_none() || last <= after {
            break;
        }
        after = last;
    }
    Ok(shown)
}
