//! Any bytes as a picture of any kind: one that an owner adds, a viewer opens, a cover is made
//! from.

use cameo_codec::limits::{MAX_PREVIEW_BYTES, PREVIEW_EDGE};
use cameo_codec::{
    HideOptions, capacity, cover_from_picture, default_cover_from_file, dimensions,
    preview as make_preview,
};

const MAX_BYTES: usize = 64 << 10;
/// Larger pictures only cost the fuzzer time; and small ones allow tight limits of memory.
const MAX_PIXELS: u64 = 1 << 20;
const PAYLOAD: usize = 100;

pub fn preview(file: &[u8]) {
    if file.len() > MAX_BYTES || area(file) > MAX_PIXELS {
        return;
    }
    let options = HideOptions::default();
    let made = make_preview(file);
    if let Ok(seen) = &made {
        assert!(seen.jpeg.len() <= MAX_PREVIEW_BYTES);
        let again = make_preview(&seen.jpeg).expect("a preview can be seen");
        assert!((1..=PREVIEW_EDGE).contains(&again.width));
        assert!((1..=PREVIEW_EDGE).contains(&again.height));
    }
    let default = default_cover_from_file(file, None, PAYLOAD, &options);
    // A preview is decoded at lower resolution, and may succeed where the full picture is damaged.
    assert!(made.is_ok() || default.is_err());
    if let Ok(cover) = default {
        assert!(capacity(cover.width(), cover.height(), &options) >= PAYLOAD as u64);
    }
    if let Ok(cover) = cover_from_picture(file, PAYLOAD, &options) {
        let seen = made.expect("what is a cover has a preview");
        assert_eq!(cover.size(), (seen.width, seen.height));
    }
}

fn area(file: &[u8]) -> u64 {
    dimensions(file).map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}
