//! Kinds of files, by their content alone.

use image::ImageFormat;

use super::DecodeError;

/// The first bytes of a BigTIFF, in either order.
const BIG_TIFF: [[u8; 4]; 2] = [*b"II\x2b\0", *b"MM\0\x2b"];

/// The kind of a file that is decoded here.
pub(super) fn kind(file: &[u8]) -> Result<ImageFormat, DecodeError> {
    if let Some(name) = brand(file) {
        return Err(DecodeError::UnsupportedKind(name));
    }
    if BIG_TIFF.iter().any(|magic| file.starts_with(magic)) {
        return Ok(ImageFormat::Tiff);
    }
    match image::guess_format(file) {
        Ok(
            format @ (ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::WebP
            | ImageFormat::Gif
            | ImageFormat::Tiff
            | ImageFormat::Bmp),
        ) => Ok(format),
        _ => Err(other(file).map_or(DecodeError::NotAPicture, DecodeError::UnsupportedKind)),
    }
}

/// Pictures in the container of MPEG-4.
fn brand(file: &[u8]) -> Option<&'static str> {
    match file.get(4..12)?.strip_prefix(b"ftyp")? {
        b"avif" | b"avis" => Some("AVIF"),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
            Some("HEIC")
        }
        b"crx " => Some("CR3"),
        _ => None,
    }
}

/// Pictures that people have and that nothing here decodes.
fn other(file: &[u8]) -> Option<&'static str> {
    const OTHERS: [(&[u8], &str); 8] = [
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"II\xbc\x01", "JPEG XR"),
        (b"8BPS", "Photoshop"),
        (b"FUJIFILMCCD-RAW", "RAF"),
        (b"\0\0\x01\0", "ICO"),
    ];
    let found = OTHERS.iter().find(|(magic, _)| file.starts_with(magic));
    found.map(|(_, name)| *name)
}
