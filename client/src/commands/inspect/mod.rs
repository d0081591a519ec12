//! `inspect`: shows what a PNG reveals without a key, and what a key or this home's keys find in
//! it.

pub(super) mod chunks;

use std::path::PathBuf;

use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_codec::{
    Appearance, CodecKey, DecodeError, Identity as Found, Inspection, PngError, appearance,
    identify, png,
};
use cameo_common::ids::GrantId;
use clap::Args;
use tokio::task::spawn_blocking;

use super::look::codec_word;
use crate::error_kind::{Classified, ErrorKind};
use crate::output::{Output, Report};
use crate::text::prefix::short;
use crate::text::sanitize::sanitize;
use crate::vault::files::{self, FileError};
use crate::vault::key_file::{KeyFile, KeyFileError};
use crate::vault::records::{GrantHeld, GrantOwned};
use crate::vault::unlock::{self, PassphraseSources};
use crate::vault::{Home, Vault, VaultError};

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The picture.
    #[arg(value_name = "FILE.png")]
    file: PathBuf,
    /// The key file of a picture that `hide` made; this home's keys are then not tried.
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
}

/// The origin of a key.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Given,
    Grant(GrantId),
}

/// The keys that were tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Tried {
    Given,
    Home,
    /// None: there is no home.
    NoHome,
    /// None: the home is locked, and this command asks for no passphrase.
    Locked,
    /// None, or not all: this home cannot be read.
    Unreadable,
}

/// The findings.
struct Seen {
    tried: Tried,
    plain: Inspection,
    /// How it is shown, where that could be read.
    shown: Option<Appearance>,
    beside: Vec<String>,
    hidden: Option<(Whose, Found)>,
}

/// A picture that cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable { file: PathBuf, error: PngError },
    #[error("{}: {error}", file.display())]
    NotRead { file: PathBuf, error: DecodeError },
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
            Error::Unreadable { .. } | Error::NotRead { .. } | Error::Codec(_) => ErrorKind::Other,
            Error::File(error) => error.kind(),
            Error::KeyFile(error) => error.kind(),
        }
    }
}

pub async fn run(
    home: Option<PathBuf>,
    out: Output,
    arguments: Arguments,
) -> Result<Report, Error> {
    let bar = out.bar("reading");
    let seen = spawn_blocking(move || look(home, &arguments)).await;
    bar.finish_and_clear();
    seen.map_err(|error| Error::Codec(error.to_string()))?
}

fn look(home: Option<PathBuf>, arguments: &Arguments) -> Result<Report, Error> {
    let file = files::read(&arguments.file, MAX_CARRIER_BYTES)?;
    let (tried, keys) = match &arguments.key {
        Some(path) => {
            let key = KeyFile::read(path)?.key().clone();
            (Tried::Given, vec![(Whose::Given, key)])
        }
        None => match known_keys(home) {
            Ok(keys) => (Tried::Home, keys),
            Err(none) => (none, Vec::new()),
        },
    };
    let beside = chunks::beside_the_picture(&file);
    let picture = match png::read(&file) {
        Ok(picture) => picture,
        Err(PngError::Unsupported(kind)) => return Ok(other_kind(&file, kind, beside)),
        Err(PngError::NotPng) => {
            return match appearance(&file) {
                Ok(seen) => Ok(no_png(&file, &seen)),
                Err(error) => Err(Error::NotRead {
                    file: arguments.file.clone(),
                    error,
                }),
            };
        }
        Err(error) => {
            let file = arguments.file.clone();
            return Err(Error::Unreadable { file, error });
        }
    };
    let found = |(whose, key)| identify(&picture, &key).ok().map(|found| (whose, found));
    let seen = Seen {
        tried,
        shown: appearance(&file).ok(),
        beside,
        hidden: keys.into_iter().find_map(found),
        plain: Inspection::of(&picture, file.len() as u64),
    };
    Ok(report(&seen))
}

/// The report of a PNG of a kind that no carrier has, from its header and chunks.
fn other_kind(file: &[u8], kind: &str, beside: Vec<String>) -> Report {
    let (width, height) = chunks::declared_size(file).unwrap_or_default();
    let text = format!(
        "{width} x {height}, {kind}, {} bytes; {}\nNo carrier is of this kind: nothing can be \
         revealed from it, and the picture was not decoded",
        file.len(),
        metadata(&beside),
    );
    Report::new(text)
        .with("width", width)
        .with("height", height)
        .with("bytes", file.len())
        .with("kind", kind)
        .with("metadata", beside)
        .with("looks_like", "picture")
}

/// The report of a picture that is no PNG, and so no carrier.
fn no_png(file: &[u8], seen: &Appearance) -> Report {
    let (width, height) = seen.size;
    let text = format!(
        "{width} x {height}, {}, {} bytes\n{}It is no PNG, so no carrier: nothing can be revealed \
         from it",
        seen.media_type,
        file.len(),
        changes(seen),
    );
    with_changes(Report::new(text), seen)
        .with("width", width)
        .with("height", height)
        .with("bytes", file.len())
        .with("kind", seen.media_type)
        .with("looks_like", "picture")
}

