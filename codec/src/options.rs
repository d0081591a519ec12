//! What the one who hides may choose.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a payload is hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// In the low bits of every sample: invisible to the eye.
    #[default]
    Veil,
    /// In the alpha channel, as the `steganography` crate does it: shows in any viewer.
    Alpha,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HideOptions {
    pub codec: Codec,
    /// Low bits a sample that `veil` uses, 1 to 4: more hold more and show more. `alpha` does not look at it.
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

    /// Refuses a depth that there is not.
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
