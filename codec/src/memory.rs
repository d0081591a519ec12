//! What hiding takes of memory, known from the cover's first bytes: counted before anything is decoded.

use super::hide::HideError;
use super::options::{Codec, HideOptions};
use super::picture::Channels;
use super::png;

/// What reading, hiding and writing hold beside whole pictures and payloads: strips, parts of a stream, lists of
/// chunks. Less than this on as many threads as work on one job.
const BESIDE: u64 = 16 << 20;

/// The list of tiles takes no more than this part of the samples.
const TILES_PART: u64 = 64;

/// A strip of a PNG holds at least so many bytes of a picture, but for the last one.
const LEAST_STRIP: u64 = 96 << 10;

/// What a strip can take more than it holds: its chunk, and a code table that does not pay.
const STRIP_MORE: u64 = 1 << 10;

/// Whole pictures of four bytes a pixel that `alpha` has at a time: what it was given and what it gives.
const ALPHA_PICTURES: u64 = 2;
/// Copies of the payload that `alpha` has at a time.
const ALPHA_PAYLOADS: u64 = 2;

/// Bounds in bytes, beside the cover's file and the payload that were handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Until the carrier is written.
    pub working: u64,
    /// The longest that the carrier's file can become.
    pub carrier: u64,
}

impl Memory {
    /// Both together.
    pub fn total(&self) -> u64 {
        self.working + self.carrier
    }

    /// What [`super::hide()`] would take with these arguments. Reads the cover's header only.
    ///
    /// # Errors
    /// When the header is none, or of a picture that is not read.
    pub fn of(cover_png: &[u8], payload: usize, options: &HideOptions) -> Result<Self, HideError> {
        let (width, height, channels) = png::size(cover_png)?;
        let pixels = u64::from(width) * u64::from(height);
        Ok(Self::for_pixels(
            pixels,
            u64::from(height),
            channels,
            payload as u64,
            options,
        ))
    }

    fn for_pixels(
        pixels: u64,
        rows: u64,
        channels: Channels,
        payload: u64,
        options: &HideOptions,
    ) -> Self {
        let decoded = pixels * channels.count() as u64;
        let (working, written) = match options.codec {
            Codec::Veil => (decoded + decoded / TILES_PART, 3 * pixels),
            Codec::Alpha => (
                ALPHA_PICTURES * 4 * pixels + ALPHA_PAYLOADS * payload,
                4 * pixels,
            ),
        };
        let filtered = written + rows;
        Memory {
            working: working + BESIDE,
            carrier: filtered + (filtered / LEAST_STRIP + 2) * STRIP_MORE,
        }
    }

    /// Pixels of the largest cover that would take no more than `bytes` in all.
    pub fn pixels_within(bytes: u64, payload: usize, options: &HideOptions) -> u64 {
        let fits = |pixels: u64| {
            // As many rows as pixels would be the worst shape; a square is the usual one.
            let rows = pixels.isqrt();
            let channels = Channels::Rgb;
            Self::for_pixels(pixels, rows, channels, payload as u64, options).total() <= bytes
        };
        let (mut low, mut high) = (0, bytes);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if fits(middle) {
                low = middle
            } else {
                high = middle - 1
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{CodecKey, Picture, hide};
    use super::*;

    fn noise(width: u32, height: u32, channels: Channels) -> Picture {
        let bytes = width as usize * height as usize * channels.count();
        let mut samples = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut samples);
        Picture::new(width, height, channels, samples).unwrap()
    }

    #[test]
    fn no_carrier_is_longer_than_was_reckoned_even_where_nothing_compresses() {
        for (width, height) in [(20, 20), (700, 500), (40_000, 21), (3, 40_000)] {
            for channels in [Channels::Rgb, Channels::Rgba] {
                for options in [HideOptions::default(), HideOptions::alpha()] {
                    let cover = png::write(&noise(width, height, channels));
                    let memory = Memory::of(&cover, 20, &options).unwrap();
                    let key = CodecKey::from_bytes([1; 32]);
                    let carrier = hide(&cover, &[7; 20], &key, &options).unwrap();
                    let samples = png::read(&carrier).unwrap().samples().len() as u64;
                    assert!(carrier.len() as u64 <= memory.carrier, "{width}x{height}");
                    assert!(samples <= memory.working);
                    // and not far longer
                    assert!(memory.carrier <= samples + samples / 2 + (8 << 10));
                }
            }
        }
    }

    #[test]
    fn the_largest_cover_within_a_bound_is_within_it_and_no_larger_one() {
        for options in [HideOptions::default(), HideOptions::alpha()] {
            for bytes in [17 << 20, 100 << 20, 1 << 30] {
                let pixels = Memory::pixels_within(bytes, 5000, &options);
                let total = |pixels: u64| {
                    let rows = pixels.isqrt();
                    Memory::for_pixels(pixels, rows, Channels::Rgb, 5000, &options).total()
                };
                assert!(total(pixels) <= bytes && total(pixels + 1) > bytes);
            }
            assert_eq!(Memory::pixels_within(0, 5000, &options), 0);
        }
    }

    #[test]
    fn a_header_is_enough_and_none_is_refused() {
        let cover = png::write(&noise(50, 40, Channels::Rgb));
        let options = HideOptions::default();
        let whole = Memory::of(&cover, 0, &options);
        assert_eq!(Memory::of(&cover[..33], 0, &options), whole);
        assert!(matches!(
            Memory::of(&cover[..32], 0, &options),
            Err(HideError::Cover(_))
        ));
        assert!(matches!(
            Memory::of(b"no png", 0, &options),
            Err(HideError::Cover(_))
        ));
    }
}
