//! Interface between the worker's pool and the codec.

use std::io::Write;

use cameo_codec::job::JobInput;
use cameo_codec::{self as codec, CancelToken, HideError, Memory};

/// Why no picture can be made from an input: one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HideFailed(pub String);

/// Runs jobs: hides a payload in a cover and writes the carrier's PNG. A pure function, called on
/// the threads of the pool; what it spawns with rayon stays there.
pub trait Hide: Send + Sync {
    /// Upper bound in bytes of the memory that a job uses beside its input, including its carrier.
    ///
    /// # Errors
    /// When the input is not a picture.
    fn memory(&self, input: &JobInput<'_>) -> Result<u64, HideFailed>;

    /// Pixels of the largest cover with which the job would use at most `bytes`.
    fn pixels_within(&self, bytes: u64, input: &JobInput<'_>) -> u64;

    /// Writes the carrier to `out` as it is produced; ends soon after `stop` is cancelled.
    ///
    /// # Errors
    /// When the input is not a picture, or is too small for its payload; when writing to `out`
    /// fails; when `stop` was cancelled.
    fn hide(
        &self,
        input: &JobInput<'_>,
        stop: &CancelToken,
        out: &mut dyn Write,
    ) -> Result<(), HideFailed>;
}

/// The codec itself.
#[derive(Debug, Clone, Copy)]
pub struct Codec;

impl Hide for Codec {
    fn memory(&self, input: &JobInput<'_>) -> Result<u64, HideFailed> {
        let memory = Memory::of(input.cover, input.payload.len(), &input.options)?;
        Ok(memory.total())
    }

    fn pixels_within(&self, bytes: u64, input: &JobInput<'_>) -> u64 {
        Memory::pixels_within(bytes, input.payload.len(), &input.options)
    }

    fn hide(
        &self,
        input: &JobInput<'_>,
        stop: &CancelToken,
        mut out: &mut dyn Write,
    ) -> Result<(), HideFailed> {
        let (cover, payload) = (input.cover, input.payload);
        codec::hide_to(cover, payload, &input.key, &input.options, stop, &mut out)?;
        Ok(())
    }
}

impl From<HideError> for HideFailed {
    fn from(error: HideError) -> Self {
        Self(error.to_string())
    }
}
