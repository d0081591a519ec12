//! Sealing the photo for one viewer, and the cover that it will be hidden in.

use cameo_common::codec::cover::default_cover_from_file;
use cameo_common::codec::{CoverError, HideOptions, cover_from_picture, png};
use cameo_common::ids::{GrantId, Hash};
use cameo_common::keys::SealingPublic;
use cameo_common::sealing::{PhotoInfo, SealedPhoto, seal_photo};
use cameo_common::statements::grant_id;
use tokio::task::spawn_blocking;

use crate::clock;
use crate::context::Context;
use crate::exit::Failure;
use crate::vault::records::{Asked, Contact, Image, Incoming, Secret};

/// What a worker needs, and what the owner keeps.
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

/// What is sealed, for whom, and what it will look like.
struct Material {
    info: PhotoInfo,
    photo: Vec<u8>,
    preview: Vec<u8>,
    own_cover: Option<Vec<u8>>,
}

pub(super) async fn seal(
    ctx: &Context,
    incoming: &Incoming,
    image: &Image,
) -> Result<Sealed, Failure> {
    if !matches!(incoming.asked, Asked::Photo(_)) {
        return Err(Failure::other(
            "not_a_photo",
            "this request is for more views, not for a photo",
        ));
    }
    let viewer_sealing = sealing_key(ctx, incoming)?;
    let nonce = clock::nonce();
    let owner = ctx.me.identity_key().public();
    let grant = grant_id(&owner, &incoming.viewer_key, &image.image, &nonce);
    let material = material(ctx, image)?;
    let options = image.look.options();
    let work = move || -> Result<Sealed, Failure> {
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
        .map_err(|error| Failure::other("sealing", error.to_string()))?
}

/// The key that the viewer's pinned card names.
fn sealing_key(ctx: &Context, incoming: &Incoming) -> Result<SealingPublic, Failure> {
    let contact = ctx.vault.get::<Contact>(incoming.viewer.as_str())?;
    let contact = contact
        .filter(|contact| contact.key == incoming.viewer_key)
        .ok_or_else(|| {
            Failure::identity_changed(format!(
                "{} has another key than the one this request came with; turn it down",
                incoming.viewer
            ))
        })?;
    Ok(contact.card.verify()?.sealing)
}

fn material(ctx: &Context, image: &Image) -> Result<Material, Failure> {
    let name = image.image.to_string();
    let missing = |what: &str| {
        Failure::not_found(format!(
            "the {what} of '{}' is missing from the home; add the file again",
            image.title
        ))
    };
    let photo = ctx
        .vault
        .get_blob(Image::PHOTOS, &name)?
        .ok_or_else(|| missing("photo"))?;
    if Hash::of(&photo) != image.hash {
        return Err(Failure::other(
            "damaged",
            format!(
                "the photo of '{}' has changed on disk; add the file again",
                image.title
            ),
        ));
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
    Ok(Material {
        info: PhotoInfo {
            name: image.name.clone(),
            media_type: image.media_type.clone(),
        },
        photo,
        preview,
        own_cover,
    })
}

fn cover(material: &Material, payload: usize, options: &HideOptions) -> Result<Vec<u8>, Failure> {
    let made = match &material.own_cover {
        Some(picture) => cover_from_picture(picture, payload, options),
        None => default_cover_from_file(&material.preview, None, payload, options),
    };
    made.map(|cover| png::write(&cover))
        .map_err(|error: CoverError| Failure::other("cover", error.to_string()))
}
