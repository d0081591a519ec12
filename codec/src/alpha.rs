//! The `alpha` codec: the payload in the alpha channel, a byte a pixel, as the `steganography`
//! crate writes it. RGBA out.
//!
//! It is the baseline: visible in any viewer, and lost when alpha is flattened. The crate stores no
//! length and panics when a picture is too small, so this module adds the sealed header and checks
//! the size. The crate's old version of `image` gets raw samples and never decodes a file.

use image_021::{DynamicImage, ImageBuffer, Rgba};
use steganography::encoder::Encoder;

use super::header::{HEADER_BYTES, Header};
use super::key::{CodecKey, KeyStream, Purpose};
use super::picture::{Channels, Picture};
use super::{Codec, RevealError};

/// All eight bits of an alpha sample carry payload.
const DEPTH: u8 = 8;

/// Payload bytes that fit into a picture of this many pixels.
pub fn capacity(pixels: usize) -> usize {
    pixels.saturating_sub(HEADER_BYTES)
}

/// Pixels that a payload of this many bytes needs.
pub(super) fn pixels_for(payload: usize) -> u64 {
    (payload + HEADER_BYTES) as u64
}

/// Hides `payload` in `picture`; the caller has checked that header and payload fit.
pub(super) fn embed(picture: Picture, payload: &[u8], key: &CodecKey) -> Picture {
    let (width, height) = picture.size();
    assert!(pixels_for(payload.len()) <= u64::from(width) * u64::from(height));
    let (sealed, tag) = Header::new(Codec::Alpha, DEPTH, payload, key).seal(key, picture.size());
    let mut body = payload.to_vec();
    KeyStream::new(key, Purpose::Whitening, &tag).apply_all(&mut body);
    let input = [&sealed[..], &body].concat();

    let image = raw(picture.with_alpha());
    let carrier = Encoder::new(&input, DynamicImage::ImageRgba8(image)).encode_alpha();
    match Picture::new(width, height, Channels::Rgba, carrier.into_raw()) {
        Some(carrier) => carrier,
        None => unreachable!("the crate keeps the size"),
    }
}

/// Extracts the payload that [`embed`] hid. A wrong key is detected from the header alone.
pub(super) fn extract(picture: &Picture, key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    let (header, tag) = open_header(picture, key)?;
    if header.codec != Codec::Alpha || header.depth != DEPTH {
        return Err(RevealError::Unknown);
    }
    let pixels = picture.samples().len() / Channels::Rgba.count();
    if header.length > capacity(pixels) as u64 {
        return Err(RevealError::Damaged);
    }
    // Same bytes as from the crate's decoder, without its copy of the picture.
    let after_header = alphas(picture).skip(HEADER_BYTES);
    let mut body: Vec<u8> = after_header.take(header.length as usize).collect();
    KeyStream::new(key, Purpose::Whitening, &tag).apply_all(&mut body);
    header.verify(&body, key)?;
    Ok(body)
}

/// The header of a carrier.
pub(super) fn identify(picture: &Picture, key: &CodecKey) -> Result<Header, RevealError> {
    open_header(picture, key).map(|(header, _)| header)
}

/// Whether the picture may contain a header, which is never entirely opaque.
pub(super) fn may_carry(picture: &Picture) -> bool {
    picture.channels() == Channels::Rgba && alphas(picture).take(HEADER_BYTES).any(|a| a != 255)
}

fn open_header(
    picture: &Picture,
    key: &CodecKey,
) -> Result<(Header, super::header::Tag), RevealError> {
    assert_eq!(picture.channels(), Channels::Rgba);
    let mut sealed = [0; HEADER_BYTES];
    let mut found = 0;
    for (byte, alpha) in sealed.iter_mut().zip(alphas(picture)) {
        *byte = alpha;
        found += 1;
    }
    if found < HEADER_BYTES {
        return Err(RevealError::NotOurs);
    }
    Header::open(&sealed, key, picture.size())
}

fn alphas(picture: &Picture) -> impl Iterator<Item = u8> {
    picture.samples().chunks_exact(4).map(|pixel| pixel[3])
}

fn raw(picture: Picture) -> ImageBuffer<Rgba<u8>, Vec<u8>> {
    let (width, height) = picture.size();
    match ImageBuffer::from_raw(width, height, picture.into_samples()) {
        Some(image) => image,
        None => unreachable!("a picture has four samples a pixel here"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use steganography::decoder::Decoder;

    use super::*;

    #[test]
    fn the_crate_s_decoder_reads_the_same_bytes() {
        let cover = Picture::new(20, 10, Channels::Rgb, vec![7; 600]).unwrap();
        let carrier = embed(cover, b"payload", &CodecKey::from_bytes([1; 32]));
        let seen: Vec<u8> = alphas(&carrier).collect();
        assert_eq!(Decoder::new(raw(carrier)).decode_alpha(), seen);
    }
}
