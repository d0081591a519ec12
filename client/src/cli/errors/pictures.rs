//! Codes of errors of commands on files of pictures.

use cameo_codec::{DecodeError, PngError};
use serde_json::{Map, Value, json};

use super::Coded;
use crate::commands::look::LookError;
use crate::commands::{add, hide, inspect, reveal};

impl Coded for LookError {
    fn error_code(&self) -> &'static str {
        match self {
            LookError::DepthWithoutVeil | LookError::CaptionWithCover | LookError::Caption(_) => {
                "usage"
            }
            LookError::NoCover { .. } | LookError::NoDefault { .. } => "no_cover",
            LookError::TooSmall { .. } => "cover_too_small",
        }
    }

    /// The size of a cover that would be large enough.
    fn details(&self) -> Map<String, Value> {
        let LookError::TooSmall { error, .. } = self else {
            return Map::new();
        };
        let enough = error.enough.map(|(width, height)| json!([width, height]));
        Map::from_iter([
            ("capacity".to_owned(), json!(error.capacity)),
            ("payload".to_owned(), json!(error.payload)),
            ("enough".to_owned(), enough.unwrap_or_default()),
        ])
    }
}

impl Coded for add::Error {
    fn error_code(&self) -> &'static str {
        match self {
            add::Error::TitleLines
            | add::Error::TitleUnseen(_)
            | add::Error::TitleLength
            | add::Error::Empty(_)
            | add::Error::NoPreview { .. }
            | add::Error::BadPreview { .. } => "usage",
            add::Error::CutOff(_) => "damaged",
            add::Error::Caption(_) => "caption",
            add::Error::Codec(_) => "codec",
            add::Error::Look(error) => error.error_code(),
            add::Error::File(error) => error.error_code(),
            add::Error::Vault(error) => error.error_code(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            add::Error::Look(error) => error.details(),
            _ => Map::new(),
        }
    }
}

impl Coded for hide::Error {
    fn error_code(&self) -> &'static str {
        match self {
            hide::Error::SameFile | hide::Error::KeyMadeMeanwhile(_) | hide::Error::Hide(_) => {
                "usage"
            }
            hide::Error::Codec(_) => "codec",
            hide::Error::Look(error) => error.error_code(),
            hide::Error::File(error) => error.error_code(),
            hide::Error::KeyFile(error) => error.error_code(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            hide::Error::Look(error) => error.details(),
            _ => Map::new(),
        }
    }
}

impl Coded for reveal::Error {
    fn error_code(&self) -> &'static str {
        match self {
            reveal::Error::NotAPng { .. } => "not_a_png",
            reveal::Error::NothingHidden { .. } => "not_found",
            reveal::Error::Damaged(_) => "damaged",
            reveal::Error::UnknownVersion { .. } => "unknown_version",
            reveal::Error::Codec(_) => "codec",
            reveal::Error::File(error) => error.error_code(),
            reveal::Error::KeyFile(error) => error.error_code(),
        }
    }
}

impl Coded for inspect::Error {
    fn error_code(&self) -> &'static str {
        match self {
            inspect::Error::Unreadable { error, .. } => png_word(error),
            inspect::Error::NotRead { error, .. } => picture_word(error),
            inspect::Error::Codec(_) => "codec",
            inspect::Error::File(error) => error.error_code(),
            inspect::Error::KeyFile(error) => error.error_code(),
        }
    }
}

fn png_word(error: &PngError) -> &'static str {
    match error {
        PngError::NotPng => "not_a_png",
        PngError::Damaged(_) => "damaged",
        PngError::Unsupported(_) => "unsupported",
        PngError::Dimensions { .. } | PngError::TooLarge(_) => "too_large",
        // This reading is never cancelled.
        PngError::Cancelled(_) => "stopped",
    }
}

fn picture_word(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::NotAPicture => "no_picture",
        DecodeError::UnsupportedKind(_) | DecodeError::NotRead(_) => "unsupported",
        DecodeError::Dimensions | DecodeError::Memory | DecodeError::TooLarge { .. } => "too_large",
        DecodeError::Damaged(_) => "damaged",
        DecodeError::DecoderFailed => "codec",
    }
}
