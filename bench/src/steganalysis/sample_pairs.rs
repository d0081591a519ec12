//! Sample pair analysis: Dumitrescu, Wu and Wang, "Detection of LSB Steganography via Sample Pair
//! Analysis", IEEE Transactions on Signal Processing 51(7), 2003.
//!
//! In a natural picture, the larger of two different neighbours is even as often as odd. Replacing
//! lowest bits moves pairs between the classes in known proportions; solving for them gives the
//! share of replaced bits.

use super::plane::Plane;

/// Number of pairs in each class of the paper.
#[derive(Debug, Default, PartialEq, Eq)]
struct Classes {
    pairs: u64,
    /// Pairs whose second sample is even and the larger, or odd and the smaller.
    x: u64,
    /// Pairs whose second sample is even and the smaller, or odd and the larger.
    y: u64,
    /// Pairs that differ at most in the lowest bit: the paper's W and Z.
    alike: u64,
}

impl Classes {
    #[inline(always)]
    fn count(&mut self, first: u8, second: u8) {
        let even = second & 1 == 0;
        self.pairs += 1;
        self.x += u64::from(if even { first < second } else { first > second });
        self.y += u64::from(if even { first > second } else { first < second });
        self.alike += u64::from(first >> 1 == second >> 1);
    }
}

/// Estimated share of samples that carry something, from all pairs of horizontal and vertical
/// neighbours.
pub fn estimate(plane: &Plane) -> f64 {
    let mut classes = Classes::default();
    let mut above: Option<&[u8]> = None;
    for row in plane.rows() {
        for pair in row.windows(2) {
            classes.count(pair[0], pair[1]);
        }
        for (&upper, &lower) in above.unwrap_or(&[]).iter().zip(row) {
            classes.count(upper, lower);
        }
        above = Some(row);
    }
    solve(&classes)
}

/// The smaller root of |W+Z| p^2 / 2 + (2|X| - |P|) p + |Y| - |X| = 0.
fn solve(classes: &Classes) -> f64 {
    let a = classes.alike as f64 / 2.0;
    let b = 2.0 * classes.x as f64 - classes.pairs as f64;
    let c = classes.y as f64 - classes.x as f64;
    if a == 0.0 {
        return if b == 0.0 { 0.0 } else { -c / b };
    }
    // Near 1, noise can make the discriminant negative; both roots then meet at the vertex.
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    let roots = [(-b - root) / (2.0 * a), (-b + root) / (2.0 * a)];
    if roots[0].abs() < roots[1].abs() {
        roots[0]
    } else {
        roots[1]
    }
}

#[cfg(test)]
mod tests {
    use super::super::replacement::{Spread, replace_low_bits};
    use super::super::{Detector, photo, planes};
    use super::*;

    #[test]
    fn pairs_are_classified_as_in_the_paper() {
        let classes_of = |first, second| {
            let mut classes = Classes::default();
            classes.count(first, second);
            (classes.x, classes.y, classes.alike)
        };
        assert_eq!(classes_of(4, 4), (0, 0, 1));
        assert_eq!(classes_of(4, 5), (0, 1, 1));
        assert_eq!(classes_of(5, 4), (0, 1, 1));
        assert_eq!(classes_of(5, 6), (1, 0, 0));
        assert_eq!(classes_of(7, 5), (1, 0, 0));
        assert_eq!(classes_of(9, 6), (0, 1, 0));
    }

    #[test]
    fn a_clean_photo_is_estimated_as_clean() {
        let found = Detector::SamplePairs.estimate(&planes(&photo::real()));
        assert!(found.abs() < 0.05, "{found}");
    }

    #[test]
    fn the_share_of_replacement_is_estimated_for_every_spread() {
        for (share, spread) in [
            (0.1, Spread::Random),
            (0.5, Spread::Random),
            (0.5, Spread::InOrder),
            (0.9, Spread::Random),
            (1.0, Spread::Random),
        ] {
            let mut picture = photo::real();
            replace_low_bits(&mut picture, share, 1, spread);
            let found = Detector::SamplePairs.estimate(&planes(&picture));
            assert!((found - share).abs() < 0.08, "{share} {spread:?}: {found}");
        }
    }
}
