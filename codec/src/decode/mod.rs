//! Decoding of pictures within limits: JPEG, PNG, WebP, GIF, TIFF, BMP.
//!
//! The format is detected from the content, never from a name. Width, height, area and memory are
//! bounded before a pixel is decoded. Colours become those of sRGB, and the orientation is found;
//! all other metadata is dropped. What is valid and not read here is told apart from damage.

mod bmp;
mod colour;
mod gif;
mod guard;
mod icc;
mod jpeg;
mod jpeg_markers;
mod kind;
mod tiff;

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use thiserror::Error;

use super::limits::{MAX_CARRIER_BYTES, MAX_DECODE_BYTES, MAX_EDGE, MAX_PHOTO_BYTES, MAX_PIXELS};
use super::picture::{Channels, Picture};
use colour::Colours;
pub use guard::is_guarded;
pub use jpeg_markers::is_cut_off;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("this is not a picture that can be decoded (JPEG, PNG, WebP, GIF, TIFF and BMP can)")]
    NotAPicture,
    #[error("this is a {0} file, which cannot be decoded here")]
    UnsupportedKind(&'static str),
    #[error("this is {0}: this kind is not read here")]
    NotRead(String),
    #[error(
        "the picture has an edge above {MAX_EDGE} or an area above {MAX_PIXELS} pixels: too many \
         to decode; save it smaller"
    )]
    Dimensions,
    #[error("the picture would take more than {MAX_DECODE_BYTES} bytes of memory to decode")]
    Memory,
    #[error("the file has {bytes} bytes; at most {limit} are read")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    #[error("its decoder has failed: this is an error of ours, and the picture was not read")]
    DecoderFailed,
}

/// Most that the chunks of a PNG beside its samples take, inflated.
const CHUNK_BYTES: u64 = 16 << 20;
/// Four samples of 16 bits.
const MAX_PIXEL_BYTES: u64 = 8;

/// A decoded picture and properties of its file.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Pixels as stored in the file, in sRGB; smaller than the original from [`decode_small`].
    pub image: DynamicImage,
    /// Width and height as stored in the file.
    original: (u32, u32),
    /// Rotation that `image` still needs.
    pub orientation: Orientation,
    pub media_type: &'static str,
    /// What its colours were by before, if they changed.
    pub colours: Option<String>,
}

impl Decoded {
    fn convert(&mut self, colours: &Colours) {
        (self.image, self.colours) = colours.to_srgb(std::mem::take(&mut self.image));
    }

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

/// What a viewer shows of a file beside its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appearance {
    pub media_type: &'static str,
    /// Width and height as shown.
    pub size: (u32, u32),
    /// It is turned or mirrored.
    pub is_turned: bool,
    /// What its colours are by, if they become others in sRGB.
    pub colours: Option<String>,
}

/// Reads how a picture is shown.
pub fn appearance(file: &[u8]) -> Result<Appearance, DecodeError> {
    let decoded = decode_small(file, 1)?;
    Ok(Appearance {
        media_type: decoded.media_type,
        size: decoded.size(),
        is_turned: decoded.orientation != Orientation::NoTransforms,
        colours: decoded.colours,
    })
}

/// Width and height as they are decoded, from the headers alone.
pub fn dimensions(file: &[u8]) -> Result<(u32, u32), DecodeError> {
    let of = |file: &[u8], format| {
        let reader = ImageReader::with_format(Cursor::new(file), format);
        reader.into_dimensions().map_err(refused)
    };
    let format = kind::kind(file)?;
    guard::guarded(|| match format {
        ImageFormat::Jpeg => jpeg::dimensions(file),
        ImageFormat::Tiff => of(&tiff::beginning_with_full_page(file)?, format),
        ImageFormat::Gif => of(&gif::with_whole_frame(file), format),
        _ => of(file, format),
    })
    .unwrap_or(Err(DecodeError::DecoderFailed))
}

/// Decodes in full size. A file may be as large as a carrier.
pub(super) fn decode(file: &[u8]) -> Result<Decoded, DecodeError> {
    decode_to(file, None, MAX_CARRIER_BYTES)
}

/// Decodes with a longer edge of at least `edge` pixels, if the original has as many. JPEGs are
/// decoded only in part.
pub(super) fn decode_small(file: &[u8], edge: u32) -> Result<Decoded, DecodeError> {
    decode_to(file, Some(edge), MAX_PHOTO_BYTES)
}

