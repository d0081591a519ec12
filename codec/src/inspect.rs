//! Inspection of a PNG without a key.

use serde::Serialize;

use super::options::HideOptions;
use super::picture::{Channels, Picture};
use super::png::{self, PngError};
use super::size::capacity;

/// Properties visible without a key. Whether a picture is a `veil` carrier is not among them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    pub width: u32,
    pub height: u32,
    /// Samples of a pixel.
    pub channels: u8,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Share of pixels that are not opaque, 0 to 1.
    pub translucent: f64,
    /// Some pixel is not opaque, as in an `alpha` carrier.
    pub looks_like_alpha: bool,
    /// Most payload bytes that `veil` could have hidden here, at depths 1 to 4.
    pub veil_capacity: [u64; 4],
}

/// Decodes and inspects a PNG.
pub fn inspect(png: &[u8]) -> Result<Inspection, PngError> {
    Ok(Inspection::of(&png::read(png)?, png.len() as u64))
}

impl Inspection {
    /// Inspects a picture decoded from a file of this many bytes.
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
