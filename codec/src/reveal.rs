//! Extraction of a payload from a carrier, with its key.

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
    /// Another grant's carrier, an altered copy, or an ordinary picture: indistinguishable without
    /// the key.
    #[error(
        "nothing is hidden here for this key: it is another picture, or an altered copy of the \
         carrier"
    )]
    NotOurs,
    #[error("the carrier was altered on its way: fetch it again from the owner")]
    Damaged,
    #[error("the carrier was made by a newer version: update cameo")]
    Unknown,
}

/// Header of a carrier, as its key reveals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub codec: Codec,
    /// Low bits used of each sample; 8 for `alpha`.
    pub depth: u8,
    /// Length of the payload in bytes.
    pub payload: u64,
}

/// Extracts the payload of a carrier of either codec.
///
/// A wrong key costs the decoding of the picture and one header check per codec, whatever the
/// picture contains.
pub fn reveal(png: &[u8], key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    extract(&png::read(png)?, key)
}

/// [`reveal`] for a decoded picture.
pub fn extract(carrier: &Picture, key: &CodecKey) -> Result<Vec<u8>, RevealError> {
    if alpha::may_carry(carrier) {
        match alpha::extract(carrier, key) {
            Err(RevealError::NotOurs) => {}
            found => return found,
        }
    }
    veil::extract(carrier, key)
}

/// Reads the header only.
pub fn identify(carrier: &Picture, key: &CodecKey) -> Result<Identity, RevealError> {
    let found = if alpha::may_carry(carrier) {
        alpha::identify(carrier, key)
    } else {
        Err(RevealError::NotOurs)
    };
    let header: Header = match found {
        Err(RevealError::NotOurs) => veil::identify(carrier, key)?,
        found => found?,
    };
    Ok(Identity {
        codec: header.codec,
        depth: header.depth,
        payload: header.length,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::work::{self, Work};
    use super::super::{Channels, HideOptions, capacity, embed};
    use super::*;

    /// 300 x 100 RGB samples: eleven tiles.
    const TILES: usize = 11;

    fn cover(channels: Channels) -> Picture {
        let samples = (0..30_000 * channels.count())
            .map(|i| ((i * i) >> 3) as u8)
            .collect();
        Picture::new(300, 100, channels, samples).unwrap()
    }

    #[test]
    fn a_wrong_key_costs_the_same_for_every_picture() {
        let [right, wrong] = [1, 2].map(|seed| CodecKey::from_bytes([seed; 32]));
        for options in [1, 2, 3, 4].map(HideOptions::veil) {
            let full = capacity(300, 100, &options) as usize;
            for len in [0, 1, full / 2, full] {
                let carrier = embed(cover(Channels::Rgb), &vec![7; len], &right, &options);
                assert_cost_of_wrong_key(&carrier.unwrap(), &wrong, 1);
            }
        }
        assert_cost_of_wrong_key(&cover(Channels::Rgb), &wrong, 1);
        // In a translucent picture both codecs' headers are tried.
        for len in [0, 1, 20_000] {
            let options = HideOptions::alpha();
            let carrier = embed(cover(Channels::Rgb), &vec![7; len], &right, &options);
            assert_cost_of_wrong_key(&carrier.unwrap(), &wrong, 2);
        }
        assert_cost_of_wrong_key(&cover(Channels::Rgba), &wrong, 2);
    }

    fn assert_cost_of_wrong_key(picture: &Picture, wrong: &CodecKey, headers: usize) {
        let cost = Work {
            tiles: TILES,
            headers,
            streams: 0,
            copies: 0,
        };
        let found = work::measure(|| identify(picture, wrong));
        assert_eq!(found, (Err(RevealError::NotOurs), cost), "headers only");
        let found = work::measure(|| extract(picture, wrong));
        assert_eq!(
            found,
            (Err(RevealError::NotOurs), cost),
            "{headers} headers"
        );
    }

    #[test]
    fn a_veil_carrier_with_an_added_alpha_channel_opens_and_is_copied_once() {
        let key = CodecKey::from_bytes([1; 32]);
        let options = HideOptions::default();
        let carrier = embed(cover(Channels::Rgb), b"payload", &key, &options).unwrap();
        let mut carrier = carrier.with_alpha();
        for alpha in [255, 254] {
            carrier.samples_mut()[4 * 777 + 3] = alpha;
            let (found, cost) = work::measure(|| identify(&carrier, &key));
            assert_eq!((found.unwrap().payload, cost.copies), (7, 0));
            let (found, cost) = work::measure(|| extract(&carrier, &key));
            assert_eq!((found.unwrap(), cost.copies), (b"payload".to_vec(), 1));
        }
    }

    #[test]
    fn the_right_key_costs_more() {
        let key = CodecKey::from_bytes([1; 32]);
        let options = HideOptions::default();
        let carrier = embed(cover(Channels::Rgb), b"payload", &key, &options).unwrap();
        let (found, cost) = work::measure(|| extract(&carrier, &key));
        assert_eq!(found.unwrap(), b"payload");
        assert!(cost.streams > 0);
    }
}
