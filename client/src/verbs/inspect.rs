//! `inspect`: what a PNG tells of itself to anyone, and what a key or this home's keys find in it.

mod chunks;

use std::path::PathBuf;

use cameo_common::codec::limits::MAX_CARRIER_BYTES;
use cameo_common::codec::{CodecKey, Identity as Found, Inspection, identify, png};
use cameo_common::ids::GrantId;
use clap::Args;
use tokio::task::spawn_blocking;

use crate::context;
use crate::exit::Failure;
use crate::files;
use crate::key_file::KeyFile;
use crate::look::codec_word;
use crate::prefix::short;
use crate::print::{Output, Report};
use crate::vault::Vault;
use crate::vault::records::{GrantHeld, GrantOwned};
use crate::vault::unlock::{self, Surroundings};

/// What `inspect` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The picture.
    #[arg(value_name = "FILE.png")]
    file: PathBuf,
    /// The key of a picture that `hide` made; this home's keys are not tried then.
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
}

/// Whose key is tried.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Given,
    Grant(GrantId),
}

/// What there is to tell.
struct Seen {
    plain: Inspection,
    beside: Vec<String>,
    hidden: Option<(Whose, Found)>,
}

pub async fn run(
    home: Option<PathBuf>,
    out: Output,
    arguments: Arguments,
) -> Result<Report, Failure> {
    let key_given = arguments.key.is_some();
    let bar = out.bar("reading");
    let seen = spawn_blocking(move || look(home, &arguments)).await;
    bar.finish_and_clear();
    let seen = seen.map_err(|error| Failure::other("codec", error.to_string()))?;
    Ok(report(&seen?, key_given))
}

fn look(home: Option<PathBuf>, arguments: &Arguments) -> Result<Seen, Failure> {
    let file = files::read(&arguments.file, MAX_CARRIER_BYTES)?;
    let keys = match &arguments.key {
        Some(path) => vec![(Whose::Given, KeyFile::read(path)?.key().clone())],
        None => known_keys(home),
    };
    let picture = png::read(&file).map_err(|error| {
        Failure::other(
            "not_a_png",
            format!("{} cannot be read: {error}", arguments.file.display()),
        )
    })?;
    let found = |(whose, key)| identify(&picture, &key).ok().map(|found| (whose, found));
    Ok(Seen {
        beside: chunks::beside_the_picture(&file),
        hidden: keys.into_iter().find_map(found),
        plain: Inspection::of(&picture, file.len() as u64),
    })
}

fn report(seen: &Seen, key_given: bool) -> Report {
    let plain = &seen.plain;
    let looks_like = match &seen.hidden {
        Some((_, found)) => codec_word(found.codec),
        None if plain.looks_like_alpha => "alpha",
        None => "picture",
    };
    let report = Report::new(text(seen, key_given))
        .with("width", plain.width)
        .with("height", plain.height)
        .with("channels", plain.channels)
        .with("bytes", plain.bytes)
        .with("translucent", plain.translucent)
        .with("metadata", &seen.beside)
        .with("veil_capacity", plain.veil_capacity)
        .with("looks_like", looks_like);
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

fn text(seen: &Seen, key_given: bool) -> String {
    let plain = &seen.plain;
    let channels = if plain.channels == 4 { "RGBA" } else { "RGB" };
    let beside = match seen.beside.as_slice() {
        [] => "no metadata".to_owned(),
        names => format!("beside the picture: {}", names.join(", ")),
    };
    let [one, two, three, four] = plain.veil_capacity;
    format!(
        "{} x {}, {channels}, {} bytes; {beside}\nroom for `veil`: {one}, {two}, {three} or {four} bytes at 1, 2, 3 or 4 bits a sample\n{}",
        plain.width,
        plain.height,
        plain.bytes,
        verdict(seen, key_given)
    )
}

fn verdict(seen: &Seen, key_given: bool) -> String {
    let whose_keys = if key_given {
        "this key"
    } else {
        "this home's keys"
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
        None if seen.plain.looks_like_alpha => format!(
            "its alpha channel is not opaque all over, as an `alpha` carrier's is not; nothing that {whose_keys} would find"
        ),
        None => format!(
            "nothing that {whose_keys} would find. Without the key nobody sees whether a `veil` carrier is one; statistics over its low bits may tell"
        ),
    }
}

/// Keys of this home's carriers, where there is a home that opens without asking.
fn known_keys(home: Option<PathBuf>) -> Vec<(Whose, CodecKey)> {
    let around = Surroundings {
        terminal: false,
        ..Surroundings::of_this_process()
    };
    let vault: Option<Vault> = context::home(home)
        .ok()
        .filter(Vault::exists)
        .and_then(|home| unlock::open(&home, &around).ok());
    let Some(vault) = vault else {
        return Vec::new();
    };
    let held = vault.list::<GrantHeld>().unwrap_or_default();
    let owned = vault.list::<GrantOwned>().unwrap_or_default();
    let held = held
        .into_iter()
        .map(|(_, held)| (held.grant, held.codec_key));
    let owned = owned
        .into_iter()
        .map(|(_, owned)| (owned.grant, owned.codec_key));
    held.chain(owned)
        .map(|(grant, key)| (Whose::Grant(grant), CodecKey::from_bytes(*key.expose())))
        .collect()
}
