//! The marker of a quarantined node: a file that keeps it quarantined from start to start.
//!
//! Without it, a node that was sent the lost log again before the proof arrived would find at its
//! next start as much as it had told, and its peers would take its new words for the earlier ones.
//! It is in the folder, so that it goes when the newest folder comes back.

use std::io;

use cameo_common::ids::NodeId;
use cameo_common::statements::Marks;
use serde::{Deserialize, Serialize};

use super::disk::{QuarantineDisk, QuarantineFile};
use super::envelope;

const MAGIC: &[u8; 8] = b"cameoqua";
const VERSION: u8 = 1;

/// The proof by which a node was quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// Who has shown it.
    pub from: NodeId,
    /// What the process had found.
    pub found: Marks,
    /// What the node had told before.
    pub told: Marks,
}

impl Marker {
    /// Whether a node has to start quarantined. Law: the file counts by being there. A damaged one,
    /// or one of another version, opens nothing.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn is_on(disk: &dyn QuarantineDisk) -> io::Result<bool> {
        let Some(bytes) = disk.read(QuarantineFile::Marker)? else {
            return Ok(false);
        };
        let proof = envelope::decode::<Self>(MAGIC, VERSION, &bytes);
        tracing::error!(
            ?proof,
            "this folder was quarantined, as DATA/quarantined says: it is an older copy. The node \
             releases nothing, confirms nothing, and neither votes nor appends. Stop it, and put \
             its newest folder in the place of this one, or keep it stopped as one whose disk is \
             lost"
        );
        Ok(true)
    }

    /// Writes it, durably.
    ///
    /// # Errors
    /// When the disk is full or gone.
    pub async fn write(self, disk: &dyn QuarantineDisk) -> io::Result<()> {
        let bytes = envelope::encode(MAGIC, VERSION, &self);
        disk.replace(QuarantineFile::Marker, bytes).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::memory_for_tests::InMemory;
    use super::*;

    const PROOF: Marker = Marker {
        from: NodeId(300),
        found: Marks {
            floor: 1,
            term: 2,
            log: 3,
        },
        told: Marks {
            floor: 4,
            term: 5,
            log: 6,
        },
    };

    #[tokio::test]
    async fn a_marker_is_found_however_damaged_and_its_bytes_are_pinned() {
        let disk = InMemory::default();
        assert!(!Marker::is_on(&disk).unwrap());
        PROOF.write(&disk).await.unwrap();
        assert!(Marker::is_on(&disk).unwrap());
        let body = [&b"cameoqua"[..], &[1, 0xac, 2, 1, 2, 3, 4, 5, 6]].concat();
        let sum = crc32fast::hash(&body).to_le_bytes();
        let bytes = disk.read(QuarantineFile::Marker).unwrap().unwrap();
        assert_eq!(bytes, [&body[..], &sum].concat());
        let mut of_another_version = bytes.clone();
        of_another_version[8] = 2;
        for damaged in [of_another_version, bytes[..4].to_vec(), Vec::new()] {
            disk.replace(QuarantineFile::Marker, damaged).await.unwrap();
            assert!(Marker::is_on(&disk).unwrap());
        }
    }
}
