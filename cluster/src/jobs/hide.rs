//! The seam between the pool and the codec.

use cameo_common::job::JobInput;

/// Why a picture cannot be made of an input: one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HideFailed(pub String);

/// Does a job: hides a payload in a cover and answers with the carrier's PNG. Pure, and called on the threads
/// of the pool; what it spawns with rayon stays there.
pub trait Hide: Send + Sync {
    /// # Errors
    /// When the input is no picture, or too small for what it is to carry.
    fn hide(&self, input: &JobInput<'_>) -> Result<Vec<u8>, HideFailed>;
}

impl<F> Hide for F
where
    F: Fn(&JobInput<'_>) -> Result<Vec<u8>, HideFailed> + Send + Sync,
{
    fn hide(&self, input: &JobInput<'_>) -> Result<Vec<u8>, HideFailed> {
        self(input)
    }
}
