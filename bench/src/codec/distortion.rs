//! Distortion of carriers at full load: PSNR, and SSIM on luma.

use cameo_codec::{CodecKey, HideOptions, capacity, embed};

use super::Bench;
use super::covers::CoverKind;
use super::photos::random_bytes;
use crate::figure::Figure;
use crate::quality::{luma, mean_rgb_ssim, psnr, ssim};
use crate::rounding::round;

/// Results for one kind of cover over all photos.
#[derive(Default)]
struct Found {
    psnr: Vec<f64>,
    ssim: Vec<f64>,
    rgb: Vec<f64>,
}

/// Figures for depths 1 to 3, for the worst photo and the worst kind of cover.
pub fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for depth in 1..=3 {
        let mut worst = [f64::INFINITY; 2];
        let mut looked = 0;
        for kind in CoverKind::ALL {
            eprintln!("quality, k = {depth}, {} covers", kind.name());
            let found = look(bench, kind, depth)?;
            let [psnr, ssim, rgb] = [&found.psnr, &found.ssim, &found.rgb].map(|all| smallest(all));
            worst = [worst[0].min(psnr), worst[1].min(ssim)];
            looked += found.psnr.len();
            let n = found.psnr.len();
            let note = format!(
                "worst of {n} photos, best {}; full load",
                round(largest(&found.psnr))
            );
            bench.add(Figure::new(
                format!("psnr_k{depth}_{}", kind.name()),
                psnr,
                "dB",
                n,
                note,
            ));
            let note = format!(
                "luma, worst of {n} photos, best {:.4}; mean over RGB {rgb:.4}",
                largest(&found.ssim)
            );
            bench.add(Figure::new(
                format!("ssim_k{depth}_{}", kind.name()),
                ssim,
                "",
                n,
                note,
            ));
        }
        let note = "the worst photo on the worse kind of cover, minimal area, full load";
        bench.add(Figure::new(
            format!("psnr_k{depth}"),
            worst[0],
            "dB",
            looked,
            note,
        ));
        let note = format!("{note}; on luma, 11x11 Gaussian window");
        bench.add(Figure::new(
            format!("ssim_k{depth}"),
            worst[1],
            "",
            looked,
            note,
        ));
    }
    Ok(())
}

fn look(bench: &Bench, kind: CoverKind, depth: u8) -> anyhow::Result<Found> {
    let options = HideOptions::veil(depth);
    let key = CodecKey::from_bytes([11; CodecKey::BYTES]);
    let mut found = Found::default();
    for photo in bench.photos.iter().take(bench.sizes.quality_photos) {
        let cover = kind.make(photo, bench.sizes.photo_bytes, &options)?;
        let payload = random_bytes(capacity(cover.width(), cover.height(), &options) as usize);
        let carrier = embed(cover.clone(), &payload, &key, &options)?;
        found.psnr.push(psnr(cover.samples(), carrier.samples()));
        found
            .ssim
            .push(ssim(&luma(&cover), &luma(&carrier), cover.size()));
        found.rgb.push(mean_rgb_ssim(&cover, &carrier));
    }
    Ok(found)
}

fn smallest(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::INFINITY, f64::min)
}

fn largest(all: &[f64]) -> f64 {
    all.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
