//! `hide`: any file into a picture, with a key of its own. No home, no cluster.
//!
//! A photo takes much memory: each large thing is dropped before the next one is made.

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
use crate::cli::exit::Failure;
use crate::commands::look::{self, LookArguments, codec_word};
use crate::output::{Output, Report};
use crate::vault::files::{self, FileError, NewFile};
use crate::vault::key_file::KeyFile;

/// What `hide` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to hide: any file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file with the key; made where there is none.
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// The picture to make.
    #[arg(long, value_name = "CARRIER.png")]
    out: PathBuf,
    #[command(flatten)]
    look: LookArguments,
}

pub async fn run(out: Output, arguments: Arguments) -> Result<Report, Failure> {
    let named = arguments.out.clone();
    let bar = out.bar("hiding");
    let hidden = spawn_blocking(move || hide(&arguments)).await;
    bar.finish_and_clear();
    let report = hidden.map_err(|error| Failure::other("codec", error.to_string()))??;
    if !named
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("png"))
    {
        out.note(format_args!(
            "{} is a PNG, whatever its name says: name it .png before you pass it on",
            named.display()
        ));
    }
    Ok(report)
}

fn hide(arguments: &Arguments) -> Result<Report, Failure> {
    let options = arguments.look.options()?;
    NewFile::check(&arguments.out)?;
    let key = KeyFile::read_or_draw(&arguments.key)?;
    if key.is_fresh() && arguments.key == arguments.out {
        return Err(Failure::usage("--key and --out name the same file"));
    }
    let (carrier, payload) = carrier(arguments, &key, &options)?;
    let bytes = write(&carrier, &arguments.out, &key)?;
    let (width, height) = carrier.size();
    let capacity = capacity(width, height, &options);
    let text = format!(
        "{}: {width} x {height}, {bytes} bytes. It holds {capacity} bytes; {payload} are hidden in it by {}.\nWhoever has the key, {}, can read them.",
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

/// The carrier, and how many bytes are hidden in it.
fn carrier(
    arguments: &Arguments,
    key: &KeyFile,
    options: &HideOptions,
) -> Result<(Picture, usize), Failure> {
    let caption = arguments.look.caption()?;
    let payload = files::read(&arguments.file, MAX_PAYLOAD_BYTES)?;
    let cover = match &arguments.look.cover {
        Some(path) => own_cover(path, payload.len(), options)?,
        None => default_cover_from_file(&payload, caption.as_ref(), payload.len(), options)
            .map_err(|error| no_default(&arguments.file, &error, options))?,
    };
    let hidden = embed(cover, &payload, key.key(), options);
    let cover = arguments.look.cover.as_deref();
    let carrier = hidden.map_err(|error| match error {
        HideError::TooSmall(error) => {
            look::too_small(cover.unwrap_or(&arguments.out), &error, options)
        }
        error => Failure::usage(error.to_string()),
    })?;
    Ok((carrier, payload.len()))
}

/// A picture that was given: used as it is where its samples are all there is to it, else decoded and turned upright.
fn own_cover(path: &Path, payload: usize, options: &HideOptions) -> Result<Picture, Failure> {
    let file = files::read(path, MAX_CARRIER_BYTES)?;
    match png::read(&file) {
        Ok(picture) if !chunks::change_how_it_looks(&file) => Ok(picture),
        Ok(_) | Err(PngError::NotPng | PngError::Unsupported(_)) => {
            cover_from_picture(&file, payload, options)
                .map_err(|error| look::unfit(path, &error, options))
        }
        Err(error) => Err(Failure::usage(format!("{}: {error}", path.display())).coded("no_cover")),
    }
}

fn no_default(file: &Path, error: &CoverError, options: &HideOptions) -> Failure {
    let mut failure = look::unfit(file, error, options);
    if let CoverError::Picture(error) = error {
        failure.message = format!(
            "no cover can be made of {} itself ({error}): name a picture to hide it in: --cover PICTURE",
            file.display()
        );
    }
    failure
}

/// The key before the carrier: a carrier that is there can be opened. Returns the carrier's length.
fn write(carrier: &Picture, target: &Path, key: &KeyFile) -> Result<u64, Failure> {
    let mut file = NewFile::create(target)?;
    let unwritten = file.unwritten();
    let mut out = BufWriter::new(file.writer());
    png::write_to(carrier, &mut out)
        .and_then(|()| out.flush())
        .map_err(unwritten)?;
    drop(out);
    file.sync()?;
    key.keep().map_err(|error| match error {
        FileError::Exists(path) => Failure::usage(format!(
            "the key {} has been made by another meanwhile: nothing was hidden; run it again to hide with that key",
            path.display()
        )),
        error => error.into(),
    })?;
    file.commit().map_err(|error| {
        key.take_back();
        error.into()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_codec::Channels;

    use super::*;

    #[test]
    fn of_two_that_make_the_same_key_at_once_one_is_told_to_use_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let target = folder.path().join("carrier.png");
        let [mine, others] = [(), ()].map(|()| KeyFile::read_or_draw(&path).unwrap());
        others.keep().unwrap();
        let carrier = Picture::new(1, 1, Channels::Rgb, vec![0; 3]).unwrap();
        let refused = write(&carrier, &target, &mine).unwrap_err().message;
        assert!(refused.contains("run it again"), "{refused}");
        assert!(!target.exists() && path.exists());
    }
}
