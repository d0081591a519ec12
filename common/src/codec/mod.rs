//! Hiding sealed bytes in a cover picture, and finding them again.

use serde::{Deserialize, Serialize};

/// Placeholder types until the codec branch is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecKey([u8; 32]);
impl CodecKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HideOptions {
    pub depth: u8,
}
