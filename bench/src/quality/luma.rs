//! Luma of a picture (ITU-R BT.601, as JPEG uses it), not rounded.

use cameo_codec::Picture;

/// One value per pixel, 0 to 255.
pub fn luma(picture: &Picture) -> Vec<f32> {
    picture
        .samples()
        .chunks_exact(picture.channels().count())
        .map(|pixel| {
            0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])
        })
        .collect()
}
