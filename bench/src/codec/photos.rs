//! Photos to hide, and pictures made from them.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use cameo_codec::{Channels, HideOptions, Picture, cover_from_picture};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{ExtendedColorType, RgbImage};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// One photo: its file, and its decoded picture.
#[derive(Debug, Clone)]
pub struct Photo {
    pub name: String,
    pub file: Vec<u8>,
    pub picture: Picture,
}

impl Photo {
    pub fn pixels(&self) -> usize {
        pixels(&self.picture)
    }
}

/// All JPEG files of a folder, sorted by name.
pub fn load(folder: Option<&Path>) -> anyhow::Result<Vec<Photo>> {
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../photos"));
    let folder = folder.unwrap_or(&own);
    let entries = fs::read_dir(folder).with_context(|| {
        format!(
            "{} cannot be read: name a folder with --photos",
            folder.display()
        )
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|e| ["jpg", "jpeg"].contains(&e.to_ascii_lowercase().as_str())) {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(!paths.is_empty(), "{} has no JPEG photos", folder.display());
    paths.iter().map(|path| load_one(path)).collect()
}

fn load_one(path: &Path) -> anyhow::Result<Photo> {
    let file = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let picture = cover_from_picture(&file, 0, &HideOptions::default())
        .with_context(|| format!("{} cannot be used", path.display()))?;
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(Photo {
        name,
        file,
        picture,
    })
}

/// The photo with the most pixels. Scaled down, it stays as sharp and noisy as a camera's picture.
pub fn largest(photos: &[Photo]) -> &Photo {
    photos
        .iter()
        .max_by_key(|photo| photo.pixels())
        .unwrap_or(&photos[0])
}

/// The photo whose number of pixels is nearest to `wanted`.
pub fn nearest(photos: &[Photo], wanted: f64) -> &Photo {
    let off = |photo: &&Photo| ((photo.pixels() as f64 / wanted).ln().abs() * 1e6) as u64;
    photos.iter().min_by_key(off).unwrap_or(&photos[0])
}

pub fn pixels(picture: &Picture) -> usize {
    picture.width() as usize * picture.height() as usize
}

/// Scales a picture to at least `wanted` pixels with a triangle filter.
pub fn with_pixels(picture: &Picture, wanted: f64) -> anyhow::Result<Picture> {
    let scale = (wanted / pixels(picture) as f64).sqrt();
    let width = (f64::from(picture.width()) * scale).round().max(1.0);
    with_size(picture, (width as u32, (wanted / width).ceil() as u32))
}

pub fn with_size(picture: &Picture, (width, height): (u32, u32)) -> anyhow::Result<Picture> {
    if picture.size() == (width, height) {
        return Ok(picture.clone());
    }
    let image = to_image(picture)?;
    let scaled = image::imageops::resize(&image, width, height, FilterType::Triangle);
    to_picture(scaled)
}

/// A JPEG of this picture of about this many bytes, like one from a camera.
pub fn camera_jpeg(picture: &Picture, bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut best = jpeg(picture, 90)?;
    for quality in [94, 96, 97, 98, 99, 100] {
        if best.len() >= bytes {
            break;
        }
        let file = jpeg(picture, quality)?;
        if file.len().abs_diff(bytes) < best.len().abs_diff(bytes) {
            best = file;
        }
    }
    Ok(best)
}

pub fn jpeg(picture: &Picture, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    let (width, height) = picture.size();
    let samples = picture.clone().into_opaque().into_samples();
    JpegEncoder::new_with_quality(&mut file, quality).encode(
        &samples,
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(file.into_inner())
}

pub fn to_image(picture: &Picture) -> anyhow::Result<RgbImage> {
    let (width, height) = picture.size();
    RgbImage::from_raw(width, height, picture.clone().into_opaque().into_samples())
        .context("an opaque picture has three samples a pixel")
}

pub fn to_picture(image: RgbImage) -> anyhow::Result<Picture> {
    let (width, height) = image.dimensions();
    Picture::new(width, height, Channels::Rgb, image.into_raw()).context("a picture has a pixel")
}

/// Random bytes, like those of a sealed photo.
pub fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    StdRng::seed_from_u64(7).fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn noise(width: u32, height: u32) -> Picture {
        let samples = random_bytes(width as usize * height as usize * 3);
        Picture::new(width, height, Channels::Rgb, samples).unwrap()
    }

    #[test]
    fn a_scaled_picture_keeps_its_shape_and_has_the_requested_pixels() {
        let scaled = with_pixels(&noise(400, 200), 20_000.0).unwrap();
        assert_eq!(scaled.size(), (200, 100));
        assert!(pixels(&with_pixels(&noise(37, 91), 5_000.0).unwrap()) >= 5_000);
    }

    #[test]
    fn a_camera_file_is_as_near_to_its_size_as_the_qualities_permit() {
        let picture = noise(200, 200);
        let (small, large) = (jpeg(&picture, 90).unwrap(), jpeg(&picture, 100).unwrap());
        assert_eq!(camera_jpeg(&picture, 1).unwrap(), small);
        assert_eq!(camera_jpeg(&picture, 10 * large.len()).unwrap(), large);
    }

    #[test]
    fn the_repositorys_photos_are_found() {
        let names: Vec<_> = load(None)
            .unwrap()
            .into_iter()
            .map(|photo| photo.name)
            .collect();
        assert_eq!(names.len(), 5);
        assert!(names.is_sorted());
    }
}
