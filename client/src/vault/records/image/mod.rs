//! An image in one's own gallery.

mod v1;

use cameo_codec::{Caption, CaptionError, Codec, HideOptions};
use cameo_common::ids::{Hash, ImageId, Millis};
use serde::{Deserialize, Serialize};

use crate::vault::{Older, Record};

pub use v1::{ImageV1, LookV1};

/// The title of an image that was given none. Its file's name would tell peers too much.
pub const UNTITLED: &str = "untitled";

/// An image that can be asked for. Its bytes are a blob of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub image: ImageId,
    /// What peers see it called.
    pub title: String,
    /// The file's own name. It stays here.
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
    const VERSION: u16 = 2;
    const OLDER: &'static [Older<Self>] = &[Older::of::<ImageV1>()];
}

impl Image {
    /// Folder of the photos' own files.
    pub const PHOTOS: &'static str = "photos";
    /// Folder of the previews.
    pub const PREVIEWS: &'static str = "previews";
    /// Folder of pictures that were given as covers.
    pub const COVERS: &'static str = "covers";

    /// How the owner knows it: by its title, and by the file's own name.
    #[must_use]
    pub fn known_as(&self) -> String {
        format!("{} ({})", self.title, self.name)
    }
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
    /// From the grant on. Milliseconds.
    pub expires_after_ms: Option<u64>,
    pub may_save: bool,
}

/// How its carriers look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub codec: Codec,
    /// Low bits a sample that `veil` takes.
    pub depth: u8,
    /// Words on the default cover.
    pub caption: Option<String>,
    /// Whether the owner gave a picture as cover.
    pub own_cover: bool,
}

impl Look {
    /// What the worker is told.
    #[must_use]
    pub fn options(&self) -> HideOptions {
        HideOptions {
            codec: self.codec,
            depth: self.depth,
        }
    }

    /// The words, as they are drawn.
    ///
    /// # Errors
    /// When this version cannot draw them.
    pub fn caption(&self) -> Result<Option<Caption>, CaptionError> {
        self.caption.as_deref().map(Caption::new).transpose()
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
