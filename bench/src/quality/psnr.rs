//! Peak signal-to-noise ratio over all samples, with a peak of 255.

use rayon::prelude::*;

/// PSNR in dB; infinite when the samples are equal. Panics when the lengths differ.
pub fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len(), "compared pictures have one size");
    let squares: u64 = a
        .par_chunks(1 << 20)
        .zip(b.par_chunks(1 << 20))
        .map(|(a, b)| {
            a.iter()
                .zip(b)
                .map(|(&a, &b)| u64::from(u32::from(a.abs_diff(b)).pow(2)))
                .sum::<u64>()
        })
        .sum();
    let mean = squares as f64 / a.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_have_no_noise() {
        assert_eq!(psnr(&[1, 2, 3], &[1, 2, 3]), f64::INFINITY);
    }

    #[test]
    fn small_cases_match_results_by_hand() {
        // Mean square 1: 20 log10(255). Mean square 255^2: 0. One sample of four off by 2: mean
        // square 1.
        assert!((psnr(&[10; 9], &[11; 9]) - 48.1308).abs() < 1e-4);
        assert!(psnr(&[0; 5], &[255; 5]).abs() < 1e-9);
        assert!((psnr(&[7, 7, 7, 7], &[7, 9, 7, 7]) - 48.1308).abs() < 1e-4);
    }

    #[test]
    fn psnr_is_symmetric() {
        let (a, b) = ([1, 50, 200, 4], [3, 40, 201, 4]);
        assert_eq!(psnr(&a, &b), psnr(&b, &a));
    }
}
