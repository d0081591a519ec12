//! Test data: pictures, payloads, and PNG chunks that tests can edit.

use cameo_codec::{Channels, CodecKey, HideOptions, Picture};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Kinds of covers that are difficult in different ways.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Black,
    White,
    Saturated,
    OneBitNoise,
    Noise,
    Gradient,
}

pub const KINDS: [Kind; 6] = [
    Kind::Black,
    Kind::White,
    Kind::Saturated,
    Kind::OneBitNoise,
    Kind::Noise,
    Kind::Gradient,
];

pub fn picture(kind: Kind, width: u32, height: u32, seed: u64) -> Picture {
    let mut noise = bytes(width as usize * height as usize * 3, seed);
    for (i, sample) in noise.iter_mut().enumerate() {
        let pixel = i as u32 / 3;
        *sample = match kind {
            Kind::Black => 0,
            Kind::White => 255,
            Kind::Saturated => [255, 0, 255][i % 3],
            Kind::OneBitNoise => 254 + (*sample & 1),
            Kind::Noise => *sample,
            Kind::Gradient => ((pixel % width + pixel / width) / 2) as u8,
        };
    }
    Picture::new(width, height, Channels::Rgb, noise).unwrap()
}

pub fn rgba(width: u32, height: u32, seed: u64) -> Picture {
    let samples = bytes(width as usize * height as usize * 4, seed);
    Picture::new(width, height, Channels::Rgba, samples).unwrap()
}

pub fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

pub fn key(seed: u8) -> CodecKey {
    CodecKey::from_bytes([seed; 32])
}

/// Every codec and depth.
pub fn all_options() -> Vec<HideOptions> {
    let mut all: Vec<_> = (1..=4).map(HideOptions::veil).collect();
    all.push(HideOptions::alpha());
    all
}

/// The photos shipped with the repository: name and file.
pub fn photos() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../photos");
    let mut photos: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "jpg"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    photos.sort();
    assert_eq!(photos.len(), 5);
    photos
}

/// The chunks of a PNG, which can be edited and put together again with right checksums.
#[derive(Clone)]
pub struct Chunks(pub Vec<(Vec<u8>, Vec<u8>)>);

impl Chunks {
    pub fn of(png: &[u8]) -> Chunks {
        let mut chunks = Vec::new();
        let mut rest = &png[8..];
        while !rest.is_empty() {
            let len = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            chunks.push((rest[4..8].to_vec(), rest[8..8 + len].to_vec()));
            rest = &rest[12 + len..];
        }
        Chunks(chunks)
    }

    pub fn png(&self) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in &self.0 {
            png.extend((data.len() as u32).to_be_bytes());
            let body = [&name[..], data].concat();
            png.extend(&body);
            png.extend(crc32fast::hash(&body).to_be_bytes());
        }
        png
    }

    pub fn ihdr(&mut self) -> &mut Vec<u8> {
        &mut self.0[0].1
    }

    /// All IDAT data, concatenated.
    pub fn stream(&self) -> Vec<u8> {
        self.0
            .iter()
            .filter(|(name, _)| name == b"IDAT")
            .flat_map(|(_, data)| data.clone())
            .collect()
    }

    /// The same picture with another IDAT stream in one chunk.
    pub fn with_stream(&self, stream: Vec<u8>) -> Chunks {
        Chunks(vec![
            self.0[0].clone(),
            (b"IDAT".to_vec(), stream),
            (b"IEND".to_vec(), Vec::new()),
        ])
    }
}

/// Decodes a file with the `png` crate.
pub fn decode_with_png_crate(png: &[u8]) -> Picture {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    let channels = match info.color_type {
        png::ColorType::Rgb => Channels::Rgb,
        png::ColorType::Rgba => Channels::Rgba,
        other => panic!("{other:?}"),
    };
    Picture::new(info.width, info.height, channels, samples).unwrap()
}
