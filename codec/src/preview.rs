//! Previews: small upright JPEGs without metadata, for galleries.

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbImage};
use thiserror::Error;

use super::decode::{DecodeError, decode, decode_small, to_picture};
use super::limits::{MAX_PREVIEW_BYTES, PREVIEW_EDGE};
use super::picture::Picture;
use super::{png, scale};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The preview's JPEG, at most [`MAX_PREVIEW_BYTES`].
    pub jpeg: Vec<u8>,
    /// Width of the original in pixels, orientation applied.
    pub width: u32,
    /// Height of the original in pixels, orientation applied.
    pub height: u32,
    /// Media type of the original, from its content.
    pub media_type: String,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PreviewError {
    /// The file can be shared all the same, with a preview that the owner supplies.
    #[error("{0}; it can be shared with a preview of your own (--preview FILE)")]
    NoPicture(DecodeError),
    #[error("{0}; it can be shared with a preview of your own (--preview FILE)")]
    Refused(DecodeError),
    #[error(
        "its preview does not fit into {MAX_PREVIEW_BYTES} bytes; give one of your own \
         (--preview FILE)"
    )]
    TooLarge,
}

impl From<DecodeError> for PreviewError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::NotAPicture
            | DecodeError::UnsupportedKind(_)
            | DecodeError::NotRead(_) => PreviewError::NoPicture(error),
            _ => PreviewError::Refused(error),
        }
    }
}

/// JPEG qualities tried until the preview is small enough. Every picture of this size fits at the
/// last one.
const QUALITIES: [u8; 5] = [82, 70, 55, 35, 10];

/// Makes a preview of any picture that can be decoded.
pub fn preview(file: &[u8]) -> Result<Preview, PreviewError> {
    // Twice the edge, so that the last reduction still filters.
    let decoded = decode_small(file, 2 * PREVIEW_EDGE)?;
    let (width, height) = decoded.size();
    let (orientation, media_type) = (decoded.orientation, decoded.media_type.to_owned());
    // Reduced first: rotation and blending are then cheap.
    let picture = to_picture(decoded.image);
    let size = scale::fit(picture.size(), PREVIEW_EDGE);
    let small = scale::shrink(&picture, size).into_opaque();
    Ok(Preview {
        jpeg: encode(&upright(small, orientation))?,
        width,
        height,
        media_type,
    })
}

/// A picture of any kind as an upright PNG in sRGB, for programs that do not show its kind.
pub fn upright_png(file: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut decoded = decode(file)?;
    decoded.image.apply_orientation(decoded.orientation);
    Ok(png::write(&to_picture(decoded.image)))
}

fn upright(picture: Picture, orientation: Orientation) -> RgbImage {
    let (width, height) = picture.size();
    match RgbImage::from_raw(width, height, picture.into_samples()) {
        Some(image) => {
            let mut image = DynamicImage::ImageRgb8(image);
            image.apply_orientation(orientation);
            image.into_rgb8()
        }
        None => unreachable!("an opaque picture has three samples a pixel"),
    }
}

fn encode(image: &RgbImage) -> Result<Vec<u8>, PreviewError> {
    for quality in QUALITIES {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, quality)
            .write_image(
                image,
                image.width(),
                image.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| PreviewError::Refused(DecodeError::Damaged(error.to_string())))?;
        if jpeg.len() <= MAX_PREVIEW_BYTES {
            return Ok(jpeg);
        }
    }
    Err(PreviewError::TooLarge)
}
