//! From a photo file to its carrier's PNG in one process, with its stages: an owner's waiting time
//! without the network.

use anyhow::ensure;
use cameo_codec::{
    CodecKey, HideOptions, Picture, default_cover_from_file, embed, png, preview, reveal,
};
use cameo_common::ids::GrantId;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{PhotoInfo, seal_photo};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::Bench;
use super::photos;
use crate::figure::Figure;
use crate::runs::Runs;

/// Stages in their order. The codec decodes and scales in one step.
const STAGES: [&str; 5] = ["decode_scale", "seal", "cover", "embed", "encode"];

/// Figures of the whole path. Returns the carrier for further measurements.
pub fn measure(bench: &mut Bench) -> anyhow::Result<Picture> {
    let megapixels = bench.sizes.megapixels;
    eprintln!("photo to carrier, {megapixels} MP");
    let photo = photos::nearest(&bench.photos, f64::from(megapixels) * 1e6);
    let picture = photos::with_pixels(&photo.picture, f64::from(megapixels) * 1e6)?;
    let file = photos::camera_jpeg(&picture, bench.sizes.photo_bytes)?;
    let mut stages = [(); STAGES.len()].map(|()| Runs::default());
    let mut whole = Runs::default();
    let mut last = None;
    for run in 0..=bench.sizes.memory_runs.min(7) {
        let mut this = [(); STAGES.len()].map(|()| Runs::default());
        let mut total = Runs::default();
        let done = total.time(|| once(&file, &mut this))?;
        if run > 0 {
            whole.push(total.median());
            for (all, this) in stages.iter_mut().zip(&this) {
                all.push(this.median());
            }
        }
        last = Some(done);
    }
    let Some(Carrier {
        file: carrier,
        payload,
    }) = last
    else {
        anyhow::bail!("there was no run");
    };
    ensure!(
        reveal(&carrier, &key())? == payload,
        "the carrier does not open"
    );
    let note = format!(
        "{}, {}x{}, as a JPEG of {} bytes; its carrier has {}; {} threads, one process",
        photo.name,
        picture.width(),
        picture.height(),
        file.len(),
        carrier.len(),
        bench.sizes.threads
    );
    let name = format!("photo_to_carrier_{megapixels}mp");
    bench.add(Figure::time(format!("{name}_ms"), &whole, &note));
    for (stage, runs) in STAGES.iter().zip(&stages) {
        bench.add(Figure::time(format!("{name}_{stage}_ms"), runs, ""));
    }
    Ok(png::read(&carrier)?)
}

struct Carrier {
    file: Vec<u8>,
    payload: Vec<u8>,
}

fn key() -> CodecKey {
    CodecKey::from_bytes([9; CodecKey::BYTES])
}

fn once(photo: &[u8], stages: &mut [Runs; STAGES.len()]) -> anyhow::Result<Carrier> {
    let options = HideOptions::default();
    let viewer = SealingSecret::from_bytes([5; 32]).public();
    let mut rng = StdRng::seed_from_u64(3);
    let small = stages[0].time(|| preview(photo))?;
    let info = PhotoInfo {
        name: "photo.jpg".into(),
        media_type: small.media_type.clone(),
    };
    let sealed =
        stages[1].time(|| seal_photo(&mut rng, &GrantId([1; 32]), &viewer, &info, photo))?;
    let payload = sealed.payload;
    let cover =
        stages[2].time(|| default_cover_from_file(&small.jpeg, None, payload.len(), &options))?;
    let carrier = stages[3].time(|| embed(cover, &payload, &key(), &options))?;
    let file = stages[4].time(|| png::write(&carrier));
    Ok(Carrier { file, payload })
}
