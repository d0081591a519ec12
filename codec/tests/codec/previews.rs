//! Previews: size, orientation, metadata, and refusal of other files.

use std::io::Cursor;

use cameo_codec::limits::{MAX_PREVIEW_BYTES, PREVIEW_EDGE};
use cameo_codec::{
    CoverError, DecodeError, HideOptions, Picture, PreviewError, cover_from_picture, preview,
};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, RgbImage};

use crate::pictures::{Chunks, Kind, bytes, photos, picture};

pub fn jpeg(picture: &Picture) -> Vec<u8> {
    turned(picture, 1)
}

/// A JPEG whose EXIF has an orientation and, in a text field, a place.
pub fn turned(picture: &Picture, orientation: u8) -> Vec<u8> {
    let place = b"48.137 N 11.575 E\0";
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend([0x0e, 1, 2, 0]);
    exif.extend((place.len() as u32).to_le_bytes());
    exif.extend(38u32.to_le_bytes());
    exif.extend([0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    exif.extend([0; 4]);
    exif.extend(place);
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 95);
    encoder.set_exif_metadata(exif).unwrap();
    let (width, height) = picture.size();
    encoder
        .write_image(picture.samples(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    file
}

fn image(picture: &Picture) -> DynamicImage {
    let (width, height) = picture.size();
    RgbImage::from_raw(width, height, picture.samples().to_vec())
        .unwrap()
        .into()
}

fn file(picture: &Picture, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image(picture).write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// Red on the left, blue on the right.
fn red_and_blue(width: u32, height: u32) -> Picture {
    let mut picture = picture(Kind::Black, width, height, 0);
    for (i, pixel) in picture.samples_mut().chunks_mut(3).enumerate() {
        let left = i as u32 % width < width / 2;
        pixel.copy_from_slice(if left { &[230, 20, 20] } else { &[20, 20, 230] });
    }
    picture
}

#[test]
fn every_format_gives_a_small_jpeg_and_the_size_of_the_original() {
    let original = red_and_blue(900, 600);
    for (format, media_type) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::Tiff, "image/tiff"),
        (ImageFormat::Bmp, "image/bmp"),
    ] {
        let seen = preview(&file(&original, format)).unwrap();
        assert_eq!((seen.width, seen.height), (900, 600), "{format:?}");
        assert_eq!(seen.media_type, media_type);
        let small = image::load_from_memory_with_format(&seen.jpeg, ImageFormat::Jpeg).unwrap();
        assert_eq!(
            (small.width(), small.height()),
            (PREVIEW_EDGE, 213),
            "{format:?}"
        );
        assert!(seen.jpeg.len() <= MAX_PREVIEW_BYTES);
        let small = small.into_rgb8();
        assert!(small.get_pixel(40, 100)[0] > 180 && small.get_pixel(280, 100)[2] > 180);
    }
}

#[test]
fn the_exif_orientation_is_applied_to_size_and_pixels() {
    let original = red_and_blue(200, 100);
    // Where red is found after turning: left, right, right, left, then top, top, bottom, bottom.
    let expected = [
        (1, (200, 100), (20, 50)),
        (2, (200, 100), (180, 50)),
        (3, (200, 100), (180, 50)),
        (4, (200, 100), (20, 50)),
        (5, (100, 200), (50, 20)),
        (6, (100, 200), (50, 20)),
        (7, (100, 200), (50, 180)),
        (8, (100, 200), (50, 180)),
    ];
    for (orientation, size, (x, y)) in expected {
        let seen = preview(&turned(&original, orientation)).unwrap();
        assert_eq!((seen.width, seen.height), size, "orientation {orientation}");
        let small = image::load_from_memory(&seen.jpeg).unwrap().into_rgb8();
        assert_eq!((small.width(), small.height()), size);
        let pixel = small.get_pixel(x, y);
        assert!(
            pixel[0] > 180 && pixel[2] < 80,
            "orientation {orientation}: {pixel:?}"
        );
    }
}

#[test]
fn no_metadata_is_left() {
    let original = turned(&red_and_blue(200, 100), 6);
    let has = |file: &[u8], word: &[u8]| file.windows(word.len()).any(|w| w == word);
    assert!(
        has(&original, b"48.137") && has(&original, b"Exif"),
        "the test's own file"
    );
    let seen = preview(&original).unwrap();
    assert!(!has(&seen.jpeg, b"48.137") && !has(&seen.jpeg, b"Exif"));
}

#[test]
fn the_worst_picture_still_fits_the_limit() {
    let noise = file(&picture(Kind::Noise, 640, 640, 1), ImageFormat::Png);
    assert!(preview(&noise).unwrap().jpeg.len() <= MAX_PREVIEW_BYTES);
}

#[test]
fn small_pictures_are_not_enlarged() {
    let seen = preview(&file(&red_and_blue(2, 1), ImageFormat::Png)).unwrap();
    let small = image::load_from_memory(&seen.jpeg).unwrap();
    assert_eq!((small.width(), small.height()), (2, 1));
}

#[test]
fn translucent_pictures_are_blended_over_white() {
    let clear = image::RgbaImage::from_pixel(50, 50, image::Rgba([0, 0, 0, 0]));
    let mut file = Cursor::new(Vec::new());
    clear.write_to(&mut file, ImageFormat::Png).unwrap();
    let seen = preview(file.get_ref()).unwrap();
    let small = image::load_from_memory(&seen.jpeg).unwrap().into_rgb8();
    assert!(small.get_pixel(25, 25).0.iter().all(|&s| s > 250));
}

#[test]
fn files_that_are_no_pictures_can_be_shared_with_an_own_preview() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    for other in [&b""[..], b"just a text", &bytes(5000, 2), heic, b"%PDF-1.7"] {
        let refused = preview(other).unwrap_err();
        assert!(matches!(refused, PreviewError::NoPicture(_)), "{refused}");
        assert!(refused.to_string().contains("--preview"));
    }
    assert!(preview(heic).unwrap_err().to_string().contains("HEIC"));
}

#[test]
fn the_format_is_detected_from_the_content() {
    // A PNG's bytes with a GIF's signature in front are no GIF.
    let lie = [
        b"GIF89a",
        &file(&red_and_blue(20, 20), ImageFormat::Png)[..],
    ]
    .concat();
    assert!(matches!(preview(&lie), Err(PreviewError::Refused(_))));
}

#[test]
fn absurd_dimensions_are_refused_before_they_are_decoded() {
    let honest = file(&red_and_blue(20, 20), ImageFormat::Png);
    for (width, height) in [(60_000u32, 10u32), (10, 60_000), (39_000, 39_000)] {
        let mut forged = Chunks::of(&honest);
        forged.ihdr()[..4].copy_from_slice(&width.to_be_bytes());
        forged.ihdr()[4..8].copy_from_slice(&height.to_be_bytes());
        let refused = preview(&forged.png());
        let expected = PreviewError::Refused(DecodeError::Dimensions);
        assert_eq!(refused, Err(expected), "png {width}x{height}");
    }
    let mut bmp = file(&red_and_blue(20, 20), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&39_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&39_000u32.to_le_bytes());
    assert!(matches!(preview(&bmp), Err(PreviewError::Refused(_))));
    let mut gif = file(&red_and_blue(20, 20), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert!(matches!(preview(&gif), Err(PreviewError::Refused(_))));
}

#[test]
fn damaged_pictures_of_every_format_are_refused_or_shown_and_never_panic() {
    let original = red_and_blue(60, 40);
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ] {
        let whole = file(&original, format);
        let step = (whole.len() / 150).max(1);
        for at in (0..whole.len()).step_by(step) {
            let _ = preview(&whole[..at]);
            let mut bent = whole.clone();
            bent[at] = bent[at].wrapping_add(0x55);
            let _ = preview(&bent);
        }
    }
}

/// A progressive JPEG with `scans` passes over all 16384 blocks of 1024 x 1024 pixels, in a few
/// bytes each. With another size or more than one component, only its header is valid.
fn progressive(edge: u16, components: u8, scans: usize) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    let mut segment = |name: u8, body: &[u8], data: &[u8]| {
        file.extend([0xff, name]);
        file.extend((body.len() as u16 + 2).to_be_bytes());
        file.extend(body);
        file.extend(data);
    };
    segment(0xdb, &[&[0][..], &[1; 64]].concat(), &[]);
    let mut frame = vec![8];
    frame.extend([edge.to_be_bytes(), edge.to_be_bytes()].concat());
    frame.push(components);
    (1..=components).for_each(|id| frame.extend([id, 0x11, 0]));
    segment(0xc2, &frame, &[]);
    // One code of one bit in each table: no difference, and a run of blocks without coefficients.
    segment(0xc4, &[&[0, 1][..], &[0; 15], &[0]].concat(), &[]);
    segment(0xc4, &[&[0x10, 1][..], &[0; 15], &[0xe0]].concat(), &[]);
    let blocks = (usize::from(edge) / 8).pow(2);
    segment(0xda, &[1, 1, 0, 0, 0, 0], &vec![0; blocks / 8]);
    for _ in 0..scans {
        // A run of 2^14 blocks: a code, and 14 bits more.
        segment(0xda, &[1, 1, 0, 1, 63, 0], &[0, 1]);
    }
    file.extend([0xff, 0xd9]);
    file
}

