//! Sealing of a photo for one viewer, and the cover that it is hidden in.

use cameo_codec::cover::default_cover_from_file;
use cameo_codec::{Caption, HideOptions, cover_from_picture, png};
use cameo_common::ids::{GrantId, Hash};
use cameo_common::keys::SealingPublic;
use cameo_common::sealing::{PhotoInfo, SealedPhoto, seal_photo};
use cameo_common::statements::grant_id;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::ShareError;
use crate::clock;
use crate::flows::context::Context;
use crate::vault::records::{Contact, Image, Incoming, RequestSubject, Secret, UNTITLED};

/// Longest file name that is made from a title, without its extension, in bytes.
const MAX_VIEWER_NAME: usize = 200;

/// Photos that are sealed concurrently, bounded because of their memory; the others wait.
const SEALING_AT_ONCE: usize = 2;
static SEALING: Semaphore = Semaphore::const_new(SEALING_AT_ONCE);

/// A sealed photo, with the data for the worker and for the owner's record.
#[derive(Debug)]
pub(super) struct Sealed {
    pub grant: GrantId,
    pub nonce: Hash,
    pub viewer_sealing: SealingPublic,
    pub photo: SealedPhoto,
    pub cover: Vec<u8>,
    pub codec_key: Secret,
    pub options: HideOptions,
}

/// The inputs of sealing: photo, preview and look.
struct Material {
    info: PhotoInfo,
    photo: Vec<u8>,
    preview: Vec<u8>,
    own_cover: Option<Vec<u8>>,
    caption: Option<Caption>,
}

pub(super) async fn seal(
    ctx: &Context,
    incoming: &Incoming,
    image: &Image,
) -> Result<Sealed, ShareError> {
    let RequestSubject::Photo(request) = &incoming.asked else {
        return Err(ShareError::NotAPhoto);
    };
    let viewer_sealing = sealing_key(ctx, incoming)?;
    let nonce = clock::nonce();
    let owner = ctx.me.identity_key().public();
    let (viewer, request) = (&incoming.viewer_key, request.hash());
    let grant = grant_id(&owner, viewer, &image.image, &nonce, &request);
    // The semaphore is never closed.
    let _permit = SEALING.acquire().await.ok();
    let material = material(ctx, image)?;
    let options = image.look.options();
    let work = move || -> Result<Sealed, ShareError> {
        let photo = seal_photo(
            &mut clock::rng(),
            &grant,
            &viewer_sealing,
            &material.info,
            &material.photo,
        )?;
        let cover = cover(&material, photo.payload.len(), &options)?;
        Ok(Sealed {
            grant,
            nonce,
            viewer_sealing,
            photo,
            cover,
            codec_key: Secret::new(clock::random()),
            options,
        })
    };
    spawn_blocking(work)
        .await
        .map_err(|error| ShareError::SealingStopped(error.to_string()))?
}

/// The sealing key of the viewer's pinned card.
fn sealing_key(ctx: &Context, incoming: &Incoming) -> Result<SealingPublic, ShareError> {
    let contact = ctx.vault.get::<Contact>(incoming.viewer.as_str())?;
    let contact = contact
        .filter(|contact| contact.key == incoming.viewer_key)
        .ok_or_else(|| ShareError::RequestKeyChanged(incoming.viewer.clone()))?;
    Ok(contact.card.verify()?.sealing)
}

fn material(ctx: &Context, image: &Image) -> Result<Material, ShareError> {
    let name = image.image.to_string();
    let missing = |what| ShareError::Missing {
        what,
        title: image.title.clone(),
    };
    let photo = ctx
        .vault
        .get_blob(Image::PHOTOS, &name)?
        .ok_or_else(|| missing("photo"))?;
    if Hash::of(&photo) != image.hash {
        return Err(ShareError::Damaged(image.title.clone()));
    }
    let preview = ctx
        .vault
        .get_blob(Image::PREVIEWS, &name)?
        .ok_or_else(|| missing("preview"))?;
    let own_cover = match image.look.own_cover {
        true => Some(
            ctx.vault
                .get_blob(Image::COVERS, &name)?
                .ok_or_else(|| missing("cover"))?,
        ),
        false => None,
    };
    let caption = image.look.caption().map_err(|error| ShareError::Caption {
        title: image.title.clone(),
        why: error.to_string(),
    })?;
    Ok(Material {
        info: PhotoInfo {
            name: viewer_name(image),
            media_type: image.media_type.clone(),
        },
        photo,
        preview,
        own_cover,
        caption,
    })
}

/// The file name for the viewer: the title and an extension. The owner's file name is not sent.
fn viewer_name(image: &Image) -> String {
    let title = image.title.trim_start_matches('.');
    let mut name = title.replace(['/', '\\'], "-");
    name.truncate(name.floor_char_boundary(MAX_VIEWER_NAME));
    if name.is_empty() {
        UNTITLED.clone_into(&mut name);
    }
    name.push_str(extension(&image.media_type));
    name
}

fn extension(media_type: &str) -> &'static str {
    match media_type {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/webp" => ".webp",
        "image/gif" => ".gif",
        "image/tiff" => ".tif",
        "image/bmp" => ".bmp",
        _ => "",
    }
}

fn cover(
    material: &Material,
    payload: usize,
    options: &HideOptions,
) -> Result<Vec<u8>, ShareError> {
    let made = match &material.own_cover {
        Some(picture) => cover_from_picture(picture, payload, options),
        None => default_cover_from_file(
            &material.preview,
            material.caption.as_ref(),
            payload,
            options,
        ),
    };
    Ok(png::write(&made?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::tests::image;
    use crate::vault::records::Policy;

    #[test]
    fn the_viewer_s_file_name_is_the_title_and_never_the_owner_s_file_name() {
        let wide = "雪".repeat(100);
        let cut = format!("{}.png", "雪".repeat(66));
        for (title, media_type, name) in [
            (UNTITLED, "image/jpeg", "untitled.jpg"),
            ("At sea", "image/png", "At sea.png"),
            ("../a/b\\c", "image/gif", "-a-b-c.gif"),
            ("...", "image/webp", "untitled.webp"),
            ("notes", "application/octet-stream", "notes"),
            (wide.as_str(), "image/png", cut.as_str()),
        ] {
            let image = Image {
                title: title.to_owned(),
                name: "beach at 52.5 N.jpg".to_owned(),
                media_type: media_type.to_owned(),
                ..image(Policy::Open)
            };
            assert_eq!(viewer_name(&image), name);
        }
    }
}
