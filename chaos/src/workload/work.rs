//! One job's input, made once and used many times.

use anyhow::Context as _;
use bytes::Bytes;
use cameo_codec::job::JobInput;
use cameo_codec::{Channels, CodecKey, HideOptions, Picture, default_cover, png, reveal};
use cameo_common::ids::Hash;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// The key of every input: the payloads are not secret.
const KEY: [u8; 32] = [7; 32];
/// Edge of the thumbnail that is enlarged to the cover.
const THUMBNAIL: u32 = 16;

/// An input as it is uploaded.
#[derive(Debug, Clone)]
pub struct Work {
    pub input: Bytes,
    pub hash: Hash,
    payload: Bytes,
}

impl Work {
    /// A payload of this many random bytes in the smallest default cover that holds it.
    ///
    /// # Errors
    /// When there is no such cover.
    pub fn of_payload(bytes: usize, seed: u64) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut payload = vec![0; bytes];
        rng.fill_bytes(&mut payload);
        let mut samples = vec![0; (THUMBNAIL * THUMBNAIL * 3) as usize];
        rng.fill_bytes(&mut samples);
        let thumbnail =
            Picture::new(THUMBNAIL, THUMBNAIL, Channels::Rgb, samples).context("a thumbnail")?;
        let options = HideOptions::default();
        let cover = default_cover(&thumbnail, None, bytes, &options)?;
        let input = JobInput {
            key: CodecKey::from_bytes(KEY),
            options,
            cover: &png::write(&cover),
            payload: &payload,
        };
        let input = Bytes::from(input.encode());
        Ok(Self {
            hash: Hash::of(&input),
            input,
            payload: payload.into(),
        })
    }

    /// Whether this PNG is a correct result of the job.
    #[must_use]
    pub fn is_done_by(&self, png: &[u8]) -> bool {
        reveal(png, &CodecKey::from_bytes(KEY)).is_ok_and(|found| found == self.payload)
    }

    /// Bytes of input.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.input.len() as u64
    }
}
