//! `reveal`: extracts what `hide` has hidden in a picture. Needs no home and no cluster.

use std::io::Write;
use std::path::PathBuf;

use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_codec::{Picture, PngError, RevealError, extract, identify, png};
use cameo_common::ids::Hash;
use clap::Args;
use tokio::task::spawn_blocking;

use super::look::codec_word;
use crate::error_kind::{Classified, ErrorKind};
use crate::output::{Output, Report};
use crate::vault::files::{self, FileError, NewFile};
use crate::vault::key_file::{KeyFile, KeyFileError};

/// Arguments of `reveal`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The picture that `hide` made.
    #[arg(value_name = "CARRIER.png")]
    carrier: PathBuf,
    /// Its key file.
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A picture from which nothing was extracted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {error}", carrier.display())]
    NotAPng { carrier: PathBuf, error: PngError },
    #[error(
        "nothing is hidden in {} under the key {}: it is another picture, another key, or an \
         altered copy of the carrier",
        carrier.display(),
        key.display()
    )]
    NothingHidden { carrier: PathBuf, key: PathBuf },
    #[error(
        "{} was altered after it was made, and the hidden file is lost: get the original carrier \
         again",
        .0.display()
    )]
    Damaged(PathBuf),
    #[error("{}: {why}", carrier.display())]
    UnknownVersion { carrier: PathBuf, why: String },
    #[error("{0}")]
    Codec(String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            // A file that is no carrier, of whatever kind it is.
            Error::NothingHidden { .. }
            | Error::NotAPng {
                error: PngError::NotPng | PngError::Unsupported(_),
                ..
            } => ErrorKind::NotFound,
            Error::NotAPng { .. }
            | Error::Damaged(_)
            | Error::UnknownVersion { .. }
            | Error::Codec(_) => ErrorKind::Other,
            Error::File(error) => error.kind(),
            Error::KeyFile(error) => error.kind(),
        }
    }
}

pub async fn run(out: Output, arguments: Arguments) -> Result<Report, Error> {
    let bar = out.bar("revealing");
    let revealed = spawn_blocking(move || reveal(&arguments)).await;
    bar.finish_and_clear();
    revealed.map_err(|error| Error::Codec(error.to_string()))?
}

fn reveal(arguments: &Arguments) -> Result<Report, Error> {
    NewFile::check(&arguments.out)?;
    let key = KeyFile::read(&arguments.key)?;
    let carrier = open(arguments)?;
    let found = identify(&carrier, key.key()).map_err(|error| reveal_error(arguments, error))?;
    let payload = extract(&carrier, key.key()).map_err(|error| reveal_error(arguments, error))?;
    drop(carrier);
    let mut file = NewFile::create_private(&arguments.out)?;
    let written = file.writer().write_all(&payload);
    written.map_err(file.unwritten())?;
    let bytes = file.commit()?;
    let text = format!(
        "{}: {bytes} bytes, which were hidden by {}.",
        arguments.out.display(),
        codec_word(found.codec)
    );
    Ok(Report::new(text)
        .with_file("out", &arguments.out)
        .with("bytes", bytes)
        .with("codec", found.codec)
        .with("depth", found.depth)
        .with("blake3", Hash::of(&payload)))
}

/// Reads and decodes the carrier.
fn open(arguments: &Arguments) -> Result<Picture, Error> {
    let file = files::read(&arguments.carrier, MAX_CARRIER_BYTES)?;
    png::read(&file).map_err(|error| reveal_error(arguments, error.into()))
}

fn reveal_error(arguments: &Arguments, error: RevealError) -> Error {
    let carrier = arguments.carrier.clone();
    match error {
        RevealError::Png(error) => Error::NotAPng { carrier, error },
        RevealError::NotOurs => Error::NothingHidden {
            carrier,
            key: arguments.key.clone(),
        },
        RevealError::Damaged => Error::Damaged(carrier),
        RevealError::Unknown => Error::UnknownVersion {
            carrier,
            why: RevealError::Unknown.to_string(),
        },
    }
}
