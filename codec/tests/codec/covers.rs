//! Covers: area, orientation, metadata.

use cameo_codec::{
    CoverError, HideOptions, Picture, capacity, cover_from_picture, default_cover,
    default_cover_from_file, hide, png, preview, reveal,
};

use crate::pictures::{Kind, all_options, bytes, key, photos, picture};
use crate::previews::{jpeg, turned};

#[test]
fn the_default_cover_has_the_area_that_the_payload_needs() {
    let preview = picture(Kind::Gradient, 320, 213, 1);
    for options in all_options() {
        for len in [0, 1, 1000, 77_777, 1_000_000] {
            let cover = default_cover(&preview, None, len, &options).unwrap();
            let (width, height) = cover.size();
            assert!(capacity(width, height, &options) >= len as u64);
            assert!(capacity(width, height - 1, &options) < len.max(1) as u64);
        }
    }
}

#[test]
fn a_carrier_of_a_real_photo_is_small() {
    let (_, photo) = photos().remove(1);
    let preview = preview(&photo).unwrap();
    let options = HideOptions::default();
    let payload = bytes(4_400_000, 1);
    let cover = default_cover_from_file(&preview.jpeg, None, payload.len(), &options).unwrap();
    let carrier = hide(&png::write(&cover), &payload, &key(1), &options).unwrap();
    let ratio = carrier.len() as f64 / payload.len() as f64;
    assert!(ratio <= 1.36, "{ratio}");
    assert!(reveal(&carrier, &key(1)).unwrap() == payload);
}

#[test]
fn the_default_cover_is_smooth_and_shows_no_detail() {
    // A chessboard of single pixels, which no thumbnail resolves.
    let mut fine = picture(Kind::White, 320, 240, 0);
    for (i, sample) in fine.samples_mut().iter_mut().enumerate() {
        let (x, y) = (i / 3 % 320, i / 960);
        *sample = if (x + y) % 2 == 0 { 255 } else { 0 };
    }
    let cover = default_cover(&fine, None, 200_000, &HideOptions::default()).unwrap();
    let near = |a: u8, b: u8| a.abs_diff(b) <= 12;
    assert!(steps(&cover).all(|(a, b)| near(a, b)));
    assert!(cover.samples().iter().all(|&s| (96..160).contains(&s)));
}

fn steps(picture: &Picture) -> impl Iterator<Item = (u8, u8)> + '_ {
    picture
        .samples()
        .chunks(picture.row_bytes())
        .flat_map(|row| row.iter().zip(&row[3..]).map(|(a, b)| (*a, *b)))
}

#[test]
fn a_preview_of_any_shape_makes_a_cover() {
    for (width, height) in [(1, 1), (1, 320), (320, 1), (64, 64), (63, 2)] {
        let preview = picture(Kind::Noise, width, height, 2);
        let options = HideOptions::default();
        let cover = default_cover(&preview, None, 10_000, &options).unwrap();
        let carrier = hide(&png::write(&cover), &bytes(10_000, 2), &key(2), &options).unwrap();
        assert_eq!(reveal(&carrier, &key(2)).unwrap(), bytes(10_000, 2));
    }
}

#[test]
fn a_small_picture_of_the_owner_is_refused_with_a_size_that_is_large_enough() {
    let file = jpeg(&picture(Kind::Gradient, 80, 60, 3));
    let options = HideOptions::default();
    let Err(CoverError::TooSmall(refusal)) = cover_from_picture(&file, 50_000, &options) else {
        panic!("80x60 pixels cannot hold 50000 bytes");
    };
    assert_eq!((refusal.width, refusal.height), (80, 60));
    let (width, height) = refusal.enough.unwrap();
    assert!(
        refusal
            .to_string()
            .contains(&format!("{width}x{height} would do"))
    );
    let larger = jpeg(&picture(Kind::Gradient, width, height, 3));
    let cover = cover_from_picture(&larger, 50_000, &options).unwrap();
    hide(&png::write(&cover), &bytes(50_000, 3), &key(3), &options).unwrap();
}

#[test]
fn a_picture_of_the_owner_is_turned_upright_and_loses_its_metadata() {
    let file = turned(&picture(Kind::Gradient, 80, 60, 4), 6);
    let cover = cover_from_picture(&file, 100, &HideOptions::default()).unwrap();
    assert_eq!(cover.size(), (60, 80));
    assert!(
        !png::write(&cover).windows(6).any(|w| w == b"48.137"),
        "the place is gone"
    );
}

#[test]
fn no_cover_is_made_for_a_payload_that_no_picture_holds() {
    let preview = picture(Kind::White, 10, 10, 0);
    let refused = default_cover(&preview, None, 1 << 30, &HideOptions::default());
    assert_eq!(refused, Err(CoverError::TooLong(1 << 30)));
    let refused = default_cover(&preview, None, 10, &HideOptions::veil(9));
    assert!(matches!(refused, Err(CoverError::Depth(_))));
}
