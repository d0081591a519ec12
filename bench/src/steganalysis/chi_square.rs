//! The chi-square attack: Westfeld and Pfitzmann, "Attacks on Steganographic Systems", Information
//! Hiding 1999.
//!
//! Replacing lowest bits makes the values 2i and 2i + 1 equally frequent. The attack computes how
//! probable the observed frequencies are under that assumption, over a growing part of the picture
//! from its top. It detects sequential embedding and full pictures, not sparse random embedding.

use super::plane::Plane;

/// Pairs with fewer expected occurrences are ignored; the paper merges them.
const LEAST_EXPECTED: f64 = 4.0;

/// Number of steps by which the part of the picture grows.
const STEPS: usize = 50;

/// The largest part from the top that looks embedded with a probability above one half.
pub fn estimate(plane: &Plane) -> f64 {
    let mut histogram = [0; 256];
    let mut largest = 0;
    let mut counted = 0;
    for step in 1..=STEPS {
        let end = plane.samples.len() * step / STEPS;
        for &sample in &plane.samples[counted..end] {
            histogram[usize::from(sample)] += 1;
        }
        counted = end;
        if probability(&histogram) > 0.5 {
            largest = step;
        }
    }
    largest as f64 / STEPS as f64
}

/// Probability of embedding: near 1 when the values of each pair are equally frequent.
pub fn probability(histogram: &[u64; 256]) -> f64 {
    let mut chi_square = 0.0;
    let mut categories = 0;
    for pair in histogram.chunks_exact(2) {
        let expected = (pair[0] + pair[1]) as f64 / 2.0;
        if expected > LEAST_EXPECTED {
            chi_square += (pair[0] as f64 - expected).powi(2) / expected;
            categories += 1;
        }
    }
    if categories < 2 {
        return 0.0;
    }
    above(chi_square, categories - 1)
}

/// Probability that a chi-square variable of `freedom` degrees is above `value`: the regularised
/// upper incomplete gamma function Q(freedom / 2, value / 2), by its series or its continued
/// fraction (Lentz).
fn above(value: f64, freedom: u32) -> f64 {
    let (a, x) = (f64::from(freedom) / 2.0, value / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma_of_half(freedom)).exp();
    if x < a + 1.0 {
        let mut term = 1.0 / a;
        let mut sum = term;
        for n in 1..1000 {
            term *= x / (a + f64::from(n));
            sum += term;
        }
        return 1.0 - scale * sum;
    }
    let mut b = x + 1.0 - a;
    let mut c = f64::MAX;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for n in 1..1000 {
        let n = f64::from(n);
        let numerator = -n * (n - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= d * c;
    }
    scale * fraction
}

/// ln of gamma(n / 2), by recurrence from gamma(1/2) or gamma(1).
fn ln_gamma_of_half(n: u32) -> f64 {
    let (start, mut ln) = match n % 2 {
        1 => (1, std::f64::consts::PI.sqrt().ln()),
        _ => (2, 0.0),
    };
    for k in (start..n).step_by(2) {
        ln += (f64::from(k) / 2.0).ln();
    }
    ln
}

#[cfg(test)]
mod tests {
    use super::super::replacement::{Spread, replace_low_bits};
    use super::super::{Detector, photo, planes};
    use super::*;

    #[test]
    fn the_distribution_matches_tables() {
        // Critical values at 5 % and 50 % from any table of the chi-square distribution.
        for (value, freedom, expected) in [
            (3.841, 1, 0.05),
            (5.991, 2, 0.05),
            (18.307, 10, 0.05),
            (9.342, 10, 0.5),
            (124.342, 100, 0.05),
            (99.334, 100, 0.5),
        ] {
            let got = above(value, freedom);
            assert!((got - expected).abs() < 2e-4, "{value} {freedom}: {got}");
        }
    }

    #[test]
    fn equal_pairs_look_embedded_and_unequal_ones_do_not() {
        assert!(probability(&[1000; 256]) > 0.999);
        let steep = std::array::from_fn(|i| 1000 + 100 * (i as u64 % 2));
        assert!(probability(&steep) < 1e-6);
        assert_eq!(probability(&[0; 256]), 0.0);
    }

    #[test]
    fn a_clean_photo_is_estimated_as_clean() {
        let found = Detector::ChiSquare.estimate(&planes(&photo::real()));
        assert!(found < 0.1, "{found}");
    }

    #[test]
    fn the_end_of_sequential_replacement_is_found() {
        for share in [0.3, 0.6, 1.0] {
            let mut picture = photo::real();
            replace_low_bits(&mut picture, share, 1, Spread::InOrder);
            let found = Detector::ChiSquare.estimate(&planes(&picture));
            assert!((found - share).abs() < 0.1, "{share}: {found}");
        }
    }
}
