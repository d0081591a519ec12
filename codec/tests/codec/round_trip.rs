//! Round trips: every payload comes back to the bit, and samples change no more than they have to.

use cameo_codec::{
    Codec, CodecKey, HideError, HideOptions, Picture, RevealError, capacity, cover_from_picture,
    default_cover_from_file, embed, extract, hide, identify, inspect, png, preview, reveal,
};
use proptest::prelude::*;

use crate::pictures::{KINDS, Kind, all_options, bytes, key, photos, picture, rgba};

#[test]
fn every_small_size_holds_its_capacity_and_not_a_byte_more() {
    for width in 1..=24 {
        for height in [1, 2, 3, 5, 8, 13, 21] {
            let cover = png::write(&picture(Kind::Noise, width, height, 1));
            for options in all_options() {
                let fits = capacity(width, height, &options) as usize;
                let payload = bytes(fits + 1, u64::from(width * 100 + height));
                let shown = format!("{width}x{height} {options:?}");
                match hide(&cover, &payload[..fits], &key(1), &options) {
                    Ok(carrier) => {
                        assert_eq!(
                            reveal(&carrier, &key(1)).unwrap(),
                            payload[..fits],
                            "{shown}"
                        );
                    }
                    // Too small for a header: the capacity is 0 too.
                    Err(HideError::TooSmall(_)) => assert_eq!(fits, 0, "{shown}"),
                    Err(error) => panic!("{shown}: {error}"),
                }
                let Err(HideError::TooSmall(refusal)) = hide(&cover, &payload, &key(1), &options)
                else {
                    panic!("{shown} took a byte too many");
                };
                let (width, height) = refusal.enough.unwrap();
                let larger = png::write(&picture(Kind::Noise, width, height, 2));
                let carrier = hide(&larger, &payload, &key(1), &options).unwrap();
                assert_eq!(reveal(&carrier, &key(1)).unwrap(), payload, "{shown}");
            }
        }
    }
}

#[test]
fn every_length_around_the_boundaries_of_groups_and_tiles_comes_back() {
    // One tile and a bit; three tiles; a number of samples that is no multiple of a group.
    for (width, height) in [(55, 50), (91, 90), (37, 31)] {
        let cover = png::write(&picture(Kind::Gradient, width, height, 1));
        for options in all_options() {
            let full = capacity(width, height, &options) as usize;
            let half = full / 2;
            for len in (0..10).chain(half - 5..half + 5).chain(full - 9..=full) {
                let payload = bytes(len, len as u64);
                let carrier = hide(&cover, &payload, &key(2), &options).unwrap();
                assert_eq!(
                    reveal(&carrier, &key(2)).unwrap(),
                    payload,
                    "{width}x{height} {options:?} {len} bytes"
                );
            }
        }
    }
}

#[test]
fn every_length_from_nothing_to_the_capacity_comes_back() {
    // One full tile and a small one: every number of groups is distributed over both.
    let cover = picture(Kind::Noise, 2866, 1, 1);
    assert_eq!(cover.samples().len(), 8192 + 406);
    let all = bytes(capacity(2866, 1, &HideOptions::veil(4)) as usize, 1);
    for depth in 1..=4 {
        let options = HideOptions::veil(depth);
        let full = capacity(2866, 1, &options) as usize;
        for len in 0..=full {
            let carrier = embed(cover.clone(), &all[..len], &key(2), &options).unwrap();
            let found = extract(&carrier, &key(2)).unwrap();
            assert!(found == all[..len], "depth {depth}, {len} bytes");
        }
    }
}

#[test]
fn every_number_of_samples_around_a_tile_holds_its_capacity() {
    // Three samples a pixel: around one, two and three tiles of 8192 samples.
    for pixels in [2725..2740, 5455..5470, 8185..8200].into_iter().flatten() {
        let cover = picture(Kind::Noise, pixels, 1, 3);
        for options in all_options() {
            let full = capacity(pixels, 1, &options) as usize;
            let step = usize::from(options.depth);
            for len in [0, 1, full / 2, full - step - 1, full - step, full - 1, full] {
                let payload = bytes(len, 4);
                let carrier = embed(cover.clone(), &payload, &key(4), &options).unwrap();
                let found = extract(&carrier, &key(4)).unwrap();
                assert!(
                    found == payload,
                    "{pixels} pixels, {options:?}, {len} bytes"
                );
            }
        }
    }
}

