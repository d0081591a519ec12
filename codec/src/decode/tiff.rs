//! TIFFs, as their tags say: the first page that is no thumbnail, colours that alpha is multiplied
//! into, inks.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::tiff::TiffDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageError, RgbImage};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::colour::Colours;
use super::{DecodeError, Decoded, check_size, with_decoder};
use crate::limits::MAX_DECODE_BYTES;

/// Most pages among which the first full one is looked for.
const MAX_PAGES: usize = 64;
/// NewSubfileType: a reduced version of another page; a mask of one.
const REDUCED: u32 = 1;
const MASK: u32 = 4;
/// ExtraSamples: alpha that the colours are multiplied with.
const ASSOCIATED: u16 = 1;
/// PhotometricInterpretation: grey, and zero is black.
const BLACK_IS_ZERO: u16 = 1;
/// PlanarConfiguration: each colour apart.
const PLANAR: u16 = 2;
const MEDIA_TYPE: &str = "image/tiff";

type Pages<'a> = Decoder<Cursor<&'a [u8]>>;

/// Decodes the first full page.
pub(super) fn decode(file: &[u8]) -> Result<Decoded, DecodeError> {
    let mut pages = Decoder::new(Cursor::new(file)).map_err(|error| refused(&error, None))?;
    let first = pages.ifd_pointer();
    find_full_page(&mut pages)?;
    check_size(pages.dimensions().map_err(|error| refused(&error, None))?)?;
    let page = Page::of(&mut pages);
    match pages.colortype() {
        Ok(ColorType::CMYK(8 | 16)) if page.planar != PLANAR => return of_inks(pages, &page),
        Ok(ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        }) if page.photometric == BLACK_IS_ZERO && page.planar != PLANAR => {
            return grey_with_alpha(pages, &page);
        }
        _ => {}
    }
    let file = match pages.ifd_pointer() {
        Some(ifd) if Some(ifd) != first => Cow::Owned(beginning_with(file, ifd.0)?),
        _ => Cow::Borrowed(file),
    };
    let decoder = TiffDecoder::new(Cursor::new(&*file)).map_err(|error| page.error(error))?;
    let mut decoded = with_decoder(decoder, MEDIA_TYPE, |error| page.error(error))?;
    if page.is_associated {
        divide_by_alpha(&mut decoded.image);
    }
    decoded.convert(&page.colours());
    Ok(decoded)
}

/// Goes on to the first page that is neither thumbnail nor mask; to the first one if none is.
fn find_full_page(pages: &mut Pages<'_>) -> Result<(), DecodeError> {
    let is_part = |pages: &mut Pages<'_>| {
        let kind: u32 = tag(pages, Tag::NewSubfileType).unwrap_or(0);
        kind & (REDUCED | MASK) != 0
    };
    if !is_part(pages) {
        return Ok(());
    }
    for _ in 1..MAX_PAGES {
        // A page that is damaged ends the search, not the picture.
        if !pages.more_images() || pages.next_image().is_err() {
            break;
        }
        if !is_part(pages) {
            return Ok(());
        }
    }
    let back = pages.seek_to_image(0);
    back.map_err(|error| refused(&error, None))
}

/// The file with this page as its first.
fn beginning_with(file: &[u8], ifd: u64) -> Result<Vec<u8>, DecodeError> {
    let mut file = file.to_vec();
    let little = file.starts_with(b"II");
    let is_big = matches!(file.get(2..4), Some([43, 0] | [0, 43]));
    let (at, bytes) = match is_big {
        true if little => (8, ifd.to_le_bytes().to_vec()),
        true => (8, ifd.to_be_bytes().to_vec()),
        false => {
            let ifd = u32::try_from(ifd)
                .map_err(|_| DecodeError::Damaged("a page lies beyond its end".into()))?;
            let bytes = match little {
                true => ifd.to_le_bytes(),
                false => ifd.to_be_bytes(),
            };
            (4, bytes.to_vec())
        }
    };
    match file.get_mut(at..at + bytes.len()) {
        Some(offset) => offset.copy_from_slice(&bytes),
        None => return Err(DecodeError::Damaged("it ends too early".into())),
    }
    Ok(file)
}

/// What a page's tags say about its samples.
struct Page {
    is_associated: bool,
    photometric: u16,
    compression: u16,
    planar: u16,
    bits: u16,
    orientation: Option<u16>,
    icc: Option<Vec<u8>>,
}