#[test]
fn a_jpeg_of_more_scans_than_a_camera_writes_is_refused() {
    let seen = preview(&progressive(1024, 1, 20)).unwrap();
    assert_eq!((seen.width, seen.height), (1024, 1024));
    let refused = preview(&progressive(1024, 1, 101)).unwrap_err();
    assert!(
        refused.to_string().to_lowercase().contains("scans"),
        "{refused}"
    );
}

#[test]
fn the_coefficients_of_a_progressive_jpeg_count_as_memory() {
    let memory = DecodeError::Memory;
    // Four components of 64 Mi coefficients are the whole limit; three leave no room for the
    // picture in full.
    let refused = preview(&progressive(8192, 4, 1)).unwrap_err();
    assert_eq!(refused, PreviewError::Refused(memory.clone()));
    let refused = cover_from_picture(&progressive(8192, 3, 1), 10, &HideOptions::default());
    assert_eq!(refused.unwrap_err(), CoverError::Picture(memory));
}

#[test]
fn a_scan_in_a_thumbnail_is_no_scan_of_the_picture() {
    let whole = jpeg(&red_and_blue(200, 100));
    let thumbnails = [0xff, 0xda].repeat(200);
    let length = (thumbnails.len() as u16 + 2).to_be_bytes();
    let segment = [&[0xff, 0xe5], &length[..], &thumbnails].concat();
    let file = [&whole[..2], &segment, &whole[2..]].concat();
    assert_eq!(preview(&file).unwrap(), preview(&whole).unwrap());
    // Arbitrary data may follow the picture, a film for example: then it is decoded in full.
    let file = [&whole[..], &thumbnails].concat();
    assert_eq!(preview(&file).unwrap().width, 200);
}

