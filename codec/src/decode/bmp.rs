//! BMPs whose header has a mask for alpha although its compression says that there are no masks, as
//! many programs write them. Browsers take the alpha; where all of it is zero, nobody meant it.

use std::borrow::Cow;

use image::DynamicImage;

const HEADER_SIZE: usize = 14;
const BITS: usize = 28;
const COMPRESSION: usize = 30;
const MASKS: usize = 54;
const ALPHA_MASK: usize = 66;
/// Smallest header that has masks for colours and alpha in it (BITMAPV4HEADER).
const V4_BYTES: u32 = 108;
/// Compression: none; none, by masks.
const RGB: u32 = 0;
const BIT_FIELDS: u32 = 3;
/// The only mask for alpha beside these colours.
const ALPHA: u32 = 0xff00_0000;
/// Masks of red, green and blue without masks.
const COLOURS: [u32; 3] = [0x00ff_0000, 0xff00, 0xff];

/// The file in the form in which the decoder takes the alpha.
pub(super) fn with_alpha_mask(file: &[u8]) -> Cow<'_, [u8]> {
    let number = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let is_meant = number(HEADER_SIZE).is_some_and(|size| size >= V4_BYTES)
        && file.get(BITS..BITS + 2) == Some(&[32, 0])
        && number(COMPRESSION) == Some(RGB)
        && number(ALPHA_MASK) == Some(ALPHA);
    if !is_meant {
        return Cow::Borrowed(file);
    }
    let mut file = file.to_vec();
    file[COMPRESSION..COMPRESSION + 4].copy_from_slice(&BIT_FIELDS.to_le_bytes());
    for (i, mask) in COLOURS.into_iter().enumerate() {
        let at = MASKS + 4 * i;
        file[at..at + 4].copy_from_slice(&mask.to_le_bytes());
    }
    Cow::Owned(file)
}

/// Makes a picture opaque of which nothing would be seen.
pub(super) fn without_empty_alpha(image: DynamicImage) -> DynamicImage {
    match &image {
        DynamicImage::ImageRgba8(rgba) if rgba.pixels().all(|pixel| pixel.0[3] == 0) => {
            DynamicImage::ImageRgb8(image.to_rgb8())
        }
        _ => image,
    }
}
