//! Wire format of an image job's input, which a client uploads to its worker.
//!
//! Layout: u32 length of the head (little-endian), the head as postcard, the cover's PNG, the
//! payload. The worker answers with the carrier's PNG. The carrier is a pure function of the input.

use std::time::Duration;

use cameo_wire::{self as wire, VersionError};
use serde::{Deserialize, Serialize};

use crate::{CodecKey, HideOptions};

/// Largest input that a worker accepts, in bytes.
pub const MAX_INPUT: usize = 256 * 1024 * 1024;
/// Workers and clients give up on connections slower than this.
const MIN_BYTES_PER_SECOND: u64 = 512 * 1024;
const MAX_HEAD: usize = 1024;
const VERSION: u16 = 1;

/// Input of one job: cover, payload, and how to hide it.
#[derive(Debug)]
pub struct JobInput<'a> {
    pub key: CodecKey,
    pub options: HideOptions,
    pub cover: &'a [u8],
    pub payload: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: u16,
    key: [u8; 32],
    options: HideOptions,
    cover: u64,
    payload: u64,
}

/// A job's input that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    #[error("the job's input is not well-formed")]
    Malformed,
    #[error("the job has layout {0}, which this node does not know; update it")]
    UnknownVersion(u16),
}

impl From<VersionError> for JobError {
    fn from(error: VersionError) -> Self {
        match error {
            VersionError::UnknownVersion(found) => Self::UnknownVersion(found),
            VersionError::Wire(_) => Self::Malformed,
        }
    }
}

/// Transfer time of this many bytes on the slowest accepted connection.
#[must_use]
pub fn slowest_transfer(bytes: u64) -> Duration {
    Duration::from_secs(bytes / MIN_BYTES_PER_SECOND)
}

impl<'a> JobInput<'a> {
    /// Encodes the input for the upload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let head = wire::encode(&Head {
            version: VERSION,
            key: *self.key.as_bytes(),
            options: self.options,
            cover: self.cover.len() as u64,
            payload: self.payload.len() as u64,
        });
        let length = u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes();
        [&length, head.as_slice(), self.cover, self.payload].concat()
    }

    /// Decodes an upload. The error says whether it is malformed or of an unknown layout version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, JobError> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(JobError::Malformed)?;
        let length = u32::from_le_bytes(*length) as usize;
        let head = rest
            .get(..length)
            .filter(|_| length <= MAX_HEAD)
            .ok_or(JobError::Malformed)?;
        let head: Head = wire::decode_after_version(VERSION, head)?;
        let raw = &rest[length..];
        let cover = usize::try_from(head.cover).map_err(|_| JobError::Malformed)?;
        let (cover, payload) = raw.split_at_checked(cover).ok_or(JobError::Malformed)?;
        if payload.len() as u64 != head.payload {
            return Err(JobError::Malformed);
        }
        Ok(Self {
            key: CodecKey::from_bytes(head.key),
            options: head.options,
            cover,
            payload,
        })
    }
}
