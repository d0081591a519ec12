//! Embedding and extracting in memory, against copying the same samples and against the `steganography` crate.

use anyhow::Context as _;
use cameo_common::codec::{CodecKey, HideOptions, Picture, capacity, embed, extract};
use image_021::{DynamicImage, ImageBuffer};
use rayon::prelude::*;
use steganography::encoder::Encoder;

use super::Bench;
use super::photos;
use crate::bench::figure::Figure;
use crate::bench::runs::Runs;

/// What one thread copies at a time.
const PIECE: usize = 1 << 20;

/// All figures of work in memory.
pub fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let megapixels = bench.extent.megapixels;
    eprintln!("in memory, {megapixels} MP");
    let options = HideOptions::default();
    let key = CodecKey::from_bytes([7; CodecKey::BYTES]);
    let cover = photos::with_pixels(
        &photos::largest(&bench.photos).picture,
        f64::from(megapixels) * 1e6,
    )?;
    let payload = photos::random_bytes(capacity(cover.width(), cover.height(), &options) as usize);
    let mut to = vec![1u8; cover.samples().len()];
    let [mut embedding, mut extracting, mut copying, mut theirs] =
        [(); 4].map(|()| Runs::default());
    // The first run touches all memory and is not counted.
    for run in 0..=bench.extent.memory_runs {
        let mut runs = [(); 4].map(|()| Runs::default());
        let given = cover.clone();
        let carrier = runs[0].time(|| embed(given, &payload, &key, &options))?;
        runs[1].time(|| copy(cover.samples(), &mut to));
        let found = runs[2].time(|| extract(carrier, &key))?;
        anyhow::ensure!(found == payload, "extract does not give what was embedded");
        runs[3].push(steganography_ms(&cover, &payload)?);
        if run > 0 {
            for (all, this) in [&mut embedding, &mut copying, &mut extracting, &mut theirs]
                .into_iter()
                .zip(&runs)
            {
                all.push(this.median());
            }
        }
    }
    let note = format!(
        "{} threads, {} bytes at k = 2, the full load",
        bench.extent.threads,
        payload.len()
    );
    let name = |verb: &str, peer: &str| format!("{verb}_{megapixels}mp_vs_{peer}");
    bench.add(Figure::cost(
        name("embed", "memcpy"),
        &embedding,
        "memcpy",
        &copying,
        &note,
    ));
    bench.add(Figure::cost(
        name("extract", "memcpy"),
        &extracting,
        "memcpy",
        &copying,
        &note,
    ));
    let note = format!("{note}; theirs: Encoder::new and encode_alpha on RGBA, one thread");
    bench.add(Figure::speed(
        name("embed", "steganography_crate"),
        &embedding,
        "steganography",
        &theirs,
        &note,
    ));
    Ok(())
}

/// A copy on all threads of the pool into memory that was touched before: the fastest that these samples move.
fn copy(from: &[u8], to: &mut [u8]) {
    to.par_chunks_mut(PIECE)
        .zip(from.par_chunks(PIECE))
        .for_each(|(to, from)| to.copy_from_slice(from));
    std::hint::black_box(to);
}

/// The `steganography` crate's way, as the codec's `alpha` uses it.
fn steganography_ms(cover: &Picture, payload: &[u8]) -> anyhow::Result<f64> {
    let (width, height) = cover.size();
    let pixels = cover.clone().with_alpha().into_samples();
    let image = ImageBuffer::from_raw(width, height, pixels).context("four samples a pixel")?;
    let image = DynamicImage::ImageRgba8(image);
    let mut runs = Runs::default();
    let carrier = runs.time(|| Encoder::new(payload, image).encode_alpha());
    let mut alphas = carrier.chunks_exact(4).map(|pixel| pixel[3]);
    anyhow::ensure!(
        payload.iter().all(|byte| alphas.next() == Some(*byte)),
        "the steganography crate did not embed"
    );
    Ok(runs.median())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_copies_everything() {
        let from = photos::random_bytes(3 * PIECE + 5);
        let mut to = vec![0; from.len()];
        copy(&from, &mut to);
        assert_eq!(from, to);
    }
}
