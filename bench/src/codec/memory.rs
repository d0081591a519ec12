//! Embedding and extracting in memory, compared with copying the same samples and with the
//! `steganography` crate.

use anyhow::{Context as _, ensure};
use cameo_codec::{CodecKey, HideOptions, Picture, capacity, embed, extract};
use image_021::{DynamicImage, ImageBuffer};
use rayon::prelude::*;
use steganography::encoder::Encoder;

use super::Bench;
use super::photos;
use crate::figure::Figure;
use crate::runs::Runs;

/// Bytes that one thread copies at a time.
const PIECE: usize = 1 << 20;

/// Times of the operations that alternate in each run.
#[derive(Default)]
struct Times {
    embed: Runs,
    memcpy: Runs,
    extract: Runs,
    theirs: Runs,
}

/// All figures of work in memory.
pub fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let megapixels = bench.sizes.megapixels;
    eprintln!("in memory, {megapixels} MP");
    let wanted = f64::from(megapixels) * 1e6;
    let cover = photos::with_pixels(&photos::largest(&bench.photos).picture, wanted)?;
    let room = capacity(cover.width(), cover.height(), &HideOptions::default());
    let payload = photos::random_bytes(room as usize);
    let mut to = vec![1u8; cover.samples().len()];
    // Warm-up: touches all memory and is not counted.
    once(&cover, &payload, &mut to, &mut Times::default())?;
    let mut times = Times::default();
    for _ in 0..bench.sizes.memory_runs {
        once(&cover, &payload, &mut to, &mut times)?;
    }
    let note = format!(
        "{} threads, {} bytes at k = 2, the full load",
        bench.sizes.threads,
        payload.len()
    );
    let name = |verb: &str, peer: &str| format!("{verb}_{megapixels}mp_vs_{peer}");
    for (verb, ours) in [("embed", &times.embed), ("extract", &times.extract)] {
        let figure = Figure::cost(name(verb, "memcpy"), ours, "memcpy", &times.memcpy, &note);
        bench.add(figure);
    }
    let note = format!("{note}; theirs: Encoder::new and encode_alpha on RGBA, one thread");
    bench.add(Figure::speed(
        name("embed", "steganography_crate"),
        &times.embed,
        "steganography",
        &times.theirs,
        &note,
    ));
    Ok(())
}

fn once(cover: &Picture, payload: &[u8], to: &mut [u8], times: &mut Times) -> anyhow::Result<()> {
    let key = CodecKey::from_bytes([7; CodecKey::BYTES]);
    let options = HideOptions::default();
    let given = cover.clone();
    let carrier = times.embed.time(|| embed(given, payload, &key, &options))?;
    times.memcpy.time(|| copy(cover.samples(), to));
    let found = times.extract.time(|| extract(&carrier, &key))?;
    ensure!(
        found == payload,
        "the extracted payload differs from the embedded one"
    );
    steganography(cover, payload, &mut times.theirs)
}

/// Copies on all threads of the pool into memory that was touched before: the fastest possible
/// transfer.
fn copy(from: &[u8], to: &mut [u8]) {
    to.par_chunks_mut(PIECE)
        .zip(from.par_chunks(PIECE))
        .for_each(|(to, from)| to.copy_from_slice(from));
    std::hint::black_box(to);
}

/// Embeds with the `steganography` crate, as the codec's `alpha` does.
fn steganography(cover: &Picture, payload: &[u8], runs: &mut Runs) -> anyhow::Result<()> {
    let (width, height) = cover.size();
    let pixels = cover.clone().with_alpha().into_samples();
    let image = ImageBuffer::from_raw(width, height, pixels).context("four samples a pixel")?;
    let image = DynamicImage::ImageRgba8(image);
    let carrier = runs.time(|| Encoder::new(payload, image).encode_alpha());
    let mut alphas = carrier.chunks_exact(4).map(|pixel| pixel[3]);
    ensure!(
        payload.iter().all(|byte| alphas.next() == Some(*byte)),
        "the steganography crate did not embed"
    );
    Ok(())
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
