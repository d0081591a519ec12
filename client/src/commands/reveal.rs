//! `reveal`: what `hide` put into a picture, to the bit. No home, no cluster.

use std::io::Write;
use std::path::PathBuf;

use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_codec::{Picture, RevealError, extract, identify, png};
use cameo_common::ids::Hash;
use clap::Args;
use tokio::task::spawn_blocking;

use crate::cli::exit::Failure;
use crate::commands::look::codec_word;
use crate::output::{Output, Report};
use crate::vault::files::{self, NewFile};
use crate::vault::key_file::KeyFile;

/// What `reveal` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The picture that `hide` made.
    #[arg(value_name = "CARRIER.png")]
    carrier: PathBuf,
    /// The file with its key.
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// Where to put what is hidden in it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub async fn run(out: Output, arguments: Arguments) -> Result<Report, Failure> {
    let bar = out.bar("revealing");
    let revealed = spawn_blocking(move || reveal(&arguments)).await;
    bar.finish_and_clear();
    revealed.map_err(|error| Failure::other("codec", error.to_string()))?
}

fn reveal(arguments: &Arguments) -> Result<Report, Failure> {
    NewFile::check(&arguments.out)?;
    let key = KeyFile::read(&arguments.key)?;
    let carrier = open(arguments)?;
    let found = identify(&carrier, key.key()).map_err(|error| refused(arguments, &error))?;
    let payload = extract(&carrier, key.key()).map_err(|error| refused(arguments, &error))?;
    drop(carrier);
    let mut file = NewFile::create(&arguments.out)?;
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

/// The carrier without its file.
fn open(arguments: &Arguments) -> Result<Picture, Failure> {
    let file = files::read(&arguments.carrier, MAX_CARRIER_BYTES)?;
    png::read(&file).map_err(|error| refused(arguments, &error.into()))
}

fn refused(arguments: &Arguments, error: &RevealError) -> Failure {
    let (carrier, key) = (arguments.carrier.display(), arguments.key.display());
    match error {
        RevealError::Png(error) => Failure::other("not_a_png", format!("{carrier}: {error}")),
        RevealError::NotOurs => Failure::not_found(format!(
            "nothing is hidden in {carrier} for the key {key}: it is another picture, another key, or an altered copy of the carrier"
        )),
        RevealError::Damaged => Failure::other(
            "damaged",
            format!(
                "{carrier} was altered since it was made, and what is hidden in it is lost: get it again from where it came"
            ),
        ),
        RevealError::Unknown => Failure::other("unknown_version", format!("{carrier}: {error}")),
    }
}
