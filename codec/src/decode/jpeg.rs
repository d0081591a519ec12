//! JPEGs of every kind that is common, by one decoder: sequential and progressive, grey, YCbCr,
//! RGB, CMYK and YCCK, in full size or reduced from the low frequencies of their blocks.

use std::io::{Cursor, Read};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use jpeg_decoder::{Decoder, PixelFormat};

use super::colour::Colours;
use super::jpeg_markers::{Coding, Frame, Markers};
use super::{DecodeError, Decoded, check_size};
use crate::limits::{MAX_DECODE_BYTES, MAX_JPEG_SCANS};

const MEDIA_TYPE: &str = "image/jpeg";
/// The end of a picture. A file without one is decoded as far as it goes.
const END: [u8; 2] = [0xff, 0xd9];
/// Most samples that all scans together pass over: a few bytes may ask for each.
const MAX_SCANNED: u64 = 1 << 33;

/// Width and height as stored.
pub(super) fn dimensions(file: &[u8]) -> Result<(u32, u32), DecodeError> {
    let frame = Markers::of(file).frame.ok_or_else(no_frame)?;
    Ok((u32::from(frame.width), u32::from(frame.height)))
}

/// Decodes a JPEG; with `edge`, to at least that many pixels along its longer edge.
pub(super) fn decode(file: &[u8], edge: Option<u32>) -> Result<Decoded, DecodeError> {
    let markers = Markers::of(file);
    let frame = markers.frame.as_ref().ok_or_else(no_frame)?;
    let size = (u32::from(frame.width), u32::from(frame.height));
    check_kind(frame, markers.scans)?;
    check_size(size)?;
    let mut decoder = Decoder::new(Cursor::new(file).chain(&END[..]));
    decoder.set_max_decoding_buffer_size(MAX_DECODE_BYTES as usize);
    decoder.set_color_transform(markers.colours());
    let reduced = match edge.and_then(|edge| u16::try_from(edge).ok()) {
        Some(edge) => decoder.scale(edge, edge).map_err(refused)?,
        None => (frame.width, frame.height),
    };
    check_memory(frame, reduced)?;
    let samples = match decoder.decode() {
        Err(jpeg_decoder::Error::Format(_)) if is_out_of_step(&markers) => {
            return out_of_step(file, &markers);
        }
        samples => samples.map_err(refused)?,
    };
    let (width, height) = (u32::from(reduced.0), u32::from(reduced.1));
    let colours = Colours::of_icc(markers.icc_profile().as_deref());
    let image = match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::L8) => GrayImage::from_raw(width, height, samples).map(Into::into),
        Some(PixelFormat::RGB24) => RgbImage::from_raw(width, height, samples).map(Into::into),
        Some(PixelFormat::CMYK32) => {
            let (rgb, by) = colours.inks_to_srgb(&samples);
            let image = RgbImage::from_raw(width, height, rgb).ok_or_else(wrong_length)?;
            return Ok(Decoded {
                colours: by,
                ..decoded_from(image.into(), size, &markers)
            });
        }
        Some(PixelFormat::L16) | None => None,
    };
    let mut decoded = decoded_from(image.ok_or_else(wrong_length)?, size, &markers);
    decoded.convert(&colours);
    Ok(decoded)
}

fn decoded_from(image: DynamicImage, original: (u32, u32), markers: &Markers<'_>) -> Decoded {
    // Without a readable orientation, the picture is shown as stored.
    let orientation = markers.exif.and_then(Orientation::from_exif_chunk);
    Decoded {
        image,
        original,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        media_type: MEDIA_TYPE,
        colours: None,
    }
}

/// Whether the fault may be a restart marker that is missing or of another number, in a file that
/// the other decoder reads right: one scan of all components, and none finer than luma.
fn is_out_of_step(markers: &Markers<'_>) -> bool {
    let Some(frame) = &markers.frame else {
        return false;
    };
    let luma = frame.sampling.first().copied().unwrap_or_default();
    let is_usual = frame
        .sampling
        .iter()
        .all(|(across, down)| *across <= luma.0 && *down <= luma.1);
    markers.has_restarts
        && markers.scans == 1
        && frame.coding == Coding::Sequential
        && matches!(frame.sampling.len(), 1 | 3)
        && is_usual
}

/// Decodes a picture whose restart markers are out of step, by a decoder that finds the next one.
fn out_of_step(file: &[u8], markers: &Markers<'_>) -> Result<Decoded, DecodeError> {
    let (stored, _) = super::decode_as_stored(file, ImageFormat::Jpeg)?;
    let mut decoded = decoded_from(stored.image, stored.original, markers);
    decoded.convert(&Colours::of_icc(markers.icc_profile().as_deref()));
    Ok(decoded)
}

fn no_frame() -> DecodeError {
    DecodeError::Damaged("it has no frame".into())
}

/// Each scan may cost a pass over the whole picture and take only a few bytes of the file.
fn check_kind(frame: &Frame, scans: usize) -> Result<(), DecodeError> {
    match frame.coding {
        Coding::Other(words) => Err(DecodeError::NotRead(format!("a JPEG with {words}"))),
        _ if scans > MAX_JPEG_SCANS => Err(DecodeError::NotRead(format!(
            "a JPEG with more than {MAX_JPEG_SCANS} scans"
        ))),
        _ if scans as u64 * frame.coded_samples() > MAX_SCANNED => Err(DecodeError::NotRead(
            "a JPEG with too many scans for its size".into(),
        )),
        _ if frame.height == 0 => Err(DecodeError::NotRead(
            "a JPEG that tells its height after the first scan".into(),
        )),
        _ => Ok(()),
    }
}

/// Coefficients are kept in full size also where the picture is reduced.
fn check_memory(frame: &Frame, (width, height): (u16, u16)) -> Result<(), DecodeError> {
    let components = frame.sampling.len() as u64;
    let pixels = u64::from(width) * u64::from(height);
    let full = u64::from(frame.width) * u64::from(frame.height);
    // The planes are reduced as the picture is.
    let planes = (frame.coded_samples() * pixels).div_ceil(full.max(1));
    match frame.coefficient_bytes() + planes + components * pixels > MAX_DECODE_BYTES {
        true => Err(DecodeError::Memory),
        false => Ok(()),
    }
}

fn wrong_length() -> DecodeError {
    DecodeError::Damaged("it has too few samples".into())
}

fn refused(error: jpeg_decoder::Error) -> DecodeError {
    use jpeg_decoder::UnsupportedFeature::{
        ArithmeticEntropyCoding, ColorTransform, ComponentCount, DNL, Hierarchical,
        NonIntegerSubsamplingRatio, SamplePrecision, SubsamplingRatio,
    };
    let kind = match error {
        jpeg_decoder::Error::Unsupported(feature) => match feature {
            Hierarchical => "hierarchical coding",
            ArithmeticEntropyCoding => "arithmetic coding",
            SamplePrecision(_) => "more than 8 bits a sample",
            ComponentCount(_) => "an unusual number of colours",
            DNL => "its height after the first scan",
            SubsamplingRatio | NonIntegerSubsamplingRatio => "an unusual reduction of its colours",
            ColorTransform(_) => "a wide range of colours",
        },
        jpeg_decoder::Error::Io(error) => return super::unread(&error),
        other => return DecodeError::Damaged(other.to_string()),
    };
    DecodeError::NotRead(format!("a JPEG with {kind}"))
}
