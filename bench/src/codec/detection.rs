//! Results of simple steganalysis on clean covers, our carriers, plain replacement, and carriers of
//! peers.

use std::path::Path;

use anyhow::Context as _;
use cameo_codec::{CodecKey, HideOptions, Picture, capacity, embed};

use super::Bench;
use super::photos::{self, random_bytes};
use super::process_runs::run;
use super::processes;
use super::program::{Kind, Program};
use crate::figure::Figure;
use crate::steganalysis::replacement::{Spread, replace_low_bits};
use crate::steganalysis::{Detector, planes};

const LOADS: [u32; 3] = [10, 50, 100];

/// All figures of steganalysis, named `<detector>_<cover>_<method>_<load in percent>`.
pub fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let wanted = bench.sizes.steganalysis_megapixels * 1e6;
    let photo = photos::nearest(&bench.photos, 12e6).clone();
    let as_photo = photos::with_pixels(&photo.picture, wanted)?;
    // A default cover has the size that its payload needs, so it is full at k = 2.
    let options = HideOptions::default();
    let full = capacity(as_photo.width(), as_photo.height(), &options) as usize;
    let blurred = cameo_codec::default_cover(&photo.picture, None, full, &options)?;
    for (cover, picture) in [("photo", &as_photo), ("blurred", &blurred)] {
        eprintln!("steganalysis, {cover}");
        add_estimates(bench, &format!("{cover}_clean"), picture, "0.00, clean");
        ours(bench, cover, picture)?;
        control(bench, cover, picture);
    }
    steganography_crate(bench, &as_photo)?;
    others(bench, &as_photo)
}

fn add_estimates(bench: &mut Bench, what: &str, picture: &Picture, truth: &str) {
    let planes = planes(picture);
    for detector in Detector::ALL {
        let found = detector.estimate(&planes);
        let name = format!("{}_{what}", detector.name());
        let note = format!("truth: {truth}");
        bench.add(Figure::new(name, found, "share", 1, note));
    }
}

fn ours(bench: &mut Bench, cover: &str, picture: &Picture) -> anyhow::Result<()> {
    let key = CodecKey::from_bytes([13; CodecKey::BYTES]);
    for depth in [1, 2] {
        let options = HideOptions::veil(depth);
        let room = capacity(picture.width(), picture.height(), &options);
        for load in LOADS {
            let payload = random_bytes((room * u64::from(load) / 100) as usize);
            let carrier = embed(picture.clone(), &payload, &key, &options)?;
            let truth = format!("{:.2}, at k = {depth}", f64::from(load) / 100.0);
            add_estimates(
                bench,
                &format!("{cover}_veil_k{depth}_{load}"),
                &carrier,
                &truth,
            );
        }
    }
    Ok(())
}

fn control(bench: &mut Bench, cover: &str, picture: &Picture) {
    for load in LOADS {
        let share = f64::from(load) / 100.0;
        let mut replaced = picture.clone();
        replace_low_bits(&mut replaced, share, 1, Spread::Random);
        add_estimates(
            bench,
            &format!("{cover}_replacement_{load}"),
            &replaced,
            &format!("{share:.2}, plain replacement"),
        );
    }
}

/// Half of the capacity, as for the peers.
fn steganography_crate(bench: &mut Bench, cover: &Picture) -> anyhow::Result<()> {
    let key = CodecKey::from_bytes([13; CodecKey::BYTES]);
    let payload = random_bytes(photos::pixels(cover) / 2);
    let carrier = embed(cover.clone(), &payload, &key, &HideOptions::alpha())?;
    add_estimates(
        bench,
        "photo_steganography_crate_50",
        &carrier,
        "0.50 of the alpha samples, wholly",
    );
    Ok(())
}

fn others(bench: &mut Bench, cover: &Picture) -> anyhow::Result<()> {
    for peer in bench.peers.clone() {
        eprintln!("steganalysis, {}", peer.kind);
        // Half of one low bit of red, green and blue; of two bits for the peer that uses two.
        let half = photos::pixels(cover) * 3 / 8 / 2;
        let payload = match peer.kind {
            Kind::Stegolsb => random_bytes(2 * half),
            Kind::Steghide => random_bytes(bench.sizes.small_payload),
            _ => random_bytes(half),
        };
        match carrier_of(&peer, cover, &payload) {
            Ok(carrier) => {
                let truth = format!(
                    "{} bytes in {} samples",
                    payload.len(),
                    3 * photos::pixels(cover)
                );
                add_estimates(
                    bench,
                    &format!("photo_{}", peer.kind.figure()),
                    &carrier,
                    &truth,
                );
            }
            Err(why) => bench.missing([format!("{}: {why:#}", peer.kind)]),
        }
    }
    Ok(())
}

fn carrier_of(peer: &Program, cover: &Picture, payload: &[u8]) -> anyhow::Result<Picture> {
    let folder = tempfile::tempdir()?;
    let inputs = processes::inputs(folder.path(), payload, cover)?;
    let carrier = folder
        .path()
        .join(format!("carrier.{}", peer.kind.extension()));
    run(&mut peer.hide(
        &inputs.payload,
        inputs.cover(peer.kind),
        &carrier,
        folder.path(),
    ))?;
    read(&carrier)
}

/// Colours of a peer's carrier; its alpha channel carries nothing.
fn read(path: &Path) -> anyhow::Result<Picture> {
    let image = image::open(path).with_context(|| "its carrier cannot be read")?;
    photos::to_picture(image.into_rgb8())
}
