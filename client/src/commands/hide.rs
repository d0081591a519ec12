//! `hide`: hides any file in a picture, under a key in a file. Needs no home and no cluster.
//!
//! Pictures need much memory: each large buffer is dropped before the next one is allocated.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use cameo_codec::limits::{MAX_CARRIER_BYTES, MAX_PAYLOAD_BYTES};
use cameo_codec::{
    CoverError, HideError, HideOptions, Picture, PngError, capacity, cover_from_picture,
    default_cover_from_file, embed, png,
};
use clap::Args;
use tokio::task::spawn_blocking;

use super::inspect::chunks;
use super::look::{self, LookArguments, LookError, codec_word};
use crate::error_kind::{Classified, ErrorKind};
use crate::output::{Output, Report};
use crate::vault::files::{self, FileError, NewFile};
use crate::vault::key_file::{KeyFile, KeyFileError};

/// Arguments of `hide`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file to hide.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key file; created if it does not exist.
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// The carrier to write.
    #[arg(long, value_name = "CARRIER.png")]
    out: PathBuf,
    #[command(flatten)]
    look: LookArguments,
}

/// A file that was not hidden.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("--key and --out name the same file")]
    SameFile,
    #[error(
        "another process created the key {} meanwhile; nothing was hidden. Run it again to hide \
         with that key",
        .0.display()
    )]
    KeyMadeMeanwhile(PathBuf),
    #[error("{0}")]
    Hide(String),
    #[error("{0}")]
    Codec(String),
    #[error(transparent)]
    Look(#[from] LookError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::SameFile | Error::KeyMadeMeanwhile(_) | Error::Hide(_) => ErrorKind::Usage,
            Error::Codec(_) => ErrorKind::Other,
            Error::Look(error) => error.kind(),
            Error::File(error) => error.kind(),
            Error::KeyFile(error) => error.kind(),
        }
    }
}

pub async fn run(out: Output, arguments: Arguments) -> Result<Report, Error> {
    let named = arguments.out.clone();
    let bar = out.bar("hiding");
    let hidden = spawn_blocking(move || hide(&arguments)).await;
    bar.finish_and_clear();
    let report = hidden.map_err(|error| Error::Codec(error.to_string()))??;
    if !named
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("png"))
    {
        out.note(format_args!(
            "{} is a PNG: rename it to .png before you pass it on",
            named.display()
        ));
    }
    Ok(report)
}

fn hide(arguments: &Arguments) -> Result<Report, Error> {
    let options = arguments.look.options()?;
    NewFile::check(&arguments.out)?;
    let key = KeyFile::read_or_draw(&arguments.key)?;
    if key.is_fresh() && arguments.key == arguments.out {
        return Err(Error::SameFile);
    }
    let (carrier, payload) = carrier(arguments, &key, &options)?;
    let bytes = write(&carrier, &arguments.out, &key)?;
    let (width, height) = carrier.size();
    let capacity = capacity(width, height, &options);
    let text = format!(
        "{}: {width} x {height}, {bytes} bytes. It has room for {capacity} bytes; {payload} are \
         hidden in it by {}.\nEverybody with the key, {}, can read them.",
        arguments.out.display(),
        codec_word(options.codec),
        arguments.key.display(),
    );
    Ok(Report::new(text)
        .with_file("out", &arguments.out)
        .with("bytes", bytes)
        .with("width", width)
        .with("height", height)
        .with("codec", options.codec)
        .with("depth", look::depth(&options))
        .with("capacity", capacity)
        .with("payload", payload)
        .with_file("key", &arguments.key)
        .with("key_made", key.is_fresh()))
}

/// The carrier, and the length of its payload in bytes.
fn carrier(
    arguments: &Arguments,
    key: &KeyFile,
    options: &HideOptions,
) -> Result<(Picture, usize), Error> {
    let caption = arguments.look.caption()?;
    let payload = files::read(&arguments.file, MAX_PAYLOAD_BYTES)?;
    let cover = match &arguments.look.cover {
        Some(path) => own_cover(path, payload.len(), options)?,
        None => default_cover_from_file(&payload, caption.as_ref(), payload.len(), options)
            .map_err(|error| no_default(&arguments.file, error, options))?,
    };
    let hidden = embed(cover, &payload, key.key(), options);
    let cover_path = arguments.look.cover.as_deref();
    let carrier = hidden.map_err(|error| match error {
        HideError::TooSmall(error) => {
            look::too_small(cover_path.unwrap_or(&arguments.out), error, options).into()
        }
        error => Error::Hide(error.to_string()),
    })?;
    Ok((carrier, payload.len()))
}

/// The given cover. A PNG without chunks that change its look is used as it is; other pictures are
/// decoded and turned upright.
fn own_cover(path: &Path, payload: usize, options: &HideOptions) -> Result<Picture, Error> {
    let file = files::read(path, MAX_CARRIER_BYTES)?;
    look::check_complete(path, &file)?;
    match png::read(&file) {
        Ok(picture) if !chunks::change_how_it_looks(&file) => Ok(picture),
        Ok(_) | Err(PngError::NotPng | PngError::Unsupported(_)) => {
            let cover = cover_from_picture(&file, payload, options);
            Ok(cover.map_err(|error| look::unfit(path, error, options))?)
        }
        Err(error) => Err(LookError::no_cover(path, error).into()),
    }
}

fn no_default(file: &Path, error: CoverError, options: &HideOptions) -> LookError {
    match error {
        CoverError::Picture(error) => LookError::NoDefault {
            file: file.to_owned(),
            why: error.to_string(),
        },
        error => look::unfit(file, error, options),
    }
}

/// Writes the key before the carrier, so that every carrier can be opened. Returns the carrier's
/// length in bytes.
fn write(carrier: &Picture, target: &Path, key: &KeyFile) -> Result<u64, Error> {
    let mut file = NewFile::create(target)?;
    let unwritten = file.unwritten();
    let mut out = BufWriter::new(file.writer());
    png::write_to(carrier, &mut out)
        .and_then(|()| out.flush())
        .map_err(unwritten)?;
    drop(out);
    file.sync()?;
    key.write().map_err(|error| match error {
        FileError::Exists(path) => Error::KeyMadeMeanwhile(path),
        error => error.into(),
    })?;
    file.commit().map_err(|error| {
        key.remove_fresh();
        error.into()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_codec::Channels;

    use super::*;

    #[test]
    fn of_two_concurrent_runs_with_a_new_key_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let target = folder.path().join("carrier.png");
        let [mine, others] = [(), ()].map(|()| KeyFile::read_or_draw(&path).unwrap());
        others.write().unwrap();
        let carrier = Picture::new(1, 1, Channels::Rgb, vec![0; 3]).unwrap();
        let refused = write(&carrier, &target, &mine).unwrap_err().to_string();
        assert!(refused.contains("Run it again"), "{refused}");
        assert!(!target.exists() && path.exists());
    }
}
