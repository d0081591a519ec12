//! Images of the user's own gallery, and what was seen of others' galleries.

mod v1;

use cameo_codec::{Caption, CaptionError, Codec, HideOptions};
use cameo_common::ids::{Hash, ImageId, Millis};
use serde::{Deserialize, Serialize};

use crate::vault::{Older, Record};

pub use v1::{ImageV1, LookV1};

/// The default title of an image. The file's name is not used, because it may tell peers too much.
pub const UNTITLED: &str = "untitled";

/// An image that can be requested. Its file is a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub image: ImageId,
    /// The title that peers see.
    pub title: String,
    /// The file's name. It is not sent to peers.
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub hash: Hash,
    /// In pixels; 0 if the file is not a picture that can be decoded.
    pub width: u32,
    pub height: u32,
    pub policy: Policy,
    pub terms: Terms,
    pub look: Look,
    pub added: Millis,
}

impl Record for Image {
    const KIND: &'static str = "image";
    const VERSION: u16 = 2;
    const OLDER: &'static [Older<Self>] = &[Older::of::<ImageV1>()];
}

impl Image {
    /// Blob folder of the photos' files.
    pub const PHOTOS: &'static str = "photos";
    /// Blob folder of the previews.
    pub const PREVIEWS: &'static str = "previews";
    /// Blob folder of the covers that the owner chose.
    pub const COVERS: &'static str = "covers";

    /// The description for its owner: title and file name.
    #[must_use]
    pub fn known_as(&self) -> String {
        format!("{} ({})", self.title, self.name)
    }
}

/// The owner's rule for requests of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Every request is approved.
    Open,
    /// The owner decides each request.
    Ask,
    /// Every request is denied, and the image is not listed.
    Closed,
}

/// The default rights of a grant for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub views: u32,
    /// In milliseconds after the creation of the grant.
    pub expires_after_ms: Option<u64>,
    pub may_save: bool,
}

/// How the carriers of an image are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub codec: Codec,
    /// Low bits of each sample that `veil` uses: 1 to 4.
    pub depth: u8,
    /// Caption of the default cover.
    pub caption: Option<String>,
    /// Whether the owner chose a picture as the cover.
    pub own_cover: bool,
}

impl Look {
    /// The options that the worker is sent.
    #[must_use]
    pub fn options(&self) -> HideOptions {
        HideOptions {
            codec: self.codec,
            depth: self.depth,
        }
    }

    /// The caption, checked.
    ///
    /// # Errors
    /// When this version cannot draw it.
    pub fn caption(&self) -> Result<Option<Caption>, CaptionError> {
        self.caption.as_deref().map(Caption::new).transpose()
    }
}

/// Titles of the images in another user's gallery when it was last listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenGallery {
    pub titles: Vec<(ImageId, String)>,
}

impl Record for SeenGallery {
    const KIND: &'static str = "seen-gallery";
    const VERSION: u16 = 1;
}
