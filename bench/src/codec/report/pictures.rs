//! Pictures of covers and carriers for the page: each as a thumbnail, and a crop at full size.

use std::io::Cursor;

use cameo_codec::{CodecKey, HideOptions, Picture, capacity, embed};
use data_encoding::BASE64;
use image::{ImageFormat, RgbImage, imageops};

use super::super::Bench;
use super::super::covers::CoverKind;
use super::super::photos::{self, Photo, random_bytes};
use crate::quality::psnr;

/// Longer edge of a reduced picture, in pixels.
const THUMBNAIL_EDGE: u32 = 420;

/// Edge of a crop, in pixels.
const CROP_EDGE: u32 = 140;

/// Amplification of differences, around middle grey.
pub const AMPLIFICATION: i32 = 64;

/// A picture on the page: its data URL and caption.
#[derive(Debug)]
pub struct Image {
    pub url: String,
    pub caption: String,
}

/// Pictures of one kind of cover at one depth.
#[derive(Debug)]
pub struct PictureSet {
    pub title: String,
    pub thumbnails: Vec<Image>,
    pub crops: Vec<Image>,
}

/// The same photo on each kind of cover at each depth, at full load.
pub fn picture_sets(bench: &Bench) -> anyhow::Result<Vec<PictureSet>> {
    let photo = photos::nearest(&bench.photos, 12e6);
    let mut shown = Vec::new();
    for kind in CoverKind::ALL {
        for depth in 1..=3 {
            shown.push(picture_set(photo, kind, depth, bench.sizes.photo_bytes)?);
        }
    }
    Ok(shown)
}

fn picture_set(
    photo: &Photo,
    kind: CoverKind,
    depth: u8,
    payload_len: usize,
) -> anyhow::Result<PictureSet> {
    let options = HideOptions::veil(depth);
    let cover = kind.make(photo, payload_len, &options)?;
    let payload = random_bytes(capacity(cover.width(), cover.height(), &options) as usize);
    let key = CodecKey::from_bytes([11; CodecKey::BYTES]);
    let carrier = embed(cover.clone(), &payload, &key, &options)?;
    let noise = psnr(cover.samples(), carrier.samples());
    Ok(PictureSet {
        title: format!(
            "{} cover, k = {depth}: {}x{}, {:.1} MB hidden, {noise:.1} dB",
            match kind {
                CoverKind::Blurred => "Default (blurred)",
                CoverKind::Photo => "Photographic",
            },
            cover.width(),
            cover.height(),
            payload.len() as f64 / 1e6
        ),
        thumbnails: vec![
            thumbnail(&photo.picture, "the photo that is hidden")?,
            thumbnail(&cover, "cover")?,
            thumbnail(&carrier, "carrier")?,
        ],
        crops: vec![
            crop(&cover, "cover, pixel by pixel")?,
            crop(&carrier, "carrier, pixel by pixel")?,
            crop(
                &difference(&cover, &carrier),
                &format!("difference x {AMPLIFICATION}"),
            )?,
        ],
    })
}

fn thumbnail(picture: &Picture, caption: &str) -> anyhow::Result<Image> {
    let (width, height) = picture.size();
    let scale = f64::from(THUMBNAIL_EDGE) / f64::from(width.max(height));
    let size = [width, height].map(|edge| (f64::from(edge) * scale).round().max(1.0) as u32);
    let small = photos::with_size(picture, size.into())?;
    Ok(Image {
        url: format!(
            "data:image/jpeg;base64,{}",
            BASE64.encode(&photos::jpeg(&small, 85)?)
        ),
        caption: caption.into(),
    })
}

/// A crop from below the middle, which is more detailed than the sky, as PNG: JPEG would change the
/// low bits.
fn crop(picture: &Picture, caption: &str) -> anyhow::Result<Image> {
    let image: RgbImage = photos::to_image(picture)?;
    let (width, height) = image.dimensions();
    let edge = CROP_EDGE.min(width).min(height);
    let crop = imageops::crop_imm(
        &image,
        (width - edge) / 3,
        (height - edge) / 4 * 3,
        edge,
        edge,
    )
    .to_image();
    let mut png = Cursor::new(Vec::new());
    crop.write_to(&mut png, ImageFormat::Png)?;
    Ok(Image {
        url: format!("data:image/png;base64,{}", BASE64.encode(png.get_ref())),
        caption: caption.into(),
    })
}

/// Amplified difference of two pictures; middle grey where they are equal.
fn difference(cover: &Picture, carrier: &Picture) -> Picture {
    let mut difference = carrier.clone();
    for (sample, &before) in difference.samples_mut().iter_mut().zip(cover.samples()) {
        let change = i32::from(*sample) - i32::from(before);
        *sample = (128 + AMPLIFICATION * change).clamp(0, 255) as u8;
    }
    difference
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_codec::Channels;

    #[test]
    fn the_difference_is_grey_for_no_change_and_shows_the_direction_of_a_change() {
        let picture =
            |samples: [u8; 3]| Picture::new(1, 1, Channels::Rgb, samples.to_vec()).unwrap();
        let shown = difference(&picture([10, 10, 10]), &picture([10, 11, 9]));
        assert_eq!(shown.samples(), [128, 192, 64]);
    }
}
