//! The gallery of another user, from their agent.

use bytes::Bytes;
use cameo_common::ids::ImageId;
use cameo_common::peer::{GalleryItem, MAX_GALLERY, MAX_PREVIEW, PeerReply, PeerRequest};

use super::context::Context;
use crate::directory::ResolvedUser;
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::{CallError, PeerError, Peers, ReceivedBody};
use crate::text::sanitize::sanitize;
use crate::vault::VaultError;
use crate::vault::records::SeenGallery;

/// One image of another user's gallery, with its preview.
#[derive(Debug, Clone)]
pub struct Shown {
    pub item: GalleryItem,
    pub preview: Bytes,
}

/// A gallery that cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for GalleryError {
    fn kind(&self) -> ErrorKind {
        match self {
            GalleryError::Peer(error) => error.kind(),
            GalleryError::Vault(error) => error.kind(),
        }
    }
}

/// Fetches a gallery and stores the titles of its images.
///
/// # Errors
/// When it is closed, or its owner is offline.
pub async fn look(
    ctx: &Context,
    peers: &Peers,
    person: &ResolvedUser,
) -> Result<Vec<Shown>, GalleryError> {
    let shown = fetch(peers, person)
        .await
        .map_err(|error| error.of(&person.name))?;
    let titles = shown
        .iter()
        .map(|shown| (shown.item.image, sanitize(&shown.item.title)))
        .collect();
    ctx.vault
        .put(person.name.as_str(), &SeenGallery { titles })?;
    Ok(shown)
}

/// Fetches all pages of a gallery.
async fn fetch(peers: &Peers, person: &ResolvedUser) -> Result<Vec<Shown>, CallError> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut after: Option<ImageId> = None;
    while shown.len() < MAX_GALLERY {
        let request = PeerRequest::Gallery { after };
        let (items, more, body) = match peers.ask(&person.reach, request, ACK_DEADLINE).await? {
            (PeerReply::Gallery { items, more }, body, _) => (items, more, body),
            _ => return Err(CallError::WrongAnswer),
        };
        let last = items.last().map(|item| item.image);
        shown.extend(with_previews(items, body).await?);
        if !more || last.is_none() || last <= after {
            break;
        }
        after = last;
    }
    Ok(shown)
}

async fn with_previews(
    items: Vec<GalleryItem>,
    body: Option<ReceivedBody>,
) -> Result<Vec<Shown>, CallError> {
    let limit = items.len() * MAX_PREVIEW;
    let mut previews = match body {
        Some(body) => body
            .collect(limit as u64)
            .await
            .map_err(|_| CallError::WrongAnswer)?,
        None => Bytes::new(),
    };
    let mut shown = Vec::with_capacity(items.len());
    for item in items {
        let length = item.preview as usize;
        if length > MAX_PREVIEW || length > previews.len() {
            return Err(CallError::WrongAnswer);
        }
        let preview = previews.split_to(length);
        shown.push(Shown { item, preview });
    }
    Ok(shown)
}