impl Page {
    fn of(pages: &mut Pages<'_>) -> Self {
        let extra = pages.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples);
        let bits = pages.find_tag_unsigned_vec::<u16>(Tag::BitsPerSample);
        Self {
            is_associated: extra.ok().flatten().unwrap_or_default().first() == Some(&ASSOCIATED),
            photometric: tag(pages, Tag::PhotometricInterpretation).unwrap_or(1),
            compression: tag(pages, Tag::Compression).unwrap_or(1),
            planar: tag(pages, Tag::PlanarConfiguration).unwrap_or(1),
            bits: bits
                .ok()
                .flatten()
                .unwrap_or_default()
                .first()
                .copied()
                .unwrap_or(1),
            orientation: tag(pages, Tag::Orientation),
            icc: pages.get_tag_u8_vec(Tag::IccProfile).ok(),
        }
    }

    fn colours(&self) -> Colours {
        Colours::of_icc(self.icc.as_deref())
    }

    /// Valid, and of a kind that is not read here.
    fn not_read(&self) -> DecodeError {
        let colours = match self.photometric {
            3 => ", colours by a palette",
            4 => ", a mask",
            5 => ", inks",
            6 => ", YCbCr",
            8..=10 => ", Lab colours",
            32_803 | 34_892 => ", a camera's raw samples",
            _ => "",
        };
        let compression = match self.compression {
            2..=4 => ", fax compression",
            6 | 7 => ", JPEG inside",
            34_712 => ", JPEG 2000 inside",
            50_000 => ", Zstandard compression",
            50_001 => ", WebP inside",
            50_002 => ", JPEG XL inside",
            _ => "",
        };
        let planar = if self.planar == PLANAR {
            ", colours apart"
        } else {
            ""
        };
        let bits = self.bits;
        DecodeError::NotRead(format!(
            "a TIFF with {bits} bits a sample{colours}{planar}{compression}"
        ))
    }

    /// An image of this page, as stored.
    fn decoded(&self, image: DynamicImage) -> Decoded {
        let orientation = self.orientation.and_then(|value| u8::try_from(value).ok());
        let orientation = orientation.and_then(Orientation::from_exif);
        Decoded {
            original: (image.width(), image.height()),
            image,
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
            media_type: MEDIA_TYPE,
            colours: None,
        }
    }

    fn error(&self, error: ImageError) -> DecodeError {
        match error {
            ImageError::Unsupported(_) => self.not_read(),
            error => super::refused(error),
        }
    }
}

fn tag<T: TryFrom<u64>>(pages: &mut Pages<'_>, tag: Tag) -> Option<T> {
    pages.find_tag_unsigned(tag).ok().flatten()
}

/// A page of inks, by its profile if it has one.
fn of_inks(pages: Pages<'_>, page: &Page) -> Result<Decoded, DecodeError> {
    let ((width, height), inks) = samples(pages, page)?;
    let rgb = page.colours().inks_to_srgb(&inks);
    let image = RgbImage::from_raw(width, height, rgb).ok_or_else(too_short)?;
    Ok(Decoded {
        colours: page.colours().name(),
        ..page.decoded(image.into())
    })
}

fn grey_with_alpha(pages: Pages<'_>, page: &Page) -> Result<Decoded, DecodeError> {
    let ((width, height), samples) = samples(pages, page)?;
    let image = ImageBuffer::from_raw(width, height, samples).ok_or_else(too_short)?;
    let mut image = DynamicImage::ImageLumaA8(image);
    if page.is_associated {
        divide_by_alpha(&mut image);
    }
    let mut decoded = page.decoded(image);
    decoded.convert(&page.colours());
    Ok(decoded)
}

/// Size and samples of a page, 8 bits each.
fn samples(pages: Pages<'_>, page: &Page) -> Result<((u32, u32), Vec<u8>), DecodeError> {
    let limit = MAX_DECODE_BYTES as usize;
    let mut limits = Limits::default();
    limits.decoding_buffer_size = limit;
    limits.intermediate_buffer_size = limit;
    let mut pages = pages.with_limits(limits);
    let failed = |error: TiffError| refused(&error, Some(page));
    let size = pages.dimensions().map_err(failed)?;
    let samples = match pages.read_image().map_err(failed)? {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.iter().map(|deep| (deep >> 8) as u8).collect(),
        _ => return Err(page.not_read()),
    };
    Ok((size, samples))
}

fn too_short() -> DecodeError {
    DecodeError::Damaged("it has too few samples".into())
}

/// Colours as they are without alpha, from those that were multiplied with it.
fn divide_by_alpha(image: &mut DynamicImage) {
    fn divided<T: Copy + Into<u64> + TryFrom<u64>>(pixel: &mut [T], most: u64) {
        let [colours @ .., alpha] = pixel else { return };
        let alpha = (*alpha).into();
        if alpha == 0 {
            return;
        }
        for colour in colours {
            let whole = (((*colour).into() * most + alpha / 2) / alpha).min(most);
            if let Ok(whole) = T::try_from(whole) {
                *colour = whole;
            }
        }
    }
    match image {
        DynamicImage::ImageRgba8(i) => i.pixels_mut().for_each(|p| divided(&mut p.0, 0xff)),
        DynamicImage::ImageLumaA8(i) => i.pixels_mut().for_each(|p| divided(&mut p.0, 0xff)),
        DynamicImage::ImageRgba16(i) => i.pixels_mut().for_each(|p| divided(&mut p.0, 0xffff)),
        DynamicImage::ImageLumaA16(i) => i.pixels_mut().for_each(|p| divided(&mut p.0, 0xffff)),
        _ => {}
    }
}

fn refused(error: &TiffError, page: Option<&Page>) -> DecodeError {
    match (error, page) {
        (TiffError::UnsupportedError(_), Some(page)) => page.not_read(),
        (TiffError::UnsupportedError(_), None) => {
            DecodeError::NotRead("a TIFF whose tags are of an unusual kind".into())
        }
        (TiffError::LimitsExceeded, _) => DecodeError::Memory,
        (TiffError::IoError(_), _) => DecodeError::Damaged("it ends too early".into()),
        (error, _) => DecodeError::Damaged(error.to_string()),
    }
}
