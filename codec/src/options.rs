//! Options of hiding: codec and depth.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Codec of a carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Low bits of every sample: invisible to the eye.
    #[default]
    Veil,
    /// Alpha channel, as the `steganography` crate does it: visible in any viewer.
    Alpha,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HideOptions {
    pub codec: Codec,
    /// Low bits used of each sample by `veil`, 1 to 4. Higher depths hold more and show more.
    /// Ignored by `alpha`.
    pub depth: u8,
}

impl HideOptions {
    pub const DEFAULT_DEPTH: u8 = 2;

    /// `veil` at this depth.
    pub fn veil(depth: u8) -> Self {
        HideOptions {
            codec: Codec::Veil,
            depth,
        }
    }

    pub fn alpha() -> Self {
        HideOptions {
            codec: Codec::Alpha,
            depth: Self::DEFAULT_DEPTH,
        }
    }

    /// Checks that the depth is within its range.
    pub fn check(&self) -> Result<(), DepthError> {
        match self.depth {
            1..=4 => Ok(()),
            depth => Err(DepthError(depth)),
        }
    }
}

impl Default for HideOptions {
    fn default() -> Self {
        Self::veil(Self::DEFAULT_DEPTH)
    }
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{0} low bits a sample are not possible; choose 1 to 4")]
pub struct DepthError(pub u8);
