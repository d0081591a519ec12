//! Which images are meant.

use cameo_common::ids::ImageId;

use crate::context::Context;
use crate::conversation::Peers;
use crate::directory::Person;
use crate::exit::Failure;
use crate::prefix::{PrefixError, resolve};
use crate::vault::records::SeenGallery;
use crate::verbs::gallery;
use crate::words::tidy;

/// An image that somebody wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) image: ImageId,
    pub(super) title: String,
}

/// The images that were meant, each once. Whole ids need no look at the gallery.
pub(super) async fn all(
    ctx: &Context,
    peers: &Peers,
    person: &Person,
    texts: &[String],
) -> Result<Vec<(String, Result<Wanted, Failure>)>, Failure> {
    let user = person.name.as_str();
    let whole = texts.iter().all(|text| text.parse::<ImageId>().is_ok());
    let titles: Vec<(ImageId, String)> = if whole {
        let seen = ctx.vault.get::<SeenGallery>(user)?;
        seen.unwrap_or_default().titles
    } else {
        let shown = gallery::look(ctx, peers, person).await?;
        let titles = shown
            .into_iter()
            .map(|shown| (shown.item.image, tidy(&shown.item.title)));
        titles.collect()
    };
    let meant = |text: &String| match text.parse::<ImageId>() {
        Ok(image) => Ok(image),
        Err(_) => resolve(
            text,
            titles.iter().map(|(image, _)| *image),
            "image in this gallery",
            "`cameo gallery USER` lists them",
        ),
    };
    Ok(each_once(texts, meant, &titles))
}

/// With the name that each is told by: its whole id, or what was written where it is none.
fn each_once(
    texts: &[String],
    meant: impl Fn(&String) -> Result<ImageId, PrefixError>,
    titles: &[(ImageId, String)],
) -> Vec<(String, Result<Wanted, Failure>)> {
    let mut chosen: Vec<(String, Result<Wanted, Failure>)> = Vec::new();
    for text in texts {
        let wanted = meant(text).map(|image| {
            let title = titles.iter().find(|(known, _)| *known == image);
            let title = title.map(|(_, title)| title.clone()).unwrap_or_default();
            Wanted { image, title }
        });
        let name = match &wanted {
            Ok(wanted) => wanted.image.to_string(),
            Err(_) => text.clone(),
        };
        if chosen.iter().all(|(known, _)| *known != name) {
            chosen.push((name, wanted.map_err(Failure::from)));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_image_that_is_named_twice_is_meant_once_and_a_wrong_name_stays_what_it_was() {
        let (one, two) = (ImageId([0x1a; 16]), ImageId([0x2b; 16]));
        let titles = [(one, "at sea".to_owned()), (two, String::new())];
        let texts = ["2b", "1a1a", "1", "nothing", "2b2b"].map(str::to_owned);
        let meant = |text: &String| resolve(text, [one, two], "image", "look");
        let chosen = each_once(&texts, meant, &titles);
        let names: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [&*two.to_string(), &*one.to_string(), "nothing"]);
        assert_eq!(chosen[1].1.as_ref().unwrap().title, "at sea");
        assert_eq!(
            chosen[2].1.as_ref().unwrap_err().exit,
            crate::exit::Exit::Usage
        );
    }
}
