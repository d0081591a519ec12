//! Decoding of pictures within limits: JPEG, PNG, WebP, GIF, TIFF, BMP.
//!
//! The format is detected from the content, never from a name. Width, height, area and memory are
//! bounded before a pixel is decoded. The EXIF orientation is applied; all other metadata is
//! dropped.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage,
};
use jpeg_decoder::PixelFormat;
use thiserror::Error;

use super::jpeg::JpegHeaders;
use super::limits::{MAX_DECODE_BYTES, MAX_EDGE, MAX_JPEG_SCANS, MAX_PHOTO_BYTES, MAX_PIXELS};
use super::picture::{Channels, Picture};

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("this is not a picture that can be decoded (JPEG, PNG, WebP, GIF, TIFF and BMP can)")]
    NotAPicture,
    #[error("this is a {0} file, which cannot be decoded here")]
    UnsupportedKind(&'static str),
    #[error(
        "the picture has an edge above {MAX_EDGE} or an area above {MAX_PIXELS} pixels: too many \
         to decode; save it smaller"
    )]
    Dimensions,
    #[error("the picture would take more than {MAX_DECODE_BYTES} bytes of memory to decode")]
    Memory,
    #[error("the file has {0} bytes; at most {MAX_PHOTO_BYTES} are read")]
    TooLarge(usize),
    #[error("the picture is damaged: {0}")]
    Damaged(String),
}

/// A decoded picture and properties of its file.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Pixels as stored in the file; smaller than the original from [`decode_small`].
    pub image: DynamicImage,
    /// Width and height as stored in the file.
    original: (u32, u32),
    /// Rotation that `image` still needs.
    pub orientation: Orientation,
    pub media_type: &'static str,
}

impl Decoded {
    /// Width and height of the original, orientation applied.
    pub(super) fn size(&self) -> (u32, u32) {
        let (width, height) = self.original;
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
            _ => (width, height),
        }
    }
}

/// Decodes in full size.
pub(super) fn decode(file: &[u8]) -> Result<Decoded, DecodeError> {
    decode_to(file, None)
}

/// Decodes with a longer edge of at least `edge` pixels, if the original has as many. JPEGs are
/// decoded only in part.
pub(super) fn decode_small(file: &[u8], edge: u32) -> Result<Decoded, DecodeError> {
    decode_to(file, Some(edge))
}

fn decode_to(file: &[u8], edge: Option<u32>) -> Result<Decoded, DecodeError> {
    if file.len() > MAX_PHOTO_BYTES {
        return Err(DecodeError::TooLarge(file.len()));
    }
    let format = kind(file)?;
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_EDGE);
    limits.max_image_height = Some(MAX_EDGE);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if width == 0
        || height == 0
        || width.max(height) > MAX_EDGE
        || u64::from(width) * u64::from(height) > MAX_PIXELS
    {
        return Err(DecodeError::Dimensions);
    }
    if decoder.total_bytes() > MAX_DECODE_BYTES {
        return Err(DecodeError::Memory);
    }
    // Without a readable orientation, the picture is shown as stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = match format {
        ImageFormat::Jpeg => decode_jpeg(file, decoder, edge)?,
        _ => DynamicImage::from_decoder(decoder).map_err(refused)?,
    };
    Ok(Decoded {
        image,
        original: (width, height),
        orientation,
        media_type: format.to_mime_type(),
    })
}

fn decode_jpeg(
    file: &[u8],
    decoder: impl ImageDecoder,
    edge: Option<u32>,
) -> Result<DynamicImage, DecodeError> {
    let size = decoder.dimensions();
    let headers = JpegHeaders::of(file);
    let coefficients = headers.coefficient_bytes(u64::from(size.0) * u64::from(size.1));
    let too_many_scans = headers.has_too_many_scans();
    let small = edge.and_then(|edge| scaled_jpeg(headers.scaling_decoder(size)?, edge));
    if let Some(small) = small {
        return Ok(small);
    }
    if coefficients + decoder.total_bytes() > MAX_DECODE_BYTES {
        return Err(DecodeError::Memory);
    }
    if too_many_scans {
        let message = format!("it has more than {MAX_JPEG_SCANS} scans");
        return Err(DecodeError::Damaged(message));
    }
    DynamicImage::from_decoder(decoder).map_err(refused)
}

/// Decodes a JPEG from the low frequencies of its blocks, at an eighth, a quarter or half of its
/// size. `None` on any error: then the full decoder runs, which also produces the error message.
fn scaled_jpeg(mut decoder: jpeg_decoder::Decoder<&[u8]>, edge: u32) -> Option<DynamicImage> {
    decoder.set_max_decoding_buffer_size(MAX_DECODE_BYTES as usize);
    let edge = u16::try_from(edge).ok()?;
    let (width, height) = decoder.scale(edge, edge).ok()?;
    let samples = decoder.decode().ok()?;
    let (width, height) = (u32::from(width), u32::from(height));
    match decoder.info()?.pixel_format {
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, samples).map(Into::into),
        PixelFormat::L8 => GrayImage::from_raw(width, height, samples).map(Into::into),
        PixelFormat::L16 | PixelFormat::CMYK32 => None,
    }
}

/// Format of a file, from its first bytes.
fn kind(file: &[u8]) -> Result<ImageFormat, DecodeError> {
    if let Some(brand) = file.get(4..12).and_then(|b| b.strip_prefix(b"ftyp")) {
        match brand {
            b"avif" | b"avis" => return Err(DecodeError::UnsupportedKind("AVIF")),
            b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
                return Err(DecodeError::UnsupportedKind("HEIC"));
            }
            _ => {}
        }
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
        _ => Err(DecodeError::NotAPicture),
    }
}

fn refused(error: ImageError) -> DecodeError {
    match error {
        ImageError::Limits(limit) => match limit.kind() {
            image::error::LimitErrorKind::DimensionError => DecodeError::Dimensions,
            _ => DecodeError::Memory,
        },
        other => DecodeError::Damaged(other.to_string()),
    }
}

/// Converts a decoded image to 8 bits a sample.
pub(super) fn to_picture(image: DynamicImage) -> Picture {
    let (width, height) = (image.width(), image.height());
    let (channels, samples) = if image.color().has_alpha() {
        (Channels::Rgba, image.into_rgba8().into_raw())
    } else {
        (Channels::Rgb, image.into_rgb8().into_raw())
    };
    match Picture::new(width, height, channels, samples) {
        Some(picture) => picture,
        None => unreachable!("a decoded image has a pixel and all its samples"),
    }
}
