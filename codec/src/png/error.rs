//! Errors of the PNG decoder.

use thiserror::Error;

use crate::cancel::Cancelled;
use crate::limits::{MAX_CARRIER_BYTES, MAX_CARRIER_PIXELS, MAX_EDGE};

/// Reason why a file cannot be read as a cover or a carrier.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PngError {
    #[error("this is not a PNG file")]
    NotPng,
    #[error("the PNG is damaged: {0}; fetch or save it again")]
    Damaged(&'static str),
    #[error("the PNG is {0}; save it as plain 8-bit RGB or RGBA")]
    Unsupported(&'static str),
    #[error(
        "the PNG's header gives {width}x{height} pixels; at most {MAX_EDGE} an edge and \
         {MAX_CARRIER_PIXELS} in all are read"
    )]
    Dimensions { width: u32, height: u32 },
    #[error("the PNG has {0} bytes; at most {MAX_CARRIER_BYTES} are read")]
    TooLarge(usize),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

pub(super) const TRUNCATED: PngError = PngError::Damaged("its picture is cut short");
pub(super) const BAD_STREAM: PngError = PngError::Damaged("its picture cannot be decompressed");
