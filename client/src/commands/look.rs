//! Arguments for the look of a carrier: codec, depth, cover and caption.

use std::path::{Path, PathBuf};

use cameo_codec::{
    Caption, CaptionError, Codec, CoverError, HideOptions, TooSmall, capacity, is_cut_off,
};
use clap::{Args, ValueEnum, value_parser};
use icu_normalizer::ComposingNormalizerBorrowed;

use crate::error_kind::{Classified, ErrorKind};

/// The look of a carrier.
#[derive(Debug, Clone, Args)]
pub struct LookArguments {
    /// The codec: `veil` is invisible to the eye, `alpha` is not.
    #[arg(long, default_value = "veil")]
    codec: CodecName,
    /// How many bits of each sample `veil` uses [default: normal].
    #[arg(long, conflicts_with = "depth")]
    look: Option<LookName>,
    /// The bits of each sample as a number: 1, 2 and 3 are the looks; 4 may be visible.
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..=4))]
    depth: Option<u8>,
    /// A picture as the cover. Without it the cover is a blurred thumbnail of the photo.
    #[arg(long, value_name = "FILE")]
    pub cover: Option<PathBuf>,
    /// Caption of a default cover.
    #[arg(long, value_name = "TEXT", conflicts_with = "no_caption")]
    caption: Option<String>,
    /// No caption on the cover.
    #[arg(long)]
    pub no_caption: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CodecName {
    Veil,
    Alpha,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LookName {
    /// One bit: the largest carrier, and the hardest to detect.
    Discreet,
    /// Two bits.
    Normal,
    /// Three bits: the smallest carrier.
    Compact,
}

impl LookName {
    fn depth(self) -> u8 {
        match self {
            LookName::Discreet => 1,
            LookName::Normal => 2,
            LookName::Compact => 3,
        }
    }
}

/// A look that is not possible.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error("--look and --depth are for `veil`: `alpha` always uses the whole alpha channel")]
    DepthWithoutVeil,
    #[error(
        "--caption is for default covers: a picture of your own stays as it is; leave out \
         --caption or --cover"
    )]
    CaptionWithCover,
    #[error("--caption: {0}")]
    Caption(CaptionError),
    #[error("{}: {why}", file.display())]
    NoCover { file: PathBuf, why: String },
    #[error(
        "no default cover can be made of {} ({why}): choose a picture with --cover PICTURE",
        file.display()
    )]
    NoDefault { file: PathBuf, why: String },
    #[error(
        "{}: {error}{}",
        cover.display(),
        if *denser { ", or `--look compact` in this one" } else { "" }
    )]
    TooSmall {
        cover: PathBuf,
        error: TooSmall,
        /// Whether the payload would fit with `--look compact`.
        denser: bool,
    },
}

impl LookError {
    /// A file that cannot be a cover.
    #[must_use]
    pub fn no_cover(file: &Path, why: impl std::fmt::Display) -> Self {
        LookError::NoCover {
            file: file.to_owned(),
            why: why.to_string(),
        }
    }
}

impl Classified for LookError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }
}

impl LookArguments {
    /// The options for the codec.
    ///
    /// # Errors
    /// When a depth is given for a codec without one.
    pub fn options(&self) -> Result<HideOptions, LookError> {
        let depth = self.depth.or(self.look.map(LookName::depth));
        match (self.codec, depth) {
            (CodecName::Veil, None) => Ok(HideOptions::default()),
            (CodecName::Veil, Some(depth)) => Ok(HideOptions::veil(depth)),
            (CodecName::Alpha, None) => Ok(HideOptions::alpha()),
            (CodecName::Alpha, Some(_)) => Err(LookError::DepthWithoutVeil),
        }
    }

    /// The given caption.
    ///
    /// # Errors
    /// When it cannot be drawn, or the cover is a given picture.
    pub fn caption(&self) -> Result<Option<Caption>, LookError> {
        let Some(text) = &self.caption else {
            return Ok(None);
        };
        if self.cover.is_some() {
            return Err(LookError::CaptionWithCover);
        }
        // Composed characters, because fonts have those.
        Caption::new(&ComposingNormalizerBorrowed::new_nfc().normalize(text))
            .map(Some)
            .map_err(LookError::Caption)
    }
}

/// The name of a codec.
#[must_use]
pub fn codec_word(codec: Codec) -> &'static str {
    match codec {
        Codec::Veil => "veil",
        Codec::Alpha => "alpha",
    }
}

/// Bits that a codec uses of each sample, as in a carrier's header.
#[must_use]
pub fn depth(options: &HideOptions) -> u8 {
    match options.codec {
        Codec::Veil => options.depth,
        Codec::Alpha => 8,
    }
}

/// What is said of a JPEG that ends before its picture does.
pub const CUT_OFF: &str = "is a JPEG that ends before its picture does";

/// Requires that a cover has the end of its picture: everyone sees it.
///
/// # Errors
/// When it is cut off.
pub fn check_complete(file: &Path, bytes: &[u8]) -> Result<(), LookError> {
    match is_cut_off(bytes) {
        true => Err(LookError::no_cover(file, format_args!("it {CUT_OFF}"))),
        false => Ok(()),
    }
}

/// The error for a file that cannot be or have a cover.
#[must_use]
pub fn unfit(file: &Path, error: CoverError, options: &HideOptions) -> LookError {
    match error {
        CoverError::TooSmall(error) => too_small(file, error, options),
        error => LookError::no_cover(file, error),
    }
}

/// The error for a cover that is too small.
#[must_use]
pub fn too_small(cover: &Path, error: TooSmall, options: &HideOptions) -> LookError {
    let compact = HideOptions::veil(LookName::Compact.depth());
    let denser = options.codec == Codec::Veil
        && options.depth < compact.depth
        && error.payload <= capacity(error.width, error.height, &compact);
    LookError::TooSmall {
        cover: cover.to_owned(),
        error,
        denser,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        look: LookArguments,
    }

    fn look(line: &str) -> LookArguments {
        let words = std::iter::once("x").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().look
    }

    #[test]
    fn looks_are_depths() {
        for (line, depth) in [
            ("", 2),
            ("--look discreet", 1),
            ("--look normal", 2),
            ("--look compact", 3),
            ("--depth 1", 1),
            ("--depth 4", 4),
        ] {
            let options = look(line).options().unwrap();
            assert_eq!(options, HideOptions::veil(depth), "{line}");
        }
        let alpha = look("--codec alpha").options().unwrap();
        assert_eq!(alpha, HideOptions::alpha());
    }

    #[test]
    fn a_depth_for_a_codec_without_one_is_refused() {
        for line in ["--codec alpha --depth 2", "--codec alpha --look normal"] {
            let refused = look(line).options().unwrap_err();
            assert!(refused.to_string().contains("veil"), "{refused}");
        }
    }

    #[test]
    fn captions_are_for_default_covers_only() {
        let words = look("--caption hello").caption().unwrap().unwrap();
        assert_eq!(words.as_str(), "hello");
        let words = look("--caption cafe\u{301}").caption().unwrap().unwrap();
        assert_eq!(words.as_str(), "caf\u{e9}", "an accent of its own");
        let refused = look("--caption q\u{301}").caption().unwrap_err();
        assert!(refused.to_string().contains("'\\u{301}'"), "{refused}");
        assert_eq!(look("--no-caption").caption().unwrap(), None);
        let refused = look("--caption hello --cover c.png").caption().unwrap_err();
        assert!(refused.to_string().contains("stays as it is"), "{refused}");
        let refused = look("--caption 雪").caption().unwrap_err();
        assert!(refused.to_string().contains('雪'), "{refused}");
    }
}
