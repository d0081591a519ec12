//! The kinds of files that browsers show, by content alone.

use cameo_common::sealing::Opened;
use zeroize::Zeroizing;

/// What browsers make of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showable {
    /// Shown as it is, as this media type.
    AsItIs(&'static str),
    /// Shown as a PNG that is made of it.
    AsPng,
    /// Shown nowhere; it can only be saved.
    Nowhere,
}

/// Media type of what is converted for display.
const PNG: &str = "image/png";
/// Media types that the page may have.
const SHOWN: [&str; 5] = ["image/jpeg", PNG, "image/webp", "image/gif", "image/avif"];
/// Media types of pictures that are converted.
const CONVERTED: [&str; 2] = ["image/tiff", "image/bmp"];
/// Longest list of brands of an MPEG-4 file that is read, in bytes.
const MAX_BRANDS: usize = 256;

impl Showable {
    /// By the file's first bytes.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        const AS_THEY_ARE: [(&[u8], &str); 4] = [
            (b"\xff\xd8\xff", "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n", PNG),
            (b"GIF87a", "image/gif"),
            (b"GIF89a", "image/gif"),
        ];
        const TO_CONVERT: [&[u8]; 5] = [b"II*\0", b"MM\0*", b"II\x2b\0", b"MM\0\x2b", b"BM"];
        let begins = |magic: &[u8]| file.starts_with(magic);
        if let Some((_, media_type)) = AS_THEY_ARE.iter().find(|(magic, _)| begins(magic)) {
            return Self::AsItIs(media_type);
        }
        if begins(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
            return Self::AsItIs("image/webp");
        }
        if is_avif(file) {
            return Self::AsItIs("image/avif");
        }
        match TO_CONVERT.iter().any(|magic| begins(magic)) {
            true => Self::AsPng,
            false => Self::Nowhere,
        }
    }

    /// By a media type that was found from the content.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Self {
        match shown_type(media_type) {
            Some(known) => Self::AsItIs(known),
            None if CONVERTED.contains(&media_type) => Self::AsPng,
            None => Self::Nowhere,
        }
    }
}

/// The media type, if it is one that a page may have.
pub(crate) fn shown_type(media_type: &str) -> Option<&'static str> {
    SHOWN.into_iter().find(|known| *known == media_type)
}

/// Whether an MPEG-4 file is of AVIF's brand, first or among the compatible ones.
fn is_avif(file: &[u8]) -> bool {
    let Some(Ok(length)) = file
        .first_chunk()
        .map(|length| u32::from_be_bytes(*length).try_into())
    else {
        return false;
    };
    let length: usize = length;
    let brands = file.get(8..length.min(MAX_BRANDS).min(file.len()));
    file.get(4..8) == Some(b"ftyp")
        && brands.is_some_and(|brands| {
            // The second word is a version.
            let words = brands.chunks_exact(4).enumerate();
            words
                .into_iter()
                .any(|(at, brand)| at != 1 && matches!(brand, b"avif" | b"avis"))
        })
}

/// A picture in a form that every browser shows. Wiped when dropped.
pub struct Picture {
    pub bytes: Zeroizing<Vec<u8>>,
    pub media_type: &'static str,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Picture({}, {} bytes)",
            self.media_type,
            self.bytes.len()
        )
    }
}

impl Picture {
    /// Of an opened photo; `None` where no browser shows it, or it is damaged. Decodes and
    /// converts, so it takes a while.
    #[must_use]
    pub fn of(photo: &Opened) -> Option<Self> {
        Self::of_file(&photo.bytes)
    }

    fn of_file(file: &[u8]) -> Option<Self> {
        let (bytes, media_type) = match Showable::of(file) {
            Showable::Nowhere => return None,
            Showable::AsPng => (cameo_codec::upright_png(file).ok()?, PNG),
            // The codec does not decode it, and browsers do.
            Showable::AsItIs(avif @ "image/avif") => (file.to_vec(), avif),
            Showable::AsItIs(media_type) => {
                cameo_codec::preview(file).ok()?;
                (file.to_vec(), media_type)
            }
        };
        Some(Self {
            bytes: Zeroizing::new(bytes),
            media_type,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn case(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../photos");
        std::fs::read(std::path::Path::new(folder).join(name)).unwrap()
    }

    #[test]
    fn a_media_type_is_that_of_the_content() {
        for (file, media_type) in [
            (&b"\xff\xd8\xff\xe0"[..], "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"GIF89a", "image/gif"),
            (b"RIFF\0\0\0\0WEBP", "image/webp"),
            (b"\0\0\0\x14ftypavif\0\0\0\0mif1", "image/avif"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image/avif"),
        ] {
            assert_eq!(Showable::of(file), Showable::AsItIs(media_type));
            assert_eq!(Showable::of_media_type(media_type), Showable::of(file));
        }
        for (file, media_type) in [(&b"II*\0"[..], "image/tiff"), (b"BM", "image/bmp")] {
            assert_eq!(Showable::of(file), Showable::AsPng);
            assert_eq!(Showable::of_media_type(media_type), Showable::AsPng);
        }
    }

    #[test]
    fn attack_what_is_no_picture_gets_no_picture_s_media_type() {
        for file in [
            &b"<html><script>"[..],
            b"<svg xmlns=",
            b"",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            b"\0\0\0\x10ftypmif1avif",
            b"RIFF\0\0\0\0WAVE",
        ] {
            assert_eq!(Showable::of(file), Showable::Nowhere);
            assert!(Picture::of_file(file).is_none());
        }
        for claimed in ["text/html", "image/svg+xml", "application/octet-stream"] {
            assert_eq!(Showable::of_media_type(claimed), Showable::Nowhere);
            assert_eq!(shown_type(claimed), None);
        }
    }

    #[test]
    fn a_tiff_and_a_bmp_are_shown_as_a_png_of_the_same_pixels() {
        let pixels = [255, 0, 0, 0, 255, 0];
        for format in [image::ImageFormat::Tiff, image::ImageFormat::Bmp] {
            // given a file that browsers do not show
            let mut file = std::io::Cursor::new(Vec::new());
            let picture = image::RgbImage::from_raw(2, 1, pixels.to_vec()).unwrap();
            picture.write_to(&mut file, format).unwrap();
            // then the page has a PNG with what is in it
            let shown = Picture::of_file(file.get_ref()).unwrap();
            assert_eq!(shown.media_type, "image/png");
            let png = image::load_from_memory(&shown.bytes).unwrap().into_rgb8();
            assert_eq!(
                (png.dimensions(), png.into_raw()),
                ((2, 1), pixels.to_vec())
            );
        }
    }

    #[test]
    fn a_jpeg_is_shown_as_it_is() {
        let file = case("seeding_by_Clements_Engelhardt.jpg");
        let shown = Picture::of_file(&file).unwrap();
        assert_eq!((&*shown.bytes, shown.media_type), (&file, "image/jpeg"));
    }
}
