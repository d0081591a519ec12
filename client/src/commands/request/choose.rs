//! The images that the arguments of `request` name.

use std::sync::Arc;

use cameo_common::ids::ImageId;

use super::error::ImageError;
use crate::directory::ResolvedUser;
use crate::flows::context::Context;
use crate::flows::gallery::{GalleryError, Shown, look};
use crate::peer::Peers;
use crate::text::prefix::resolve;
use crate::text::sanitize::sanitize;
use crate::vault::VaultError;
use crate::vault::records::SeenGallery;

/// An image to request.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) image: ImageId,
    pub(super) title: String,
}

/// An image with its name in the report: the whole id, or the argument if it is not resolved.
pub(super) type Chosen = (String, Result<Wanted, ImageError>);

/// Resolves the arguments, each image once. Whole ids need no gallery: if it cannot be listed, only
/// the other arguments fail.
pub(super) async fn all(
    ctx: &Context,
    peers: &Peers,
    person: &ResolvedUser,
    texts: &[String],
) -> Result<Vec<Chosen>, VaultError> {
    let whole = texts.iter().all(|text| text.parse::<ImageId>().is_ok());
    let looked = if whole {
        Ok(seen(ctx, person)?)
    } else {
        look(ctx, peers, person).await.map(titles)
    };
    Ok(match looked {
        Ok(titles) => each_once(texts, |text| find_image(text, &titles), &titles),
        Err(error) => {
            let error = Arc::new(error);
            let unknown = |text: &String| text.parse().map_err(|_| unresolved(text, &error));
            each_once(texts, unknown, &seen(ctx, person)?)
        }
    })
}

/// The titles of the gallery when it was last listed.
fn seen(ctx: &Context, person: &ResolvedUser) -> Result<Vec<(ImageId, String)>, VaultError> {
    let seen = ctx.vault.get::<SeenGallery>(person.name.as_str())?;
    Ok(seen.unwrap_or_default().titles)
}

fn titles(shown: Vec<Shown>) -> Vec<(ImageId, String)> {
    let titles = shown.into_iter();
    titles
        .map(|shown| (shown.item.image, sanitize(&shown.item.title)))
        .collect()
}

fn find_image(text: &str, titles: &[(ImageId, String)]) -> Result<ImageId, ImageError> {
    if let Ok(image) = text.parse() {
        return Ok(image);
    }
    Ok(resolve(
        text,
        titles.iter().map(|(image, _)| *image),
        "image in this gallery",
        "`cameo gallery USER` lists them",
    )?)
}

fn unresolved(text: &str, error: &Arc<GalleryError>) -> ImageError {
    ImageError::Unresolved {
        text: text.to_owned(),
        error: Arc::clone(error),
    }
}

fn each_once(
    texts: &[String],
    find: impl Fn(&String) -> Result<ImageId, ImageError>,
    titles: &[(ImageId, String)],
) -> Vec<Chosen> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for text in texts {
        let wanted = find(text).map(|image| {
            let title = titles.iter().find(|(known, _)| *known == image);
            let title = title.map(|(_, title)| title.clone()).unwrap_or_default();
            Wanted { image, title }
        });
        let name = match &wanted {
            Ok(wanted) => wanted.image.to_string(),
            Err(_) => text.clone(),
        };
        if chosen.iter().all(|(known, _)| *known != name) {
            chosen.push((name, wanted));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::{alone, somebody};
    use crate::error_kind::{Classified, ErrorKind};

    #[test]
    fn an_image_named_twice_is_requested_once_and_an_unknown_name_is_kept() {
        let (one, two) = (ImageId([0x1a; 16]), ImageId([0x2b; 16]));
        let titles = [(one, "at sea".to_owned()), (two, String::new())];
        let texts = ["2b", "1a1a", "1", "nothing", "2b2b"].map(str::to_owned);
        let chosen = each_once(&texts, |text| find_image(text, &titles), &titles);
        let names: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [&*two.to_string(), &*one.to_string(), "nothing"]);
        assert_eq!(chosen[1].1.as_ref().unwrap().title, "at sea");
        assert_eq!(chosen[2].1.as_ref().unwrap_err().kind(), ErrorKind::Usage);
    }

    #[tokio::test]
    async fn without_the_gallery_only_incomplete_ids_fail() {
        let world = alone();
        let ctx = &world.core.ctx;
        let whole = ImageId([0x1a; 16]);
        let seen = SeenGallery {
            titles: vec![(whole, "at sea".into())],
        };
        ctx.vault.put("ada", &seen).unwrap();
        let texts = [whole.to_string(), "1a".into()];
        let chosen = all(ctx, &world.core.peers, &somebody("ada"), &texts).await;
        let chosen = chosen.unwrap();
        assert_eq!(chosen[0].1.as_ref().unwrap().title, "at sea");
        let (name, error) = (&chosen[1].0, chosen[1].1.as_ref().unwrap_err());
        assert!(matches!(error, ImageError::Unresolved { .. }), "{error}");
        assert_eq!((name.as_str(), error.kind()), ("1a", ErrorKind::Other));
        assert!(error.to_string().contains("'1a' is not a whole id"));
    }
}
