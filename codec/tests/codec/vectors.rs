//! Test vectors that pin the carrier format.
//!
//! Good vectors must open as long as version 2 is supported; must-fail vectors must stay refused.
//! `cargo test -p cameo-codec --test codec -- --ignored write_the_vectors` writes them.

use std::fs;
use std::path::PathBuf;

use cameo_codec::{Codec, CodecKey, HideOptions, hide, png, reveal};
use serde::{Deserialize, Serialize};

use crate::pictures::{Chunks, Kind, all_options, bytes, picture};

#[derive(Serialize, Deserialize)]
struct Good {
    file: String,
    key: String,
    options: HideOptions,
    cover: String,
    payload: String,
}

#[derive(Serialize, Deserialize)]
struct MustFail {
    file: String,
    key: String,
    /// Part of the error message.
    says: String,
}

#[derive(Serialize, Deserialize)]
struct Vectors {
    format: u32,
    good: Vec<Good>,
    must_fail: Vec<MustFail>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn load() -> Vectors {
    let vectors: Vectors =
        serde_json::from_slice(&fs::read(folder().join("vectors.json")).unwrap()).unwrap();
    assert_eq!(vectors.format, 2);
    assert!(vectors.good.len() >= 5 && vectors.must_fail.len() >= 20);
    vectors
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn key_of(text: &str) -> CodecKey {
    CodecKey::from_bytes(unhex(text).try_into().unwrap())
}

#[test]
fn pinned_carriers_open() {
    for good in load().good {
        let carrier = fs::read(folder().join(&good.file)).unwrap();
        let found = reveal(&carrier, &key_of(&good.key)).unwrap();
        assert_eq!(hex(&found), good.payload, "{}", good.file);
    }
}

/// Pins the samples, not the compression of the PNG.
#[test]
fn hiding_gives_the_pinned_samples() {
    for good in load().good {
        let cover = fs::read(folder().join(&good.cover)).unwrap();
        let carrier = hide(
            &cover,
            &unhex(&good.payload),
            &key_of(&good.key),
            &good.options,
        );
        let pinned = fs::read(folder().join(&good.file)).unwrap();
        let (made, pinned) = (png::read(&carrier.unwrap()), png::read(&pinned));
        assert!(made.unwrap() == pinned.unwrap(), "{}", good.file);
    }
}

#[test]
fn the_must_fail_files_are_refused_with_the_same_message() {
    for bad in load().must_fail {
        let carrier = fs::read(folder().join("must-fail").join(&bad.file)).unwrap();
        let refused = reveal(&carrier, &key_of(&bad.key)).unwrap_err();
        assert!(
            refused.to_string().contains(&bad.says),
            "{}: {refused}",
            bad.file
        );
    }
}

#[test]
#[ignore = "writes the committed vectors"]
fn write_the_vectors() {
    let folder = folder();
    fs::create_dir_all(folder.join("must-fail")).unwrap();
    let key = bytes(32, 2026);
    let payload = bytes(150, 11);
    let cover = png::write(&picture(Kind::Gradient, 40, 30, 1));
    fs::write(folder.join("cover.png"), &cover).unwrap();
    let mut good = Vec::new();
    for options in all_options() {
        let name = match options.codec {
            Codec::Veil => format!("veil-{}.png", options.depth),
            Codec::Alpha => "alpha.png".to_owned(),
        };
        let carrier = hide(&cover, &payload, &key_of(&hex(&key)), &options).unwrap();
        fs::write(folder.join(&name), carrier).unwrap();
        good.push(Good {
            file: name,
            key: hex(&key),
            options,
            cover: "cover.png".into(),
            payload: hex(&payload),
        });
    }
    let must_fail = must_fail(&cover, &payload, &key)
        .into_iter()
        .map(|(name, file, key, says)| {
            fs::write(folder.join("must-fail").join(name), file).unwrap();
            MustFail {
                file: name.into(),
                key: hex(&key),
                says: says.into(),
            }
        })
        .collect();
    let vectors = Vectors {
        format: 2,
        good,
        must_fail,
    };
    let json = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    fs::write(folder.join("vectors.json"), json).unwrap();
}

type Bad = (&'static str, Vec<u8>, Vec<u8>, &'static str);

fn must_fail(cover: &[u8], payload: &[u8], key: &[u8]) -> Vec<Bad> {
    let hidden = |options: &HideOptions| hide(cover, payload, &key_of(&hex(key)), options).unwrap();
    let carrier = hidden(&HideOptions::default());
    let alpha = hidden(&HideOptions::alpha());
    let chunks = Chunks::of(&carrier);
    let bent = |bend: &dyn Fn(&mut Chunks)| {
        let mut bent = chunks.clone();
        bend(&mut bent);
        bent.png()
    };
    let raw = |at: usize, to: &[u8]| bent(&|c| c.ihdr()[at..at + to.len()].copy_from_slice(to));
    let sample = |carrier: &[u8], at: usize| {
        let mut picture = png::read(carrier).unwrap();
        // The header comes first; one sample of four of what follows is enough.
        for sample in picture.samples_mut()[at..].iter_mut().step_by(4) {
            *sample ^= 1;
        }
        png::write(&picture)
    };
    let flipped = |at: usize| {
        let mut file = carrier.clone();
        file[at] ^= 4;
        file
    };
    let wrong_key = bytes(32, 2027);
    let not_ours = "nothing is hidden here";
    let mut bad: Vec<Bad> = vec![
        (
            "wrong-key-veil.png",
            carrier.clone(),
            wrong_key.clone(),
            not_ours,
        ),
        ("wrong-key-alpha.png", alpha.clone(), wrong_key, not_ours),
        ("plain-cover.png", cover.to_vec(), key.to_vec(), not_ours),
    ];
    let same_key: Vec<(&'static str, Vec<u8>, &'static str)> = vec![
        (
            "alpha-payload-bent.png",
            {
                let mut picture = png::read(&alpha).unwrap();
                picture.samples_mut()[4 * 100 + 3] ^= 0x10;
                png::write(&picture)
            },
            "altered on its way",
        ),
        (
            "alpha-flattened.png",
            png::write(&png::read(&alpha).unwrap().into_opaque()),
            not_ours,
        ),
        ("veil-resaved.png", sample(&carrier, 0), not_ours),
        ("empty.png", Vec::new(), "not a PNG"),
        (
            "jpeg.png",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(),
            "not a PNG",
        ),
        (
            "cut.png",
            carrier[..carrier.len() / 2].to_vec(),
            "cut short",
        ),
        (
            "no-end.png",
            carrier[..carrier.len() - 12].to_vec(),
            "cut short",
        ),
        ("flipped-ihdr.png", flipped(20), "checksum"),
        ("flipped-idat.png", flipped(200), "checksum"),
        ("wide.png", raw(0, &u32::MAX.to_be_bytes()), "4294967295x30"),
        (
            "area.png",
            raw(0, &[0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40]),
            "40000x40000",
        ),
        ("zero.png", raw(0, &[0; 4]), "0x30"),
        ("taller.png", raw(4, &31u32.to_be_bytes()), "cut short"),
        ("shorter.png", raw(4, &29u32.to_be_bytes()), "longer"),
        (
            "swapped-sides.png",
            raw(0, &[0, 0, 0, 30, 0, 0, 0, 40]),
            "damaged",
        ),
        ("grey.png", raw(9, &[0]), "grey"),
        ("palette.png", raw(9, &[3]), "palette"),
        ("deep.png", raw(8, &[16]), "16 bits"),
        ("interlaced.png", raw(12, &[1]), "interlaced"),
        ("unknown-method.png", raw(10, &[1]), "unknown method"),
        (
            "two-headers.png",
            bent(&|c| c.0.insert(1, c.0[0].clone())),
            "two headers",
        ),
        (
            "no-header.png",
            bent(&|c| drop(c.0.remove(0))),
            "header is missing",
        ),
        (
            "short-header.png",
            bent(&|c| c.ihdr().truncate(12)),
            "wrong length",
        ),
        (
            "no-picture.png",
            bent(&|c| drop(c.0.remove(1))),
            "cut short",
        ),
        (
            "critical-chunk.png",
            bent(&|c| c.0.insert(1, (b"CRIT".to_vec(), vec![1]))),
            "no reader may pass",
        ),
        (
            "split-picture.png",
            bent(&|c| {
                c.0.insert(2, (b"IDAT".to_vec(), vec![1]));
                c.0.insert(2, (b"tEXt".to_vec(), vec![1]));
            }),
            "in pieces",
        ),
        (
            "wrong-adler.png",
            bent(&|c| *c.0[1].1.last_mut().unwrap() ^= 1),
            "cannot be decompressed",
        ),
        (
            "bad-stream.png",
            bent(&|c| c.0[1].1[2] |= 6),
            "cannot be decompressed",
        ),
        (
            "strip-ends-in-a-block.png",
            strip_ends_in_a_block(),
            "cannot be decompressed",
        ),
        (
            "unknown-filter.png",
            {
                let raw = vec![9u8; 30 * 121];
                let mut zlib =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut zlib, &raw).unwrap();
                chunks.with_stream(zlib.finish().unwrap()).png()
            },
            "unknown filter",
        ),
    ];
    bad.extend(
        same_key
            .into_iter()
            .map(|(name, file, says)| (name, file, key.to_vec(), says)),
    );
    bad
}

/// Two strips of one row each. The first ends inside a block with dynamic codes, in which one bit
/// would end the block; a sequential decoder reads the second strip as more of that block.
fn strip_ends_in_a_block() -> Vec<u8> {
    const WIDTH: u32 = 33_000;
    let row = vec![0; 3 * WIDTH as usize + 1];
    let mut first = vec![0x78, 1];
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    first.reserve(1000);
    deflate
        .compress_vec(&row, &mut first, flate2::FlushCompress::Sync)
        .unwrap();
    // Three empty blocks; then the final block, in which 0 is a literal and 1 the end of the block.
    first.extend([
        0x02, 0x08, 0x20, 0x40, 0x01, 0x70, 0x20, 0, 0, 0, 0, 0, 0xc4, 0x7f, 0x35,
    ]);
    let mut second = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut second, &row).unwrap();
    let mut sum = simd_adler32::Adler32::new();
    (0..2).for_each(|_| sum.write(&row));
    let second = [
        second.finish().unwrap(),
        sum.finish().to_be_bytes().to_vec(),
    ]
    .concat();
    let mut ihdr = [WIDTH.to_be_bytes(), 2u32.to_be_bytes()].concat();
    ihdr.extend([8, 2, 0, 0, 0]);
    let chunks = [
        (b"IHDR", ihdr),
        (b"IDAT", first),
        (b"IDAT", second),
        (b"IEND", Vec::new()),
    ];
    Chunks(chunks.map(|(name, data)| (name.to_vec(), data)).to_vec()).png()
}
