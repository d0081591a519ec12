//! The gallery for peers: previews of the images that are not closed, in pages.

use cameo_common::ids::ImageId;
use cameo_common::peer::{GalleryItem, MAX_GALLERY, MAX_PREVIEW, PeerRefusal, PeerReply};

use super::serve::{Refusal, Service};
use crate::peer::{Answer, Body};
use crate::vault::records::{Image, Policy};

/// Images in one answer; the peer requests the next page.
const PAGE: usize = 64;

impl Service {
    pub(super) fn gallery(&self, after: Option<ImageId>) -> Result<Answer<PeerReply>, Refusal> {
        let vault = &self.core.ctx.vault;
        let all = vault.list::<Image>()?;
        let mut open: Vec<Image> = all
            .into_iter()
            .map(|(_, image)| image)
            .filter(|image| image.policy != Policy::Closed)
            .take(MAX_GALLERY)
            .collect();
        if open.is_empty() {
            return Err(Refusal::new(
                PeerRefusal::Closed,
                "the gallery is closed; ask its owner to open it",
            ));
        }
        if let Some(after) = after {
            open.retain(|image| image.image > after);
        }
        let more = open.len() > PAGE;
        let (mut items, mut previews) = (Vec::new(), Vec::new());
        for image in open.into_iter().take(PAGE) {
            let preview = vault
                .get_blob(Image::PREVIEWS, &image.image.to_string())?
                .filter(|preview| preview.len() <= MAX_PREVIEW)
                .unwrap_or_default();
            items.push(GalleryItem {
                image: image.image,
                title: image.title,
                width: image.width,
                height: image.height,
                bytes: image.bytes,
                preview: u32::try_from(preview.len()).unwrap_or_default(),
                asks: image.policy == Policy::Ask,
            });
            previews.extend(preview);
        }
        let reply = PeerReply::Gallery { items, more };
        Ok(if previews.is_empty() {
            Answer::message(reply)
        } else {
            Answer::with_body(reply, Body::bytes(previews))
        })
    }
}
