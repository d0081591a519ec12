//! Frames of the floor file: the records of one sync, with a checksum and a number.
//!
//! Frame: length (4), CRC-32 of length and payload (4), payload; little endian. A sync covers one
//! frame, so a crash leaves at most one incomplete frame, at the end, which nobody was told of. It
//! may be cut off. A damaged frame before a valid one is different: a cut would forget releases.

use cameo_common::wire;
use serde::{Deserialize, Serialize};

use super::error::OpenError;
use super::header;
use super::record::Record;

/// Length and CRC.
const PREFIX: usize = 8;
/// Longest payload of a frame.
const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// The records of one sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch {
    /// One more than the frame before.
    pub number: u64,
    pub records: Vec<Record>,
}

/// The frames of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    pub batches: Vec<Batch>,
    /// Bytes of an incomplete frame at the end.
    pub torn: usize,
}

pub(super) fn append(buffer: &mut Vec<u8>, batch: &Batch) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; PREFIX]);
    wire::append(buffer, batch);
    let length = (buffer.len() - start - PREFIX) as u32;
    let crc = checksum(length, &buffer[start + PREFIX..]);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + PREFIX].copy_from_slice(&crc.to_le_bytes());
}

/// Reads the frames after the header.
///
/// # Errors
/// When a damaged frame lies before a valid one, or frames are missing between others.
pub(super) fn scan(bytes: &[u8]) -> Result<Scanned, OpenError> {
    let mut rest = bytes;
    let mut batches: Vec<Batch> = Vec::new();
    while let Some((batch, after)) = take(rest) {
        if let Some(last) = batches.last()
            && last.number.checked_add(1) != Some(batch.number)
        {
            return Err(OpenError::Gap {
                before: last.number,
                found: batch.number,
            });
        }
        batches.push(batch);
        rest = after;
    }
    if (1..rest.len()).any(|at| take(&rest[at..]).is_some()) {
        return Err(OpenError::DamagedInside {
            offset: header::LENGTH + bytes.len() - rest.len(),
        });
    }
    Ok(Scanned {
        batches,
        torn: rest.len(),
    })
}

/// The valid frame at the start, and what follows it.
fn take(bytes: &[u8]) -> Option<(Batch, &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *prefix;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let size = usize::try_from(length).ok().filter(|n| *n <= MAX_PAYLOAD)?;
    let (payload, after) = rest.split_at_checked(size)?;
    // A run of zeros is no frame: the CRC of an empty payload is not zero.
    if checksum(length, payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return None;
    }
    Some((wire::decode(payload).ok()?, after))
}

fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}
