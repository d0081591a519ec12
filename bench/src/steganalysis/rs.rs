//! RS analysis: Fridrich, Goljan and Du, "Reliable Detection of LSB Steganography in Color and
//! Grayscale Images", ACM Workshop on Multimedia and Security, 2001.
//!
//! Flipping lowest bits makes most groups of neighbours rougher. In a natural picture that is
//! equally frequent whether values flip within 2i, 2i + 1 or within 2i - 1, 2i. The more bits were
//! replaced, the more the two differ.

use super::plane::Plane;

/// Groups of four, of which the middle two flip: the paper's mask 0 1 1 0.
const GROUP: usize = 4;

/// Regular minus singular groups, for flips within 2i, 2i + 1 and within 2i - 1, 2i.
#[derive(Debug, Clone, Copy)]
struct Balance {
    positive: f64,
    negative: f64,
}

/// Estimated share of samples that carry something.
pub fn estimate(plane: &Plane) -> f64 {
    let (now, flipped) = (balance(plane, 0), balance(plane, 1));
    let a = 2.0 * (flipped.positive + now.positive);
    let b = now.negative - flipped.negative - flipped.positive - 3.0 * now.positive;
    let c = now.positive - now.negative;
    let x = smaller_root(a, b, c);
    x / (x - 0.5)
}

fn smaller_root(a: f64, b: f64, c: f64) -> f64 {
    if a == 0.0 {
        return if b == 0.0 { 0.0 } else { -c / b };
    }
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        // At full load the roots go to infinity, and noise makes them complex: the modulus is used.
        return -(c / a).sqrt();
    }
    let root = discriminant.sqrt();
    let roots = [(-b - root) / (2.0 * a), (-b + root) / (2.0 * a)];
    if roots[0].abs() < roots[1].abs() {
        roots[0]
    } else {
        roots[1]
    }
}

/// Balance of the plane, with `flip` applied to all its lowest bits first.
fn balance(plane: &Plane, flip: u8) -> Balance {
    let (mut positive, mut negative) = (0i64, 0i64);
    for group in plane.rows().flat_map(|row| row.chunks_exact(GROUP)) {
        let group: [i16; GROUP] = std::array::from_fn(|i| i16::from(group[i] ^ flip));
        let [first, second, third, fourth] = group;
        let rough = roughness(group);
        let up = |value: i16| value ^ 1;
        let down = |value: i16| ((value + 1) ^ 1) - 1;
        let up = roughness([first, up(second), up(third), fourth]);
        let down = roughness([first, down(second), down(third), fourth]);
        positive += i64::from((up - rough).signum());
        negative += i64::from((down - rough).signum());
    }
    Balance {
        positive: positive as f64,
        negative: negative as f64,
    }
}

#[inline(always)]
fn roughness(group: [i16; GROUP]) -> i16 {
    (group[1] - group[0]).abs() + (group[2] - group[1]).abs() + (group[3] - group[2]).abs()
}

#[cfg(test)]
mod tests {
    use super::super::replacement::{Spread, replace_low_bits};
    use super::super::{Detector, photo, planes};
    use super::*;

    #[test]
    fn flipping_a_smooth_group_makes_it_rougher() {
        // 5 and 5 become 4 and 4, or 6 and 6: roughness 0 to 2, both regular.
        let plane = Plane {
            width: 4,
            samples: vec![5; 4],
        };
        let balance = balance(&plane, 0);
        assert_eq!((balance.positive, balance.negative), (1.0, 1.0));
    }

    #[test]
    fn a_clean_photo_is_estimated_as_clean() {
        let found = Detector::Rs.estimate(&planes(&photo::real()));
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
            let found = Detector::Rs.estimate(&planes(&picture));
            assert!((found - share).abs() < 0.08, "{share} {spread:?}: {found}");
        }
    }
}
