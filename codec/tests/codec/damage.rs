//! Damaged and hostile input: every function returns an error or the right payload, without panics
//! and without unbounded memory.

use cameo_codec::{HideError, HideOptions, PngError, RevealError, hide, inspect, png, reveal};
use proptest::prelude::*;

use crate::pictures::{Chunks, Kind, all_options, bytes, key, picture};

fn carrier(options: &HideOptions) -> Vec<u8> {
    let cover = png::write(&picture(Kind::Gradient, 48, 40, 1));
    hide(&cover, &bytes(200, 1), &key(1), options).unwrap()
}

#[test]
fn attack_a_carrier_cut_anywhere_is_refused() {
    for options in all_options() {
        let whole = carrier(&options);
        for len in 0..whole.len() {
            let refused = reveal(&whole[..len], &key(1));
            assert!(
                matches!(refused, Err(RevealError::Png(_))),
                "{options:?} {len}"
            );
        }
    }
}

#[test]
fn attack_a_carrier_with_any_byte_changed_is_refused() {
    for options in all_options() {
        let whole = carrier(&options);
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 1 << (at % 8);
            let refused = reveal(&bent, &key(1));
            assert!(
                matches!(refused, Err(RevealError::Png(_))),
                "{options:?} byte {at}"
            );
        }
    }
}

#[test]
fn attack_a_picture_changed_and_saved_again_is_refused_or_still_opens() {
    for options in all_options() {
        let original = png::read(&carrier(&options)).unwrap();
        let (mut damaged, mut unharmed) = (0, 0);
        for at in (0..original.samples().len()).step_by(7) {
            let mut bent = original.clone();
            bent.samples_mut()[at] ^= 1;
            match reveal(&png::write(&bent), &key(1)) {
                Ok(payload) => {
                    assert_eq!(payload, bytes(200, 1));
                    unharmed += 1;
                }
                Err(RevealError::Damaged | RevealError::NotOurs) => damaged += 1,
                Err(error) => panic!("{options:?} sample {at}: {error}"),
            }
        }
        assert!(
            damaged > 0 && unharmed > 0,
            "{options:?}: {damaged} {unharmed}"
        );
    }
}

#[test]
fn a_carrier_scaled_or_cropped_is_not_ours() {
    let original = png::read(&carrier(&HideOptions::default())).unwrap();
    let rows = original.row_bytes() * 39;
    let cropped = cameo_codec::Picture::new(
        48,
        39,
        original.channels(),
        original.samples()[..rows].to_vec(),
    );
    let found = reveal(&png::write(&cropped.unwrap()), &key(1));
    assert_eq!(found, Err(RevealError::NotOurs));
}

#[test]
fn attack_forged_dimensions_are_refused_before_memory_is_taken() {
    let honest = Chunks::of(&carrier(&HideOptions::default()));
    let absurd = [
        (0, 40),
        (48, 0),
        (u32::MAX, u32::MAX),
        (1 << 31, 1),
        (40_001, 1),
        (1, 40_001),
        (40_000, 40_000),
    ];
    for (width, height) in absurd {
        let mut forged = honest.clone();
        forged.ihdr()[..4].copy_from_slice(&width.to_be_bytes());
        forged.ihdr()[4..8].copy_from_slice(&height.to_be_bytes());
        let refusal = PngError::Dimensions { width, height };
        let forged = forged.png();
        assert_eq!(reveal(&forged, &key(1)), Err(refusal.clone().into()));
        assert_eq!(inspect(&forged), Err(refusal.clone()));
        let hidden = hide(&forged, b"x", &key(1), &HideOptions::default());
        assert_eq!(hidden, Err(HideError::Cover(refusal)));
    }
    // Within the limits, but more than the file can hold: 1 KB must not allocate 300 MB.
    let mut bomb = honest.clone();
    bomb.ihdr()[..4].copy_from_slice(&10_000u32.to_be_bytes());
    bomb.ihdr()[4..8].copy_from_slice(&10_000u32.to_be_bytes());
    assert!(matches!(png::read(&bomb.png()), Err(PngError::Damaged(_))));
}

#[test]
fn other_formats_are_refused_by_name() {
    assert_eq!(png::read(b""), Err(PngError::NotPng));
    assert_eq!(png::read(b"\xff\xd8\xff\xe0 a jpeg"), Err(PngError::NotPng));
    let honest = Chunks::of(&carrier(&HideOptions::default()));
    for (at, value, words) in [
        (9, 0, "grey"),
        (9, 3, "palette"),
        (8, 16, "16 bits"),
        (12, 1, "interlaced"),
    ] {
        let mut other = honest.clone();
        other.ihdr()[at] = value;
        let refused = png::read(&other.png()).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[test]
fn streams_with_too_many_or_too_few_rows_are_refused() {
    let honest = Chunks::of(&carrier(&HideOptions::default()));
    for (height, words) in [(39u32, "longer"), (41, "cut short")] {
        let mut other = honest.clone();
        other.ihdr()[4..8].copy_from_slice(&height.to_be_bytes());
        let refused = png::read(&other.png()).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let mut stream = honest.stream();
    let last = stream.len() - 1;
    stream[last] ^= 1;
    assert!(
        png::read(&honest.with_stream(stream).png()).is_err(),
        "wrong Adler-32"
    );
}

#[test]
fn a_wrong_checksum_over_parallel_strips_is_refused() {
    let many = png::write(&picture(Kind::Noise, 1000, 300, 2));
    let mut chunks = Chunks::of(&many);
    assert!(chunks.0.len() > 4, "several strips");
    let last = chunks.0.len() - 2;
    *chunks.0[last].1.last_mut().unwrap() ^= 1;
    assert!(png::read(&chunks.png()).is_err());
    let mut chunks = Chunks::of(&many);
    chunks.0.swap(2, 3);
    assert!(png::read(&chunks.png()).is_err(), "strips in another order");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bytes_of_any_kind_never_panic(noise in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(reveal(&noise, &key(1)).is_err());
        let png = [b"\x89PNG\r\n\x1a\n", &noise[..]].concat();
        prop_assert!(reveal(&png, &key(1)).is_err());
    }

    #[test]
    fn streams_of_any_kind_never_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        at in 0usize..2000,
        option in 0usize..5,
    ) {
        let honest = Chunks::of(&carrier(&all_options()[option]));
        let mut stream = honest.stream();
        let at = at % stream.len();
        let end = (at + noise.len()).min(stream.len());
        stream[at..end].copy_from_slice(&noise[..end - at]);
        // The decoder checks the stream's checksum; where it passes, the payload's own check must
        // hold.
        if let Ok(payload) = reveal(&honest.with_stream(stream).png(), &key(1)) {
            prop_assert_eq!(payload, bytes(200, 1));
        }
    }
}
