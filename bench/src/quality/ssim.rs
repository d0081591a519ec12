//! Structural similarity: Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error
//! visibility to structural similarity", IEEE Transactions on Image Processing 13(4), 2004.
//!
//! As in the paper: an 11x11 Gaussian window of sigma 1.5, only where it lies wholly inside, K1 =
//! 0.01, K2 = 0.03, L = 255, and the mean over all positions. The window is separable, so rows and
//! columns are weighted one after the other. The goals apply to the value on luma.

use cameo_codec::Picture;
use rayon::prelude::*;

const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// Weighted sums over a window: of a, b, a squared, b squared, a times b.
type Moments = [f64; 5];

/// SSIM of two planes of one size; 1 when they are equal. Panics when the planes do not have
/// `width` times `height` values, or are smaller than the window.
pub fn ssim(a: &[f32], b: &[f32], (width, height): (u32, u32)) -> f64 {
    let (width, height) = (width as usize, height as usize);
    assert!(a.len() == width * height && b.len() == a.len());
    assert!(
        width >= WINDOW && height >= WINDOW,
        "a picture is at least as large as the window"
    );
    let weights = weights();
    let places = (width - WINDOW + 1) * (height - WINDOW + 1);
    let sum: f64 = (0..height - WINDOW + 1)
        .into_par_iter()
        .map_init(
            || vec![[0.0; 5]; width],
            |columns, y| {
                weigh_columns(columns, &weights, &a[y * width..], &b[y * width..]);
                columns
                    .windows(WINDOW)
                    .map(|window| at(window, &weights))
                    .sum::<f64>()
            },
        )
        .sum();
    sum / places as f64
}

/// The mean of [`ssim()`] over red, green and blue.
pub fn mean_rgb_ssim(a: &Picture, b: &Picture) -> f64 {
    let plane = |picture: &Picture, at: usize| -> Vec<f32> {
        let pixels = picture.samples().chunks_exact(picture.channels().count());
        pixels.map(|pixel| f32::from(pixel[at])).collect()
    };
    let of = |at: usize| ssim(&plane(a, at), &plane(b, at), a.size());
    (of(0) + of(1) + of(2)) / 3.0
}

fn weights() -> [f64; WINDOW] {
    let middle = (WINDOW / 2) as f64;
    let raw: [f64; WINDOW] =
        std::array::from_fn(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = raw.iter().sum();
    raw.map(|weight| weight / sum)
}

/// Moments of each column of a band of eleven rows. Values are shifted by the middle of their
/// range, which changes the means only and keeps the squares small.
fn weigh_columns(columns: &mut [Moments], weights: &[f64; WINDOW], a: &[f32], b: &[f32]) {
    let width = columns.len();
    columns.fill([0.0; 5]);
    for (row, weight) in weights.iter().enumerate() {
        let rows = a[row * width..].iter().zip(&b[row * width..]);
        for (moments, (&a, &b)) in columns.iter_mut().zip(rows) {
            let (a, b) = (f64::from(a) - 128.0, f64::from(b) - 128.0);
            let (wa, wb) = (weight * a, weight * b);
            moments[0] += wa;
            moments[1] += wb;
            moments[2] += wa * a;
            moments[3] += wb * b;
            moments[4] += wa * b;
        }
    }
}

fn at(window: &[Moments], weights: &[f64; WINDOW]) -> f64 {
    let mut sum = [0.0; 5];
    for (moments, weight) in window.iter().zip(weights) {
        for (sum, moment) in sum.iter_mut().zip(moments) {
            *sum += weight * moment;
        }
    }
    let [a, b, aa, bb, ab] = sum;
    let (variances, covariance) = (aa - a * a + bb - b * b, ab - a * b);
    let (a, b) = (a + 128.0, b + 128.0);
    (2.0 * a * b + C1) * (2.0 * covariance + C2) / ((a * a + b * b + C1) * (variances + C2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An 11x11 plane, which has exactly one window.
    fn one_window(value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..121).map(|i| value(i % 11, i / 11)).collect()
    }

    #[test]
    fn equal_pictures_have_ssim_1() {
        let a: Vec<f32> = (0..20 * 15).map(|i| ((i * 37) % 256) as f32).collect();
        assert!((ssim(&a, &a, (20, 15)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ssim_is_symmetric() {
        let a: Vec<f32> = (0..20 * 15).map(|i| ((i * 37) % 256) as f32).collect();
        let b: Vec<f32> = (0..20 * 15).map(|i| ((i * 91) % 256) as f32).collect();
        let (there, back) = (ssim(&a, &b, (20, 15)), ssim(&b, &a, (20, 15)));
        assert!(
            (there - back).abs() < 1e-12 && there < 0.5,
            "{there} {back}"
        );
    }

    #[test]
    fn a_constant_shift_of_a_flat_picture_changes_the_luminance_term_alone() {
        let (a, b) = (one_window(|_, _| 100.0), one_window(|_, _| 110.0));
        let expected = (2.0 * 100.0 * 110.0 + C1) / (100.0f64.powi(2) + 110.0f64.powi(2) + C1);
        assert!((ssim(&a, &b, (11, 11)) - expected).abs() < 1e-9);
    }

    #[test]
    fn one_window_matches_the_result_by_hand() {
        // Alternating columns of 0 and 255, compared with their opposite. w is the weight of the
        // odd columns: both variances are w (1 - w) 255^2, and the covariance is its negative.
        let weights = weights();
        let w: f64 = (0..11).filter(|i| i % 2 == 1).map(|i| weights[i]).sum();
        let a = one_window(|x, _| if x % 2 == 1 { 255.0 } else { 0.0 });
        let b = one_window(|x, _| if x % 2 == 1 { 0.0 } else { 255.0 });
        let (mean_a, mean_b) = (255.0 * w, 255.0 * (1.0 - w));
        let variance = 255.0 * 255.0 * w * (1.0 - w);
        let expected = (2.0 * mean_a * mean_b + C1) * (C2 - 2.0 * variance)
            / ((mean_a.powi(2) + mean_b.powi(2) + C1) * (2.0 * variance + C2));
        assert!((ssim(&a, &b, (11, 11)) - expected).abs() < 1e-9);
        assert!(
            expected < -0.9,
            "opposite pictures are as unlike as can be: {expected}"
        );
    }
}
