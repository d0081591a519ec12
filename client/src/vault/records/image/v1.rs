//! Version 1 of the image record: no depth, no caption, and a title made from the file's name.

use std::path::Path;

use cameo_codec::{Codec, HideOptions};
use cameo_common::ids::{Hash, ImageId, Millis};
use serde::{Deserialize, Serialize};

use super::{Image, Look, Policy, Terms, UNTITLED};
use crate::vault::Record;

/// Bound on a title, in characters; longer ones were cut.
const TITLE_CHARS: usize = 100;
/// Bound on a name, in bytes; longer ones were cut at the last whole character.
const NAME_BYTES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageV1 {
    pub image: ImageId,
    pub title: String,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub hash: Hash,
    pub width: u32,
    pub height: u32,
    pub policy: Policy,
    pub terms: Terms,
    pub look: LookV1,
    pub added: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookV1 {
    pub codec: Codec,
    pub own_cover: bool,
}

impl Record for ImageV1 {
    const KIND: &'static str = Image::KIND;
    const VERSION: u16 = 1;
}

/// Whether a title was made from the file's name: the part before the extension. Long titles and
/// long names were cut.
fn repeats(title: &str, name: &str) -> bool {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    let title_was_cut = title.chars().count() == TITLE_CHARS;
    let name_was_cut = name.len() + 4 > NAME_BYTES;
    stem == Some(title)
        || (title_was_cut && name.starts_with(title))
        || (name_was_cut && title.starts_with(name))
}

impl From<ImageV1> for Image {
    /// Keeps the look. A title that repeats the file's name becomes [`UNTITLED`], so that peers do
    /// not learn file names.
    fn from(old: ImageV1) -> Self {
        let title = if repeats(&old.title, &old.name) {
            UNTITLED.to_owned()
        } else {
            old.title
        };
        Image {
            image: old.image,
            title,
            name: old.name,
            media_type: old.media_type,
            bytes: old.bytes,
            hash: old.hash,
            width: old.width,
            height: old.height,
            policy: old.policy,
            terms: old.terms,
            look: Look {
                codec: old.look.codec,
                depth: HideOptions::DEFAULT_DEPTH,
                caption: None,
                own_cover: old.look.own_cover,
            },
            added: old.added,
        }
    }
}
