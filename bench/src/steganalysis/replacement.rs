//! Plain replacement of low bits, as most tools do it: the control for the detectors.

use cameo_codec::Picture;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Positions of the samples that carry something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Sequential from the top.
    InOrder,
    /// All over the picture.
    Random,
}

/// Puts random bits into the `depth` low bits of this share of the samples.
pub fn replace_low_bits(picture: &mut Picture, share: f64, depth: u8, spread: Spread) {
    let mut rng = StdRng::seed_from_u64(1);
    let mask = (1u8 << depth) - 1;
    let in_order = (picture.samples().len() as f64 * share) as usize;
    for (i, sample) in picture.samples_mut().iter_mut().enumerate() {
        let carries = match spread {
            Spread::InOrder => i < in_order,
            Spread::Random => rng.random_bool(share),
        };
        if carries {
            *sample = *sample & !mask | rng.random::<u8>() & mask;
        }
    }
}
