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
/// Compression: JPEG, in its second form.
const JPEG: u16 = 7;
/// DNGVersion: of camera raw.
const DNG_VERSION: u16 = 50_706;
/// PhotometricInterpretation: grey, and zero is black.
const BLACK_IS_ZERO: u16 = 1;
/// PlanarConfiguration: each colour apart.
const PLANAR: u16 = 2;
const MEDIA_TYPE: &str = "image/tiff";

type Pages<'a> = Decoder<Cursor<&'a [u8]>>;

/// Decodes the first full page.
pub(super) fn decode(file: &[u8]) -> Result<Decoded, DecodeError> {
    let file = beginning_with_full_page(file)?;
    let mut pages = Decoder::new(Cursor::new(&*file)).map_err(|error| refused(&error, None))?;
    check_size(pages.dimensions().map_err(|error| refused(&error, None))?)?;
    let page = Page::of(&mut pages);
    match pages.colortype() {
        Ok(ColorType::CMYK(8 | 16)) if page.planar != PLANAR => return of_inks(pages, &page),
        Ok(ColorType::YCbCr(8)) if page.compression == JPEG && page.planar != PLANAR => {
            return of_luma_and_chroma(pages, &page);
        }
        Ok(ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        }) if page.photometric == BLACK_IS_ZERO && page.planar != PLANAR => {
            return grey_with_alpha(pages, &page);
        }
        _ => {}
    }
    let decoder = TiffDecoder::new(Cursor::new(&*file)).map_err(|error| page.error(error))?;
    let mut decoded = with_decoder(decoder, MEDIA_TYPE, |error| page.error(error))?;
    if page.is_associated {
        divide_by_alpha(&mut decoded.image);
    }
    decoded.convert(&page.colours());
    Ok(decoded)
}

/// The file with the first page in front that is neither thumbnail nor mask; as it is where none
/// is.
pub(super) fn beginning_with_full_page(file: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    let failed = |error: TiffError| refused(&error, None);
    let mut pages = Decoder::new(Cursor::new(file)).map_err(failed)?;
    let Some(first) = pages.ifd_pointer() else {
        return Ok(Cow::Borrowed(file));
    };
    let mut at = Some(first);
    let mut is_raw = false;
    for _ in 0..MAX_PAGES {
        // A page that is damaged ends the search, not the picture.
        let Some(Ok(page)) = at.map(|at| pages.read_directory(at)) else {
            break;
        };
        let kind = pages.read_directory_tags(&page);
        let kind = { kind }.find_tag_unsigned::<u32>(Tag::NewSubfileType);
        if kind.ok().flatten().unwrap_or(0) & (REDUCED | MASK) == 0 {
            return match at.filter(|at| *at != first) {
                Some(at) => beginning_with(file, at.0).map(Cow::Owned),
                None => Ok(Cow::Borrowed(file)),
            };
        }
        is_raw |= page.contains(Tag::SubIfd) || page.contains(Tag::Unknown(DNG_VERSION));
        at = page.next();
    }
    match is_raw {
        // The photo is in a directory below, as a camera's samples.
        true => Err(DecodeError::UnsupportedKind("camera raw")),
        false => Ok(Cow::Borrowed(file)),
    }
}

/// The file with this page as its first.
fn beginning_with(file: &[u8], ifd: u64) -> Result<Vec<u8>, DecodeError> {
    let mut file = file.to_vec();
    let little = file.starts_with(b"II");
    let is_big = matches!(file.get(2..4), Some([43, 0] | [0, 43]));
    let short = u32::try_from(ifd).unwrap_or(u32::MAX);
    let (at, bytes) = match (is_big, little) {
        (true, true) => (8, ifd.to_le_bytes().to_vec()),
        (true, false) => (8, ifd.to_be_bytes().to_vec()),
        (false, true) => (4, short.to_le_bytes().to_vec()),
        (false, false) => (4, short.to_be_bytes().to_vec()),
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
    let (rgb, by) = page.colours().inks_to_srgb(&inks);
    let image = RgbImage::from_raw(width, height, rgb).ok_or_else(too_short)?;
    Ok(Decoded {
        colours: by,
        ..page.decoded(image.into())
    })
}

/// A page with JPEGs inside, as most programs write them.
fn of_luma_and_chroma(pages: Pages<'_>, page: &Page) -> Result<Decoded, DecodeError> {
    let ((width, height), mut samples) = samples(pages, page)?;
    for pixel in samples.as_chunks_mut::<3>().0 {
        *pixel = rgb_of(*pixel);
    }
    let image = RgbImage::from_raw(width, height, samples).ok_or_else(too_short)?;
    let mut decoded = page.decoded(image.into());
    decoded.convert(&page.colours());
    Ok(decoded)
}

/// The colour of luma and chroma with all their values (ITU-R BT.601, as in JFIF).
fn rgb_of([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let rgb = [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ];
    rgb.map(|value| value.round().clamp(0.0, 255.0) as u8)
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
