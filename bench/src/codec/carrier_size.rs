//! Carrier size relative to its payload: the default cover of each photo, k = 2.

use cameo_codec::{CodecKey, HideOptions, embed, png};

use super::Bench;
use super::covers::CoverKind;
use super::photos::random_bytes;
use crate::figure::Figure;
use crate::rounding::round;

/// Reports the worst photo: the more detail a thumbnail has, the larger the carrier.
pub fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    eprintln!("carrier size");
    let options = HideOptions::default();
    let key = CodecKey::from_bytes([11; CodecKey::BYTES]);
    let payload = random_bytes(bench.sizes.photo_bytes);
    let mut ratios = Vec::new();
    for photo in bench.photos.iter().take(bench.sizes.quality_photos) {
        let cover = CoverKind::Blurred.make(photo, payload.len(), &options)?;
        let carrier = png::write(&embed(cover, &payload, &key, &options)?);
        ratios.push(carrier.len() as f64 / payload.len() as f64);
    }
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    let best = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let note = format!(
        "bytes of PNG for a byte of a payload of {} on its default cover: the worst of {} photos, \
         best {}",
        payload.len(),
        ratios.len(),
        round(best)
    );
    bench.add(Figure::new(
        "carrier_vs_payload_k2",
        worst,
        "x",
        ratios.len(),
        note,
    ));
    Ok(())
}
