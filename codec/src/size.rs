//! Capacity of a picture, and the size of a picture for a payload.

use super::limits::{MAX_CARRIER_PIXELS, MAX_EDGE};
use super::options::{Codec, HideOptions};
use super::{alpha, veil};

/// Payload bytes that a picture of this size holds; 0 where the depth is out of range.
pub fn capacity(width: u32, height: u32, options: &HideOptions) -> u64 {
    let pixels = u64::from(width) * u64::from(height);
    if options.check().is_err() || pixels > MAX_CARRIER_PIXELS {
        return 0;
    }
    let pixels = pixels as usize;
    match options.codec {
        Codec::Veil => veil::capacity(3 * pixels, options.depth) as u64,
        Codec::Alpha => alpha::capacity(pixels) as u64,
    }
}

/// Pixels that a header and a payload of this many bytes need, at a valid depth.
pub(super) fn pixels_for(payload: usize, options: &HideOptions) -> u64 {
    match options.codec {
        Codec::Veil => veil::pixels_for(payload, options.depth),
        Codec::Alpha => alpha::pixels_for(payload),
    }
}

/// Size of the smallest picture of about this shape that holds `payload` bytes. `None` where that
/// exceeds the limits.
pub(super) fn size_for(
    payload: usize,
    shape: (u32, u32),
    options: &HideOptions,
) -> Option<(u32, u32)> {
    options.check().ok()?;
    let pixels = pixels_for(payload, options);
    let (shape_width, shape_height) = (u64::from(shape.0.max(1)), u64::from(shape.1.max(1)));
    let width = (pixels as f64 * shape_width as f64 / shape_height as f64).sqrt();
    let width = (width.round() as u64).clamp(1, u64::from(MAX_EDGE));
    let height = pixels.div_ceil(width);
    let fits = height <= u64::from(MAX_EDGE) && width * height <= MAX_CARRIER_PIXELS;
    fits.then_some((width as u32, height as u32))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_smallest_size_holds_the_payload_and_wastes_less_than_a_row() {
        let mut options: Vec<_> = (1..=4).map(HideOptions::veil).collect();
        options.push(HideOptions::alpha());
        for options in &options {
            for payload in [0, 1, 2, 3, 4, 100, 4095, 1_000_003] {
                for shape in [(1, 1), (4, 3), (3, 4), (1, 200), (9000, 1)] {
                    let (width, height) = size_for(payload, shape, options).unwrap();
                    assert!(capacity(width, height, options) >= payload as u64);
                    if height > 1 {
                        assert!(capacity(width, height - 1, options) < payload.max(1) as u64);
                    }
                }
            }
        }
    }

    #[test]
    fn no_size_beyond_the_limits_is_returned() {
        assert_eq!(size_for(1 << 30, (1, 1), &HideOptions::default()), None);
        assert_eq!(size_for(10, (1, 1), &HideOptions::veil(5)), None);
        assert_eq!(capacity(u32::MAX, u32::MAX, &HideOptions::default()), 0);
        let largest = super::super::limits::MAX_PAYLOAD_BYTES;
        assert!(size_for(largest, (4, 3), &HideOptions::default()).is_some());
    }
}
