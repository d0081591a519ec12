//! `inspect`: what a PNG tells of itself to anyone, and what this home's keys find in it.

use std::path::PathBuf;

use cameo_common::codec::limits::MAX_CARRIER_BYTES;
use cameo_common::codec::{Codec, CodecKey, Identity as Found, identify, inspect};
use cameo_common::ids::GrantId;
use clap::Args;
use tokio::task::spawn_blocking;

use crate::context;
use crate::exit::Failure;
use crate::prefix::short;
use crate::print::Report;
use crate::vault::Vault;
use crate::vault::records::{GrantHeld, GrantOwned, Secret};
use crate::vault::unlock::{self, Surroundings};

/// What `inspect` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The picture.
    #[arg(value_name = "FILE.png")]
    file: PathBuf,
}

pub async fn run(home: Option<PathBuf>, arguments: Arguments) -> Result<Report, Failure> {
    let png = read_png(&arguments.file)?;
    let keys = known_keys(home);
    let work = move || {
        let seen = inspect(&png);
        let ours = keys.into_iter().find_map(|(grant, key)| {
            let key = CodecKey::from_bytes(*key.expose());
            identify(&png, &key).ok().map(|found| (grant, found))
        });
        (seen, ours)
    };
    let (seen, ours) = spawn_blocking(work)
        .await
        .map_err(|error| Failure::other("codec", error.to_string()))?;
    let seen = seen.map_err(|error| {
        Failure::other(
            "not_a_png",
            format!("{} cannot be read: {error}", arguments.file.display()),
        )
    })?;
    let looks_like = match &ours {
        Some((_, found)) => word(found.codec),
        None if seen.looks_like_alpha => "alpha",
        None => "picture",
    };
    let mut text = format!(
        "{} x {}, {} channels, {} bytes\n",
        seen.width, seen.height, seen.channels, seen.bytes
    );
    text.push_str(&match &ours {
        Some((grant, found)) => format!(
            "the carrier of grant {}: {} bytes hidden by {}, {} bits a sample",
            short(grant),
            found.payload,
            word(found.codec),
            found.depth
        ),
        None if seen.looks_like_alpha => {
            "its alpha channel is not opaque: something may be hidden there, for another key"
                .to_owned()
        }
        None => {
            "nothing that this home's keys find; without the key nobody can tell more".to_owned()
        }
    });
    let report = Report::new(text)
        .with("width", seen.width)
        .with("height", seen.height)
        .with("channels", seen.channels)
        .with("bytes", seen.bytes)
        .with("translucent", seen.translucent)
        .with("veil_capacity", seen.veil_capacity)
        .with("looks_like", looks_like);
    Ok(match ours {
        Some((
            grant,
            Found {
                codec,
                depth,
                payload,
            },
        )) => report
            .with("grant", grant)
            .with("codec", codec)
            .with("depth", depth)
            .with("payload", payload),
        None => report,
    })
}

fn word(codec: Codec) -> &'static str {
    match codec {
        Codec::Veil => "veil",
        Codec::Alpha => "alpha",
    }
}

/// A picture that somebody names, within its limit.
///
/// # Errors
/// Exit 3 when it is not there, 2 when it is no file that can be a carrier.
pub fn read_png(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {shown}")),
        _ => Failure::other("io", format!("{shown} cannot be read: {error}")),
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() || found.len() > MAX_CARRIER_BYTES as u64 {
        return Err(Failure::usage(format!(
            "{shown} is no carrier: those are files of at most {MAX_CARRIER_BYTES} bytes"
        )));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Keys of this home's carriers, where there is a home that opens without asking.
fn known_keys(home: Option<PathBuf>) -> Vec<(GrantId, Secret)> {
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
    held.chain(
        owned
            .into_iter()
            .map(|(_, owned)| (owned.grant, owned.codec_key)),
    )
    .collect()
}
