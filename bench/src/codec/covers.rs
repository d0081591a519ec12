//! Kinds of covers that are measured, each with just the area that the payload needs.

use cameo_codec::{HideOptions, Picture, default_cover};

use super::photos::{self, Photo};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverKind {
    /// The default: a smooth enlargement of a thumbnail.
    Blurred,
    /// The photo itself.
    Photo,
}

impl CoverKind {
    pub const ALL: [CoverKind; 2] = [CoverKind::Blurred, CoverKind::Photo];

    pub fn name(self) -> &'static str {
        match self {
            CoverKind::Blurred => "blurred",
            CoverKind::Photo => "photo",
        }
    }

    pub fn make(
        self,
        photo: &Photo,
        payload_len: usize,
        options: &HideOptions,
    ) -> anyhow::Result<Picture> {
        let blurred = default_cover(&photo.picture, None, payload_len, options)?;
        match self {
            CoverKind::Blurred => Ok(blurred),
            CoverKind::Photo => photos::with_size(&photo.picture, blurred.size()),
        }
    }
}
