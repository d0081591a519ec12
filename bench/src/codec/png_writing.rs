//! Writing a carrier's PNG, compared with the `png` crate's fast setting: time and size.

use anyhow::ensure;
use cameo_codec::{Picture, png};

use super::Bench;
use crate::figure::Figure;
use crate::runs::Runs;

/// Figures of writing this carrier.
pub fn measure(bench: &mut Bench, carrier: &Picture) -> anyhow::Result<()> {
    eprintln!("writing PNG");
    let [mut ours, mut theirs] = [(); 2].map(|()| Runs::default());
    let [mut our_file, mut their_file] = [Vec::new(), Vec::new()];
    for run in 0..=bench.sizes.memory_runs {
        let mut runs = [(); 2].map(|()| Runs::default());
        our_file = runs[0].time(|| png::write(carrier));
        their_file = runs[1].time(|| write_fast(carrier))?;
        if run > 0 {
            ours.push(runs[0].median());
            theirs.push(runs[1].median());
        }
    }
    // Checked with another decoder.
    let read = image::load_from_memory(&our_file)?.into_rgb8();
    ensure!(
        read.as_raw() == carrier.samples(),
        "an independent decoder reads different samples"
    );
    let threads = bench.sizes.threads;
    let note = format!(
        "a {}x{} carrier at k = 2; ours on {threads} threads, theirs on the one it can use",
        carrier.width(),
        carrier.height()
    );
    bench.add(Figure::cost(
        "png_time_vs_png_fast",
        &ours,
        "png fast",
        &theirs,
        &note,
    ));
    let note = format!(
        "ours {} bytes, png fast {} bytes",
        our_file.len(),
        their_file.len()
    );
    let ratio = our_file.len() as f64 / their_file.len() as f64;
    bench.add(Figure::new("png_size_vs_png_fast", ratio, "x", 1, note));
    Ok(())
}

fn write_fast(picture: &Picture) -> Result<Vec<u8>, ::png::EncodingError> {
    let mut file = Vec::with_capacity(picture.samples().len());
    let mut encoder = ::png::Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.samples())?;
    writer.finish()?;
    Ok(file)
}