fn decode_to(file: &[u8], edge: Option<u32>, limit: usize) -> Result<Decoded, DecodeError> {
    let bytes = file.len();
    if bytes > limit {
        return Err(DecodeError::TooLarge { bytes, limit });
    }
    let format = kind::kind(file)?;
    guard::guarded(|| match format {
        ImageFormat::Jpeg => jpeg::decode(file, edge),
        ImageFormat::Tiff => tiff::decode(file),
        ImageFormat::Png => decode_png(file),
        ImageFormat::Gif => decode_as(&gif::with_whole_frame(file), format),
        ImageFormat::Bmp => {
            let mut decoded = decode_as(&bmp::with_alpha_mask(file), format)?;
            decoded.image = bmp::without_empty_alpha(decoded.image);
            Ok(decoded)
        }
        _ => decode_as(file, format),
    })
    .unwrap_or(Err(DecodeError::DecoderFailed))
}

fn decode_png(file: &[u8]) -> Result<Decoded, DecodeError> {
    let bytes = usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX);
    let chunks = png::Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes });
    // The chunks before the samples. The decoder of the samples tells damage in them.
    let colours = match chunks.read_info() {
        Ok(chunks) => Colours::of_png(chunks.info()),
        Err(_) => Colours::default(),
    };
    let size = file.get(16..24).unwrap_or_default();
    let edges = size.as_chunks::<4>().0.iter();
    let pixels = edges.map(|edge| u64::from(u32::from_be_bytes(*edge)));
    let most = pixels.product::<u64>().saturating_mul(MAX_PIXEL_BYTES);
    let mut limits = limits();
    limits.max_alloc = Some(most.saturating_add(CHUNK_BYTES).min(MAX_DECODE_BYTES));
    let decoder = PngDecoder::with_limits(Cursor::new(file), limits).map_err(refused)?;
    let mut decoded = with_decoder(decoder, ImageFormat::Png.to_mime_type(), refused)?;
    decoded.convert(&colours);
    Ok(decoded)
}

/// Decodes by `image`'s decoder, to sRGB by the file's profile.
fn decode_as(file: &[u8], format: ImageFormat) -> Result<Decoded, DecodeError> {
    let (mut decoded, icc) = decode_as_stored(file, format)?;
    decoded.convert(&Colours::of_icc(icc.as_deref()));
    Ok(decoded)
}

fn decode_as_stored(
    file: &[u8],
    format: ImageFormat,
) -> Result<(Decoded, Option<Vec<u8>>), DecodeError> {
    let reader = ImageReader::with_format(Cursor::new(file), format);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let icc = decoder.icc_profile().ok().flatten();
    let decoded = with_decoder(decoder, format.to_mime_type(), refused)?;
    Ok((decoded, icc))
}

fn with_decoder(
    mut decoder: impl ImageDecoder,
    media_type: &'static str,
    refused: impl Fn(ImageError) -> DecodeError,
) -> Result<Decoded, DecodeError> {
    let size = decoder.dimensions();
    check_size(size)?;
    if decoder.total_bytes() > MAX_DECODE_BYTES {
        return Err(DecodeError::Memory);
    }
    decoder.set_limits(limits()).map_err(&refused)?;
    // Without a readable orientation, the picture is shown as stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    Ok(Decoded {
        image,
        original: size,
        orientation,
        media_type,
        colours: None,
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_EDGE);
    limits.max_image_height = Some(MAX_EDGE);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    limits
}

fn check_size((width, height): (u32, u32)) -> Result<(), DecodeError> {
    let fits = width > 0
        && height > 0
        && width.max(height) <= MAX_EDGE
        && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    fits.then_some(()).ok_or(DecodeError::Dimensions)
}

fn refused(error: ImageError) -> DecodeError {
    match error {
        ImageError::Limits(limit) => match limit.kind() {
            image::error::LimitErrorKind::DimensionError => DecodeError::Dimensions,
            _ => DecodeError::Memory,
        },
        ImageError::Unsupported(what) => DecodeError::NotRead(format!(
            "a picture of an unusual kind ({})",
            what.format_hint()
        )),
        ImageError::IoError(error) => unread(&error),
        other => DecodeError::Damaged(other.to_string()),
    }
}

fn unread(error: &std::io::Error) -> DecodeError {
    DecodeError::Damaged(match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "it ends too early".into(),
        _ => error.to_string(),
    })
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
