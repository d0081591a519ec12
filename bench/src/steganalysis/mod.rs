//! Simple steganalysis: estimates of how many samples of a picture carry something in their low
//! bits.
//!
//! Three classical detectors of plain replacement of the lowest bit: [`chi_square`],
//! [`sample_pairs`] and [`rs`]. Each estimates the share of samples that carry something, 0 for
//! none and 1 for all. [`replacement`] is the control that shows that they work. Trained detectors
//! detect far more; a picture that passes these is not undetectable.

pub mod chi_square;
pub mod plane;
pub mod replacement;
pub mod rs;
pub mod sample_pairs;

pub use plane::{Plane, planes};

/// A detector, by the name in its figures.
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

    /// Estimated share of samples that carry something: the mean over the planes.
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

    /// A photo that the detectors estimate as clean. Of the five photos, `Picture_1A` is estimated
    /// at a tenth, which shows their limits.
    pub fn real() -> Picture {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../photos/friends_by_Aitzol_Berasategi.jpg"
        );
        cover_from_picture(&std::fs::read(path).unwrap(), 0, &HideOptions::default()).unwrap()
    }
}
