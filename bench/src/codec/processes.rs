//! Whole processes: hide and reveal compared with other programs, and the peak memory of hiding.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use cameo_codec::Picture;
use image::ImageFormat;

use super::Bench;
use super::photos::{self, Photo};
use super::process_runs::{ProcessInputs, ProgramRuns, run, run_alternately};
use super::program::{Kind, Program};
use crate::figure::Figure;
use crate::peak_memory::peak_mb;
use crate::runs::Runs;

/// All figures of whole processes; none when our own program is missing.
pub fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let Some(ours) = bench.cameo.clone() else {
        return Ok(());
    };
    for megapixels in bench.sizes.process_megapixels.clone() {
        eprintln!("whole processes, {megapixels} MP");
        let folder = tempfile::tempdir()?;
        let photo = payload_photo(&bench.photos, megapixels);
        let cover = photos::with_pixels(
            &photos::largest(&bench.photos).picture,
            f64::from(megapixels) * 1e6,
        )?;
        let inputs = inputs(folder.path(), &photo.file, &cover)?;
        let conditions = format!(
            "{} bytes ({}) in a {}x{} PNG",
            photo.file.len(),
            photo.name,
            cover.width(),
            cover.height()
        );
        let peers: Vec<Program> = bench
            .peers
            .iter()
            .filter(|peer| peer.kind != Kind::Steghide)
            .cloned()
            .collect();
        let mut programs = vec![ours.clone()];
        programs.extend(peers);
        compare(bench, &programs, &inputs, megapixels, &conditions)?;
        small_payload(bench, &ours, &cover, megapixels)?;
        if Some(&megapixels) == bench.sizes.process_megapixels.last() {
            peak(bench, &ours, &inputs, megapixels, &conditions)?;
        }
    }
    Ok(())
}

/// The largest photo file that fits into one low bit of red, green and blue, with room for the
/// overhead of programs.
fn payload_photo(photos: &[Photo], megapixels: u32) -> &Photo {
    let room = megapixels as usize * 1_000_000 * 3 / 8 * 9 / 10;
    let fits =
        |photo: &&Photo| photo.file.len() <= room && photo.name != photos::largest(photos).name;
    let smallest = || photos.iter().min_by_key(|photo| photo.file.len());
    photos
        .iter()
        .filter(fits)
        .max_by_key(|photo| photo.file.len())
        .or_else(smallest)
        .unwrap_or(&photos[0])
}

pub fn inputs(folder: &Path, payload: &[u8], cover: &Picture) -> anyhow::Result<ProcessInputs> {
    let inputs = ProcessInputs {
        payload: folder.join("payload.jpg"),
        covers: [folder.join("cover.png"), folder.join("cover.bmp")],
        folder: folder.to_owned(),
    };
    fs::write(&inputs.payload, payload)?;
    // Not written with our own encoder, since its strips would let our decoder use all processors.
    let image = photos::to_image(cover)?;
    image.save_with_format(&inputs.covers[0], ImageFormat::Png)?;
    image.save_with_format(&inputs.covers[1], ImageFormat::Bmp)?;
    Ok(inputs)
}

fn compare(
    bench: &mut Bench,
    programs: &[Program],
    inputs: &ProcessInputs,
    megapixels: u32,
    conditions: &str,
) -> anyhow::Result<()> {
    let (results, failed) = run_alternately(programs, inputs, bench.sizes.process_runs)?;
    bench.missing(failed);
    let ours = results
        .iter()
        .find(|result| result.kind == Kind::Cameo)
        .context("ours must not fail")?;
    bench.add(Figure::time(
        format!("hide_{megapixels}mp_ms"),
        &ours.hide,
        conditions,
    ));
    bench.add(Figure::time(
        format!("reveal_{megapixels}mp_ms"),
        &ours.reveal,
        conditions,
    ));
    for peer in results.iter().filter(|result| result.kind != Kind::Cameo) {
        against(bench, ours, peer, megapixels, conditions);
    }
    Ok(())
}

fn against(
    bench: &mut Bench,
    ours: &ProgramRuns,
    peer: &ProgramRuns,
    megapixels: u32,
    conditions: &str,
) {
    let sides: [(&str, &Runs, &Runs); 2] = [
        ("hide", &ours.hide, &peer.hide),
        ("reveal", &ours.reveal, &peer.reveal),
    ];
    for (verb, ours, theirs) in sides {
        let name = format!("{verb}_{megapixels}mp_vs_{}", peer.kind.figure());
        bench.add(Figure::speed(
            name,
            ours,
            peer.kind.command(),
            theirs,
            conditions,
        ));
    }
}

/// Compares with steghide, which needs minutes where others need a second, so both get a smaller
/// payload.
fn small_payload(
    bench: &mut Bench,
    ours: &Program,
    cover: &Picture,
    megapixels: u32,
) -> anyhow::Result<()> {
    let Some(steghide) = bench
        .peers
        .iter()
        .find(|peer| peer.kind == Kind::Steghide)
        .cloned()
    else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let inputs = inputs(
        folder.path(),
        &photos::random_bytes(bench.sizes.small_payload),
        cover,
    )?;
    let runs = bench.sizes.process_runs.min(2);
    let (results, failed) = run_alternately(&[ours.clone(), steghide], &inputs, runs)?;
    bench.missing(failed);
    if let [ours, theirs] = &results[..] {
        let conditions = format!(
            "{} bytes only; its cover is a BMP, ours a PNG",
            bench.sizes.small_payload
        );
        against(bench, ours, theirs, megapixels, &conditions);
    }
    Ok(())
}

fn peak(
    bench: &mut Bench,
    ours: &Program,
    inputs: &ProcessInputs,
    megapixels: u32,
    conditions: &str,
) -> anyhow::Result<()> {
    let mut peaks = Vec::new();
    for _ in 0..bench.sizes.process_runs.min(3) {
        let folder = tempfile::tempdir_in(&inputs.folder)?;
        let carrier = folder.path().join("carrier.png");
        peaks.push(peak_mb(&ours.hide(
            &inputs.payload,
            &inputs.covers[0],
            &carrier,
            folder.path(),
        ))?);
    }
    let largest = peaks.iter().copied().fold(0.0, f64::max);
    let note = format!(
        "largest resident set, the most of {} runs; {conditions}",
        peaks.len()
    );
    bench.add(Figure::new(
        format!("hide_{megapixels}mp_peak_mb"),
        largest,
        "MB",
        peaks.len(),
        note,
    ));
    Ok(())
}

/// Our own program, if this build has `hide`; otherwise the reason.
pub fn find_cameo(named: Option<&Path>) -> Result<Program, String> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            cameo_harness::Binaries::build()
                .map_err(|why| format!("cameo: {why}"))?
                .client
        }
    };
    let program = Program {
        kind: Kind::Cameo,
        path,
    };
    let mut ask = std::process::Command::new(&program.path);
    match run(ask.args(["hide", "--help"])) {
        Ok(()) => Ok(program),
        Err(why) => Err(format!("cameo: it has no `hide`: {why:#}")),
    }
}
