//! Simple steganalysis: what anybody can run on a picture to ask whether, and how much, is hidden in its low bits.
//!
//! Three classical estimators, each for plain replacement of the lowest bit: [`chi_square`], [`sample_pairs`] and
//! [`rs`]. Each gives the share of samples that it takes to carry something, 0 for none and 1 for all.
//! [`replacement`] is what they were made to find: the control that shows that they work. Trained detectors find
//! far more; that these find nothing does not mean that nothing can be found.

pub mod chi_square;
pub mod plane;
pub mod replacement;
pub mod rs;
pub mod sample_pairs;

pub use plane::{Plane, planes};

/// One of the three, by the name that its figures bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    ChiSquare,
    SamplePairs,
    Rs,
}

impl Detector {
    pub const ALL: [Detector; 3] = [Detector::ChiSquare, Detector::SamplePairs, Detector::Rs];

    pub fn name(self) -> &'static str {
        match self {
            Detector::ChiSquare => "chi_square",
            Detector::SamplePairs => "spa",
            Detector::Rs => "rs",
        }
    }

    /// The share of samples that seem to carry something: the mean over the planes.
    pub fn estimate(self, planes: &[Plane]) -> f64 {
        let estimate = match self {
            Detector::ChiSquare => chi_square::estimate,
            Detector::SamplePairs => sample_pairs::estimate,
            Detector::Rs => rs::estimate,
        };
        planes.iter().map(estimate).sum::<f64>() / planes.len() as f64
    }
}

#[cfg(test)]
pub(crate) mod photo {
    #![allow(clippy::unwrap_used)]
    use cameo_codec::{HideOptions, Picture, cover_from_picture};

    /// One that the estimators take for clean. Of the five, `Picture_1A` looks to them as if a tenth of it carried
    /// something: how far they can be trusted at all.
    pub fn real() -> Picture {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../photos/friends_by_Aitzol_Berasategi.jpg"
        );
        cover_from_picture(&std::fs::read(path).unwrap(), 0, &HideOptions::default()).unwrap()
    }
}
