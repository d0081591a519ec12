//! The viewer's verb: a carrier and its key give the payload back, to the bit.

use thiserror::Error;

use super::header::Header;
use super::key::CodecKey;
use super::options::Codec;
use super::picture::Picture;
use super::png::{self, PngError};
use super::{alpha, veil};

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RevealError {
    #[error(transparent)]
    Png(#[from] PngError),
    /// Another grant's carrier, an altered copy, or a picture like any other: nobody without the key can tell.
    #[error(
        "nothing is hidden here for this key: it is another picture, or an altered copy of the carrier"
    )]
    NotOurs,
    #[error("the carrier was altered on its way: fetch it again from the owner")]
    Damaged,
    #[error("the carrier was made by a newer version: update cameo")]
    Unknown,
}

/// What a carrier's header says to one who has the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub codec: Codec,
    /// Low bits a sample; 8 for `alpha`.
    pub depth: u8,
    /// Length of the payload in bytes.
    pub payload: u64,
}

/// Finds the payload in a carrier, whichever codec wrote it.
///
/// A wrong key costs the decoding of the picture and one look at each place where a header may be, whatever the
/// picture holds.
pub fn reveal(png: &[u8], key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    extract(&png::read(png)?, key)
}

/// [`reveal`] from a picture that was read.
pub fn extract(carrier: &Picture, key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    if carrier.is_translucent() {
        match alpha::extract(carrier, key) {
            Err(RevealError::NotOurs) => {}
            found => return found,
        }
    }
    veil::extract(&carrier.without_alpha(), key)
}

/// Reads the header only.
pub fn identify(carrier: &Picture, key: &CodecKey) -> Result<Identity, RevealError> {
    let found = if carrier.is_translucent() {
        alpha::identify(carrier, key)
    } else {
        Err(RevealError::NotOurs)
    };
    let header: Header = match found {
        Err(RevealError::NotOurs) => veil::identify(&carrier.without_alpha(), key)?,
        found => found?,
    };
    Ok(Identity {
        codec: header.codec,
        depth: header.depth,
        payload: header.length,
    })
}
