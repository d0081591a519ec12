//! PNG interoperability: our files in another decoder, files of another encoder in ours.

use cameo_codec::{Channels, Picture, png};
use proptest::prelude::*;
use std::io::Read;

use crate::pictures::{Chunks, KINDS, bytes, decode_with_png_crate, picture, rgba};

/// RFC 1950, literally.
fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

fn assert_opens_everywhere(picture: &Picture, shown: &str) {
    let file = png::write(picture);
    assert!(
        decode_with_png_crate(&file) == *picture,
        "the png crate: {shown}"
    );
    assert!(png::read(&file).unwrap() == *picture, "ours: {shown}");

    // The `png` crate ignores a wrong Adler-32; other decoders do not.
    let stream = Chunks::of(&file).stream();
    let mut raw = Vec::new();
    flate2::read::DeflateDecoder::new(&stream[2..])
        .read_to_end(&mut raw)
        .unwrap();
    let sum = u32::from_be_bytes(stream[stream.len() - 4..].try_into().unwrap());
    assert_eq!(sum, adler32(&raw), "{shown}");
    assert_eq!(u16::from_be_bytes([stream[0], stream[1]]) % 31, 0);
}

#[test]
fn files_of_every_kind_open_in_another_decoder() {
    let sizes = [
        (1, 1),
        (1, 2),
        (2, 1),
        (3, 300),
        (300, 3),
        (1, 9000),
        (640, 480),
    ];
    for kind in KINDS {
        for (width, height) in sizes {
            assert_opens_everywhere(
                &picture(kind, width, height, 1),
                &format!("{kind:?} {width}x{height}"),
            );
        }
    }
    for (width, height) in sizes {
        assert_opens_everywhere(&rgba(width, height, 2), &format!("rgba {width}x{height}"));
    }
    // A row longer than a strip.
    assert_opens_everywhere(&picture(KINDS[4], 40_000, 5, 3), "wide");
}

#[test]
fn every_number_of_rows_around_a_strip_opens_in_another_decoder() {
    // 1000 RGB pixels and a filter byte: 65 rows a strip.
    for height in [63, 64, 65, 66, 67, 129, 130, 131, 132, 195, 196] {
        for kind in [KINDS[0], KINDS[4], KINDS[5]] {
            assert_opens_everywhere(
                &picture(kind, 1000, height, 4),
                &format!("{kind:?} {height}"),
            );
        }
    }
}

#[test]
fn files_of_another_encoder_open_here() {
    use png::{Compression, Filter};
    mod png {
        pub use ::png::{ColorType, Compression, Encoder, Filter};
    }
    for picture in [
        picture(KINDS[5], 333, 222, 5),
        rgba(123, 77, 6),
        picture(KINDS[4], 1, 1, 7),
    ] {
        for compression in [
            Compression::NoCompression,
            Compression::Fastest,
            Compression::Fast,
            Compression::Balanced,
            Compression::High,
        ] {
            for filter in [
                Filter::NoFilter,
                Filter::Sub,
                Filter::Up,
                Filter::Avg,
                Filter::Paeth,
                Filter::Adaptive,
            ] {
                let mut file = Vec::new();
                let mut encoder = png::Encoder::new(&mut file, picture.width(), picture.height());
                encoder.set_color(match picture.channels() {
                    Channels::Rgb => png::ColorType::Rgb,
                    Channels::Rgba => png::ColorType::Rgba,
                });
                encoder.set_compression(compression);
                encoder.set_filter(filter);
                encoder
                    .write_header()
                    .unwrap()
                    .write_image_data(picture.samples())
                    .unwrap();
                let read = cameo_codec::png::read(&file).unwrap();
                assert!(read == picture, "{compression:?} {filter:?}");
            }
        }
    }
}

#[test]
fn a_stream_cut_into_chunks_anywhere_is_the_same_picture() {
    let picture = picture(KINDS[5], 1000, 200, 8);
    let chunks = Chunks::of(&png::write(&picture));
    let stream = chunks.stream();
    for size in [
        1,
        7,
        4096,
        stream.len() / 2,
        stream.len() / 4 + 1,
        stream.len(),
    ] {
        let mut cut = chunks.with_stream(Vec::new());
        let pieces = stream
            .chunks(size)
            .map(|piece| (b"IDAT".to_vec(), piece.to_vec()));
        cut.0.splice(1..2, pieces);
        assert!(
            png::read(&cut.png()).unwrap() == picture,
            "chunks of {size}"
        );
    }
}

#[test]
fn a_stream_whose_last_bytes_inflate_to_several_parts_is_read_to_its_end() {
    // All black: a few hundred bytes inflate to many times the size of a part.
    for (width, height) in [(33_000, 60), (1000, 2500), (14, 39_000)] {
        let picture = picture(KINDS[0], width, height, 1);
        let mut file = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut file, width, height);
        encoder.set_color(::png::ColorType::Rgb);
        encoder.set_compression(::png::Compression::High);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(picture.samples())
            .unwrap();
        assert!(png::read(&file).unwrap() == picture, "{width}x{height}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_picture_opens_in_another_decoder(
        width in 1u32..300,
        height in 1u32..300,
        spread in 1u16..=256,
        alpha in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let channels = if alpha { Channels::Rgba } else { Channels::Rgb };
        let len = width as usize * height as usize * channels.count();
        let samples = bytes(len, seed).iter().map(|b| (u16::from(*b) % spread) as u8).collect();
        let picture = Picture::new(width, height, channels, samples).unwrap();
        let file = png::write(&picture);
        prop_assert!(decode_with_png_crate(&file) == picture);
        prop_assert!(png::read(&file).unwrap() == picture);
    }
}
