//! One image job on the wire: what a client uploads to its worker.
//!
//! Layout: u32 length of the head (little-endian), the head as postcard, the cover's PNG, the
//! payload. The worker sends back the carrier's PNG. A job is a pure function of its input.

use std::time::Duration;

use cameo_wire::{self as wire, VersionError};
use serde::{Deserialize, Serialize};

use crate::{CodecKey, HideOptions};

/// Longest input that a worker takes.
pub const MAX_INPUT: usize = 256 * 1024 * 1024;
/// Slower lines than this are not waited for, neither by workers nor by clients.
const SLOWEST_BYTES_A_SECOND: u64 = 512 * 1024;
const MAX_HEAD: usize = 1024;
const VERSION: u16 = 1;

/// What to hide, in what, and how.
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

/// An input that is no job.
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

/// How long so many bytes may take on the slowest line that is waited for.
#[must_use]
pub fn at_slowest(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST_BYTES_A_SECOND)
}

impl<'a> JobInput<'a> {
    /// The bytes to upload.
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

    /// Reads an upload.
    ///
    /// # Errors
    /// When it is not well-formed, or of a layout that this program does not know.
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
