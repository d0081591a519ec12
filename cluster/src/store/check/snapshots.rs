//! The snapshot files: checksum, order and number of the rows, certificate.

use std::io;
use std::path::Path;

use cameo_common::descriptor_chain::Descriptors;
use cameo_common::signed::Strict;

use super::super::snapshot::{Reader, SnapshotError, snapshot_files};
use crate::certificate::{NotCertified, Voters};
use crate::consensus_types::aliases::position;

/// An intact snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFound {
    /// `(term, index)` of the last entry in it.
    pub position: Option<(u64, u64)>,
    pub certified: Certified,
}

/// Whether a majority of the voters has signed a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certified {
    Yes,
    /// It serves its own node alone.
    No,
    /// It has signatures, and the voters are not known.
    NotVerified,
}

/// A snapshot file, and what it is found to be.
#[derive(Debug)]
pub struct SnapshotCheck {
    pub name: String,
    pub found: Result<SnapshotFound, SnapshotError>,
}

/// Reads every snapshot file, the newest first. `of_state` are the descriptors that the live state
/// has.
pub(super) fn check(
    folder: &Path,
    voters: Option<&Voters>,
    of_state: Option<Descriptors>,
) -> io::Result<Vec<SnapshotCheck>> {
    let mut files = match snapshot_files(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.sort();
    let within = files
        .iter()
        .filter_map(|path| Reader::descriptors(path).ok()?);
    let chains: Vec<_> = within.chain(of_state).collect();
    let voters = voters.map(|known| newest(known, &chains));
    let checked = files.iter().rev().map(|path| SnapshotCheck {
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into(),
        found: one(path, voters.as_ref()),
    });
    Ok(checked.collect())
}

/// The voters of each descriptor of the longest chain that the folder has, which proves itself: a
/// snapshot may be certified by those that came after it, of whom it knows nothing.
fn newest(known: &Voters, chains: &[Descriptors]) -> Voters {
    let cluster = known.cluster();
    let proven = chains
        .iter()
        .filter(|chain| chain.verify(&Strict, cluster).is_ok());
    let longest = proven.max_by_key(|chain| chain.links.len());
    longest.map_or_else(
        || known.clone(),
        |chain| Voters::of_any(chain.all(), cluster),
    )
}

fn one(path: &Path, voters: Option<&Voters>) -> Result<SnapshotFound, SnapshotError> {
    let certified = match voters.map(|voters| Reader::verify_certified(path, voters)) {
        Some(Ok(applied)) => {
            return Ok(SnapshotFound {
                position: applied.log_id.as_ref().map(position),
                certified: Certified::Yes,
            });
        }
        Some(Err(SnapshotError::NotCertified(NotCertified::None))) => Some(Certified::No),
        Some(Err(error)) => return Err(error),
        None => None,
    };
    let verified = Reader::verify(path)?;
    let unverified = match verified.is_certified {
        true => Certified::NotVerified,
        false => Certified::No,
    };
    Ok(SnapshotFound {
        position: verified.applied.log_id.as_ref().map(position),
        certified: certified.unwrap_or(unverified),
    })
}

#[cfg(test)]
mod tests;