/// What a preview or a cover of the picture changes, in a line of its own.
fn changes(seen: &Appearance) -> String {
    let turned = seen.is_turned.then(|| "it is turned".to_owned());
    let colours = seen.colours.as_ref().map(|by| {
        let by = sanitize(by);
        format!("its colours, which are by {by}, become those of sRGB")
    });
    match [turned, colours].into_iter().flatten().collect::<Vec<_>>() {
        changes if changes.is_empty() => String::new(),
        changes => format!("in a preview or a cover, {}\n", changes.join(" and ")),
    }
}

fn with_changes(report: Report, seen: &Appearance) -> Report {
    let report = report.with("turned", seen.is_turned);
    match &seen.colours {
        Some(by) => report.with("colours", sanitize(by)),
        None => report.with("colours", "sRGB"),
    }
}

fn metadata(beside: &[String]) -> String {
    match beside {
        [] => "no metadata".to_owned(),
        names => format!("beside the picture: {}", names.join(", ")),
    }
}

fn report(seen: &Seen) -> Report {
    let plain = &seen.plain;
    let looks_like = match &seen.hidden {
        Some((_, found)) => codec_word(found.codec),
        None if plain.looks_like_alpha => "alpha",
        None => "picture",
    };
    let report = Report::new(text(seen))
        .with("keys", seen.tried)
        .with("width", plain.width)
        .with("height", plain.height)
        .with("channels", plain.channels)
        .with("bytes", plain.bytes)
        .with("translucent", plain.translucent)
        .with("metadata", &seen.beside)
        .with("veil_capacity", plain.veil_capacity)
        .with("looks_like", looks_like);
    let report = match &seen.shown {
        Some(shown) => with_changes(report, shown),
        None => report,
    };
    let Some((whose, found)) = &seen.hidden else {
        return report;
    };
    let report = report
        .with("codec", found.codec)
        .with("depth", found.depth)
        .with("payload", found.payload);
    match whose {
        Whose::Given => report,
        Whose::Grant(grant) => report.with("grant", grant),
    }
}

fn text(seen: &Seen) -> String {
    let plain = &seen.plain;
    let channels = if plain.channels == 4 { "RGBA" } else { "RGB" };
    let beside = metadata(&seen.beside);
    let [one, two, three, four] = plain.veil_capacity;
    format!(
        "{} x {}, {channels}, {} bytes; {beside}\nroom for `veil`: {one}, {two}, {three} or {four} \
         bytes at 1, 2, 3 or 4 bits a sample\n{}{}",
        plain.width,
        plain.height,
        plain.bytes,
        seen.shown.as_ref().map(changes).unwrap_or_default(),
        verdict(seen)
    )
}

fn verdict(seen: &Seen) -> String {
    let nothing = match seen.tried {
        Tried::Given => "this key finds nothing",
        Tried::Home => "this home's keys find nothing",
        Tried::NoHome => "there is no home here, so no keys were tried",
        Tried::Locked => {
            "this home is locked, so its keys were not tried: run `cameo unlock` first, or set \
             CAMEO_PASSPHRASE_FILE"
        }
        Tried::Unreadable => {
            "this home cannot be read, so its keys were not tried: `cameo inbox` shows the reason"
        }
    };
    match &seen.hidden {
        Some((whose, found)) => {
            let what = match whose {
                Whose::Given => "made by `hide` with this key".to_owned(),
                Whose::Grant(grant) => format!("the carrier of grant {}", short(grant)),
            };
            let (payload, codec) = (found.payload, codec_word(found.codec));
            format!(
                "{what}: {payload} bytes hidden by {codec}, {} bits a sample",
                found.depth
            )
        }
        None if seen.plain.looks_like_alpha => {
            format!("its alpha channel is not fully opaque, as in `alpha` carriers; {nothing}")
        }
        None => format!(
            "{nothing}. Without the key a `veil` carrier looks like any picture, though statistics \
             over its low bits may reveal it"
        ),
    }
}

/// The codec keys of this home's carriers, if the home opens without asking, else the reason.
fn known_keys(home: Option<PathBuf>) -> Result<Vec<(Whose, CodecKey)>, Tried> {
    let around = PassphraseSources {
        terminal: false,
        ..PassphraseSources::of_this_process()
    };
    let home = Home::find(home)
        .filter(Vault::exists)
        .ok_or(Tried::NoHome)?;
    let vault = unlock::open(&home, &around).map_err(|error| match error {
        VaultError::NoPassphrase(_) | VaultError::WrongPassphrase { .. } => Tried::Locked,
        _ => Tried::Unreadable,
    })?;
    let unreadable = |_| Tried::Unreadable;
    let held = vault.list::<GrantHeld>().map_err(unreadable)?;
    let owned = vault.list::<GrantOwned>().map_err(unreadable)?;
    let held = held
        .into_iter()
        .map(|(_, held)| (held.grant, held.codec_key));
    let owned = owned
        .into_iter()
        .map(|(_, owned)| (owned.grant, owned.codec_key));
    Ok(held
        .chain(owned)
        .map(|(grant, key)| (Whose::Grant(grant), CodecKey::from_bytes(*key.expose())))
        .collect())
}