#[test]
fn difficult_covers_work_and_samples_stay_near() {
    for kind in KINDS {
        let cover = picture(kind, 120, 90, 3);
        let file = png::write(&cover);
        for depth in 1..=4 {
            let options = HideOptions::veil(depth);
            let payload = bytes(capacity(120, 90, &options) as usize, 4);
            let carrier = hide(&file, &payload, &key(3), &options).unwrap();
            assert_eq!(
                reveal(&carrier, &key(3)).unwrap(),
                payload,
                "{kind:?} {depth}"
            );
            let seen = png::read(&carrier).unwrap();
            for (&before, &after) in cover.samples().iter().zip(seen.samples()) {
                // Half a step; a whole one at the ends of the range.
                let edge = before.min(255 - before) < 1 << (depth - 1);
                let most = if edge {
                    (1 << depth) - 1
                } else {
                    1 << (depth - 1)
                };
                assert!(
                    before.abs_diff(after) <= most,
                    "{kind:?} {depth}: {before} -> {after}"
                );
            }
        }
    }
}

#[test]
fn a_small_payload_covers_the_whole_of_a_large_picture() {
    let cover = picture(Kind::Gradient, 600, 400, 5);
    let options = HideOptions::default();
    let payload = bytes(capacity(600, 400, &options) as usize / 10, 5);
    let carrier = hide(&png::write(&cover), &payload, &key(5), &options).unwrap();
    let carrier = png::read(&carrier).unwrap();
    let changed: Vec<usize> = cover
        .samples()
        .chunks(600 * 3 * 40)
        .zip(carrier.samples().chunks(600 * 3 * 40))
        .map(|(a, b)| a.iter().zip(b).filter(|(a, b)| a != b).count())
        .collect();
    let (least, most) = (changed.iter().min().unwrap(), changed.iter().max().unwrap());
    assert!(
        least * 3 > most * 2,
        "changed samples by tenth of the picture: {changed:?}"
    );
}

#[test]
fn the_distortion_matches_the_theory() {
    let cover = picture(Kind::Gradient, 500, 500, 6);
    for (depth, expected) in [(1u8, 0.5), (2, 1.5), (3, 5.5), (4, 21.5)] {
        let options = HideOptions::veil(depth);
        let payload = bytes(capacity(500, 500, &options) as usize, 6);
        let carrier = hide(&png::write(&cover), &payload, &key(6), &options).unwrap();
        let carrier = png::read(&carrier).unwrap();
        let inner = cover.samples().iter().zip(carrier.samples());
        let squares: Vec<f64> = inner
            .filter(|&(a, _)| (16..240).contains(a))
            .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
            .collect();
        let mse = squares.iter().sum::<f64>() / squares.len() as f64;
        assert!((mse / expected - 1.0).abs() < 0.03, "depth {depth}: {mse}");
    }
}

#[test]
fn changes_at_depth_1_go_up_and_down_equally_often() {
    let cover = picture(Kind::Gradient, 400, 400, 7);
    let options = HideOptions::veil(1);
    let payload = vec![0; capacity(400, 400, &options) as usize];
    let carrier = hide(&png::write(&cover), &payload, &key(7), &options).unwrap();
    let carrier = png::read(&carrier).unwrap();
    let (mut up, mut down) = (0i64, 0i64);
    for (&before, &after) in cover.samples().iter().zip(carrier.samples()) {
        up += i64::from(after > before);
        down += i64::from(after < before);
    }
    assert!((up - down).abs() < (up + down) / 50, "{up} up, {down} down");
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_threads() {
    let cover = png::write(&picture(Kind::Noise, 700, 500, 8));
    let payload = bytes(60_000, 8);
    for options in all_options() {
        let once = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| hide(&cover, &payload, &key(8), &options).unwrap())
        };
        let first = once(1);
        assert!(first == once(3), "{options:?}");
        let other = hide(&cover, &payload, &key(9), &options).unwrap();
        assert!(first != other, "{options:?}");
    }
}

#[test]
fn a_wrong_key_and_a_plain_picture_are_not_ours() {
    for options in all_options() {
        let cover = png::write(&picture(Kind::Noise, 100, 100, 9));
        let carrier = hide(&cover, b"a secret", &key(10), &options).unwrap();
        for wrong in 0..10 {
            let found = reveal(&carrier, &key(wrong));
            assert_eq!(found, Err(RevealError::NotOurs), "{options:?} {wrong}");
            assert_eq!(
                identify(&png::read(&carrier).unwrap(), &key(wrong)),
                Err(RevealError::NotOurs)
            );
        }
        assert_eq!(reveal(&cover, &key(10)), Err(RevealError::NotOurs));
    }
    let tiny = png::write(&picture(Kind::White, 1, 1, 0));
    assert_eq!(reveal(&tiny, &key(1)), Err(RevealError::NotOurs));
}

#[test]
fn a_key_that_differs_in_one_bit_is_refused() {
    let cover = png::write(&picture(Kind::Noise, 60, 60, 9));
    let carrier = hide(&cover, b"a secret", &key(10), &HideOptions::default()).unwrap();
    for bit in 0..256 {
        let mut near = [10; 32];
        near[bit / 8] ^= 1 << (bit % 8);
        let found = reveal(&carrier, &CodecKey::from_bytes(near));
        assert_eq!(found, Err(RevealError::NotOurs));
    }
}

