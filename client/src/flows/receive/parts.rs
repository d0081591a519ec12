//! Carriers that are being received.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use cameo_codec::limits::MAX_CARRIER_BYTES;

use super::error::ReceiveError;
use crate::peer::{Content, Partial, TransferError};
use crate::vault::Home;

/// Bound on incomplete carriers, including those whose sender has stopped.
pub const MAX_PARTS: usize = 32;

/// The received part of a carrier.
pub(super) fn partial(home: &Home, content: Content) -> Result<Partial, ReceiveError> {
    let parts = home.parts()?;
    if !make_room(&parts, content)? {
        return Err(ReceiveError::TooMany);
    }
    Partial::open(&parts, content, MAX_CARRIER_BYTES as u64).map_err(|error| match error {
        TransferError::Oversized { .. } => ReceiveError::NotAccepted(error.to_string()),
        error => error.into(),
    })
}

/// Removes the oldest incomplete carriers that are not being received, so that offers cannot fill
/// the disk. False when too many are being received.
fn make_room(parts: &Path, content: Content) -> io::Result<bool> {
    let own = format!("{}.part", blake3::Hash::from(content.hash).to_hex());
    let mut others = Vec::new();
    for entry in fs::read_dir(parts)? {
        let entry = entry?;
        // Earlier versions stored locks in this folder.
        let is_part = entry.path().extension().is_some_and(|what| what == "part");
        if is_part && entry.file_name() != *own {
            others.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    others.sort();
    let mut excess = (others.len() + 1).saturating_sub(MAX_PARTS);
    for (_, path) in others {
        if excess == 0 {
            break;
        }
        let file = File::open(&path)?;
        if file.try_lock().is_ok() {
            fs::remove_file(&path)?;
            excess -= 1;
        }
    }
    Ok(excess == 0)
}
