//! An image in one's own gallery.

use cameo_common::codec::{Codec, HideOptions};
use cameo_common::ids::{Hash, ImageId, Millis};
use serde::{Deserialize, Serialize};

use crate::vault::Record;

/// An image that can be asked for. Its bytes are a blob of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub image: ImageId,
    pub title: String,
    /// The file's own name, which only entitled viewers learn.
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub hash: Hash,
    /// 0 where the file is no picture that can be decoded.
    pub width: u32,
    pub height: u32,
    pub policy: Policy,
    pub terms: Terms,
    pub look: Look,
    pub added: Millis,
}

impl Record for Image {
    const KIND: &'static str = "image";
    const VERSION: u16 = 1;
}

impl Image {
    /// Folder of the photos' own files.
    pub const PHOTOS: &'static str = "photos";
    /// Folder of the previews.
    pub const PREVIEWS: &'static str = "previews";
    /// Folder of pictures that were given as covers.
    pub const COVERS: &'static str = "covers";
}

/// Who may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Whoever asks.
    Open,
    /// Whoever asks and gets the owner's yes.
    Ask,
    /// Nobody; it is not listed.
    Closed,
}

/// What a viewer gets when nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub views: u32,
    /// From the grant on.
    pub expires_after: Option<Millis>,
    pub may_save: bool,
}

/// How its carriers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub codec: Codec,
    /// Whether the owner gave a picture as cover.
    pub own_cover: bool,
}

impl Look {
    /// What the worker is told.
    #[must_use]
    pub fn options(&self) -> HideOptions {
        match self.codec {
            Codec::Veil => HideOptions::default(),
            Codec::Alpha => HideOptions::alpha(),
        }
    }
}

/// What somebody's gallery was last seen to hold, so that images have names for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenGallery {
    pub titles: Vec<(ImageId, String)>,
}

impl Record for SeenGallery {
    const KIND: &'static str = "seen-gallery";
    const VERSION: u16 = 1;
}