#[test]
fn the_key_reveals_the_codec_and_without_it_only_alpha_is_visible() {
    let cover = png::write(&picture(Kind::Gradient, 100, 100, 11));
    for options in all_options() {
        let carrier = hide(&cover, &bytes(500, 1), &key(11), &options).unwrap();
        let identity = identify(&png::read(&carrier).unwrap(), &key(11)).unwrap();
        assert_eq!((identity.codec, identity.payload), (options.codec, 500));
        let shown = inspect(&carrier).unwrap();
        assert_eq!(shown.looks_like_alpha, options.codec == Codec::Alpha);
        assert_eq!((shown.width, shown.height), (100, 100));
        if options.codec == Codec::Veil {
            assert_eq!(identity.depth, options.depth);
            assert_eq!(shown.channels, 3);
        }
    }
}

#[test]
fn a_translucent_cover_is_blended_over_white() {
    let cover = rgba(64, 64, 12);
    for options in all_options() {
        let carrier = hide(&png::write(&cover), b"payload", &key(12), &options).unwrap();
        assert_eq!(reveal(&carrier, &key(12)).unwrap(), b"payload");
        let carrier = png::read(&carrier).unwrap();
        let seen = carrier.without_alpha();
        let flat = cover.clone().into_opaque();
        let pairs = flat.samples().iter().zip(seen.samples());
        assert!(
            pairs.clone().all(|(a, b)| a.abs_diff(*b) < 16),
            "{options:?}"
        );
    }
}

#[test]
fn a_veil_carrier_saved_again_as_rgba_still_opens() {
    let cover = png::write(&picture(Kind::Gradient, 64, 64, 13));
    let carrier = hide(&cover, b"payload", &key(13), &HideOptions::default()).unwrap();
    let again = png::write(&png::read(&carrier).unwrap().with_alpha());
    assert_eq!(reveal(&again, &key(13)).unwrap(), b"payload");
}

#[test]
fn an_invalid_depth_is_refused() {
    let cover = png::write(&picture(Kind::White, 64, 64, 0));
    for depth in [0, 5, 8, 255] {
        let options = HideOptions::veil(depth);
        let refused = hide(&cover, b"x", &key(0), &options);
        assert!(matches!(refused, Err(HideError::Depth(_))), "{depth}");
        assert_eq!(capacity(64, 64, &options), 0);
    }
}

#[test]
fn all_photos_come_back_to_the_bit_from_default_covers_at_every_depth() {
    for (name, photo) in photos() {
        let preview = preview(&photo).unwrap();
        for options in all_options() {
            let cover =
                default_cover_from_file(&preview.jpeg, None, photo.len(), &options).unwrap();
            let carrier = hide(&png::write(&cover), &photo, &key(14), &options).unwrap();
            assert!(
                reveal(&carrier, &key(14)).unwrap() == photo,
                "{name} {options:?}"
            );
        }
    }
}

#[test]
fn all_photos_come_back_to_the_bit_from_photographic_covers_at_every_depth() {
    let photos = photos();
    let covers: Vec<Picture> = photos
        .iter()
        .map(|(_, photo)| cover_from_picture(photo, 0, &HideOptions::default()).unwrap())
        .collect();
    for (i, (name, payload)) in photos.iter().enumerate() {
        for depth in 1..=4 {
            let options = HideOptions::veil(depth);
            // The next photo that is large enough, cut to the rows that it needs.
            let cover = (1..photos.len())
                .find_map(|n| top(&covers[(i + n) % photos.len()], payload.len(), &options))
                .unwrap();
            let carrier = hide(&png::write(&cover), payload, &key(15), &options).unwrap();
            let found = reveal(&carrier, &key(15)).unwrap();
            assert!(found == *payload, "{name} depth {depth}");
        }
    }
}

/// The fewest top rows of `picture` that hold this many bytes.
fn top(picture: &Picture, payload: usize, options: &HideOptions) -> Option<Picture> {
    let width = picture.width();
    let rows =
        (1..=picture.height()).find(|&rows| capacity(width, rows, options) >= payload as u64)?;
    let samples = &picture.samples()[..rows as usize * picture.row_bytes()];
    Picture::new(width, rows, picture.channels(), samples.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_payload_comes_back_from_any_cover_that_holds_it(
        width in 1u32..260,
        height in 1u32..200,
        kind in 0usize..6,
        option in 0usize..5,
        fill in 0.0f64..=1.0,
        seed in any::<u64>(),
    ) {
        let options = all_options()[option];
        let most = capacity(width, height, &options) as usize;
        prop_assume!(most > 0);
        let payload = bytes((most as f64 * fill) as usize, seed);
        let key = CodecKey::from_bytes(bytes(32, seed ^ 1).try_into().unwrap());
        let cover = png::write(&picture(KINDS[kind], width, height, seed));
        let carrier = hide(&cover, &payload, &key, &options).unwrap();
        prop_assert_eq!(reveal(&carrier, &key).unwrap(), payload);
    }
}
