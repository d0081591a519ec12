//! Pictures of every common kind, as other programs write them, look here as they look elsewhere:
//! previews and covers have the colours, the turn and the size that a viewer shows.
//!
//! `tests/world/make.py` makes them with Pillow, and says what is right for each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cameo_codec::{DecodeError, HideOptions, PreviewError, cover_from_picture, preview};
use image::{ImageFormat, RgbImage, imageops};

use crate::other_decoders::is_installed;

/// Least likeness of a cover to what a viewer shows, in dB.
const COVER_DB: f64 = 38.0;
/// The same of a preview, which is a JPEG. Small ones have few smooth parts.
const PREVIEW_DB: f64 = 38.0;
const SMALL_PREVIEW_DB: f64 = 35.0;
const SMALL_PIXELS: u32 = 5_000;

fn made() -> Option<PathBuf> {
    let python = env::var("CAMEO_PILLOW_PYTHON").unwrap_or("python3".into());
    let mut probe = Command::new(&python);
    probe.args(["-c", "import PIL.Image"]);
    if !is_installed("Pillow", &mut probe)
        || !is_installed("cjpeg", Command::new("cjpeg").arg("-version"))
    {
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("world");
    let _ = fs::remove_dir_all(&folder);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/world/make.py");
    let made = Command::new(python).arg(script).arg(&folder).status();
    assert!(made.unwrap().success());
    Some(folder)
}

fn likeness(one: &RgbImage, other: &RgbImage) -> f64 {
    if one.dimensions() != other.dimensions() {
        return 0.0;
    }
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let squares: f64 = pairs
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    let mean = squares / one.as_raw().len() as f64;
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}

fn cover(file: &[u8]) -> Result<RgbImage, String> {
    let cover = cover_from_picture(file, 0, &HideOptions::veil(4));
    let cover = cover.map_err(|error| error.to_string())?;
    let (width, height) = cover.size();
    Ok(RgbImage::from_raw(width, height, cover.into_samples()).unwrap())
}

#[test]
fn pictures_of_every_kind_look_as_they_do_elsewhere() {
    let Some(folder) = made() else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let beside = |suffix: &str| folder.join(format!("{name}{suffix}"));
        let file = fs::read(&path).unwrap();
        if beside(".not-read").exists() {
            count += 1;
            match preview(&file) {
                Err(PreviewError::NoPicture(
                    DecodeError::NotRead(_) | DecodeError::UnsupportedKind(_),
                )) => {}
                other => wrong.push(format!("{name}: {other:?}, and it is not read here")),
            }
        }
        if beside(".shown-somehow").exists() {
            count += 1;
            if let Err(error) = preview(&file) {
                wrong.push(format!("{name}: {error}, and it can be shown"));
            }
        }
        if !beside(".png").exists() {
            continue;
        }
        count += 1;
        let right = fs::read(beside(".png")).unwrap();
        let right = image::load_from_memory_with_format(&right, ImageFormat::Png).unwrap();
        let right = right.into_rgb8();
        let is_tiny = right.width() * right.height() < 1000;
        match cover(&file) {
            Ok(cover) => {
                let found = likeness(&cover, &right);
                if found < COVER_DB {
                    wrong.push(format!("{name}: its cover has {found:.1} dB"));
                }
            }
            // No header fits into it.
            Err(_) if is_tiny => {}
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        match preview(&file) {
            Ok(seen) if (seen.width, seen.height) != right.dimensions() => {
                wrong.push(format!("{name}: {} x {}", seen.width, seen.height));
            }
            Ok(seen) => {
                let small = image::load_from_memory(&seen.jpeg).unwrap().into_rgb8();
                let (width, height) = small.dimensions();
                let right = imageops::resize(&right, width, height, imageops::Triangle);
                let found = likeness(&small, &right);
                let least = match width * height < SMALL_PIXELS {
                    true => SMALL_PREVIEW_DB,
                    false => PREVIEW_DB,
                };
                if found < least && !is_tiny {
                    wrong.push(format!("{name}: its preview has {found:.1} dB"));
                }
            }
            Err(error) => wrong.push(format!("{name}: no preview: {error}")),
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "of {count}:\n{}", wrong.join("\n"));
    assert!(count >= 300, "{count} pictures were made");
}
