//! Memory bounds of hiding, computed from the cover's header before anything is decoded.

use super::hide::HideError;
use super::options::{Codec, HideOptions};
use super::picture::Channels;
use super::png;

/// Bound for memory beside whole pictures and payloads: strips, parts of a stream, lists of chunks.
/// It holds for as many threads as work on one job.
const OVERHEAD_BYTES: u64 = 16 << 20;

/// The list of tiles takes at most one part in this many of the samples.
const TILE_LIST_DIVISOR: u64 = 64;

/// Minimum of picture bytes in a strip of a PNG, except the last one.
const MIN_STRIP_BYTES: u64 = 96 << 10;

/// Bound for a strip's bytes beyond its picture bytes: chunk framing, and a code table that does
/// not pay.
const STRIP_OVERHEAD_BYTES: u64 = 1 << 10;

/// RGBA pictures that `alpha` holds at a time: its input and its output.
const ALPHA_PICTURES: u64 = 2;
/// Copies of the payload that `alpha` holds at a time.
const ALPHA_PAYLOADS: u64 = 2;

/// Bounds in bytes, not counting the cover's file and the payload passed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bound for the time until the carrier is written.
    pub working: u64,
    /// Maximum length of the carrier's file.
    pub carrier: u64,
}

impl Memory {
    /// Sum of both.
    pub fn total(&self) -> u64 {
        self.working + self.carrier
    }

    /// Bounds for [`super::hide()`] with these arguments, from the cover's header alone. Fails when
    /// the header is malformed or of an unsupported picture.
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
            Codec::Veil => (decoded + decoded / TILE_LIST_DIVISOR, 3 * pixels),
            Codec::Alpha => (
                ALPHA_PICTURES * 4 * pixels + ALPHA_PAYLOADS * payload,
                4 * pixels,
            ),
        };
        let filtered = written + rows;
        Memory {
            working: working + OVERHEAD_BYTES,
            carrier: filtered + (filtered / MIN_STRIP_BYTES + 2) * STRIP_OVERHEAD_BYTES,
        }
    }

    /// Pixels of the largest cover whose total stays within `bytes`.
    pub fn pixels_within(bytes: u64, payload: usize, options: &HideOptions) -> u64 {
        let fits = |pixels: u64| {
            // One pixel a row would be the worst shape; a square is the usual one.
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
    fn no_carrier_is_longer_than_its_bound_even_where_nothing_compresses() {
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
                    // The bound is not far above the truth.
                    assert!(memory.carrier <= samples + samples / 2 + (8 << 10));
                }
            }
        }
    }

    #[test]
    fn pixels_within_gives_the_largest_cover_inside_the_bound() {
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
    fn a_header_is_enough_and_a_missing_one_is_refused() {
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
