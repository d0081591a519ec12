//! What a stranger can learn from a PNG.

use serde::Serialize;

use super::options::HideOptions;
use super::picture::{Channels, Picture};
use super::png::{self, PngError};
use super::size::capacity;

/// What shows without any key. That a picture is a `veil` carrier does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    pub width: u32,
    pub height: u32,
    /// Samples a pixel.
    pub channels: u8,
    /// Length of the file.
    pub bytes: u64,
    /// Share of pixels that are not opaque, 0 to 1.
    pub translucent: f64,
    /// Alpha that is not opaque all over: an `alpha` carrier looks like this.
    pub looks_like_alpha: bool,
    /// Bytes that `veil` could at most have hidden here, at depths 1 to 4.
    pub veil_capacity: [u64; 4],
}

/// Decodes the picture and says what shows.
pub fn inspect(png: &[u8]) -> Result<Inspection, PngError> {
    Ok(Inspection::of(&png::read(png)?, png.len() as u64))
}

impl Inspection {
    /// What shows of a picture that was read from a file of so many bytes.
    pub fn of(picture: &Picture, bytes: u64) -> Self {
        let (width, height) = picture.size();
        let translucent = match picture.channels() {
            Channels::Rgb => 0,
            Channels::Rgba => picture
                .samples()
                .chunks_exact(4)
                .filter(|p| p[3] != 255)
                .count(),
        };
        let pixels = f64::from(width) * f64::from(height);
        Inspection {
            width,
            height,
            channels: picture.channels().count() as u8,
            bytes,
            translucent: translucent as f64 / pixels,
            looks_like_alpha: translucent > 0,
            veil_capacity: [1, 2, 3, 4]
                .map(|depth| capacity(width, height, &HideOptions::veil(depth))),
        }
    }
}