#[test]
fn all_photos_have_previews() {
    for (name, photo) in photos() {
        let seen = preview(&photo).unwrap();
        assert_eq!(seen.media_type, "image/jpeg");
        assert!(seen.width.max(seen.height) > 1000, "{name}");
        assert!(seen.jpeg.len() <= MAX_PREVIEW_BYTES, "{name}");
    }
}

#[test]
fn a_jpeg_decoded_at_a_fraction_looks_like_the_full_decode() {
    for (_, photo) in photos() {
        let whole = image::load_from_memory(&photo).unwrap().into_rgb8();
        let (width, height) = whole.dimensions();
        let whole = Picture::new(width, height, cameo_codec::Channels::Rgb, whole.into_raw());
        let whole = preview(&file(&whole.unwrap(), ImageFormat::Bmp)).unwrap();
        let seen = preview(&photo).unwrap();
        assert_eq!((seen.width, seen.height), (width, height));
        let samples = |preview: &[u8]| image::load_from_memory(preview).unwrap().into_rgb8();
        let (whole, seen) = (samples(&whole.jpeg), samples(&seen.jpeg));
        assert_eq!(whole.dimensions(), seen.dimensions());
        let apart: u64 = whole
            .iter()
            .zip(seen.iter())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!(apart / (whole.len() as u64) < 3, "{apart}");
    }
}
