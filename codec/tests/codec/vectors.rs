//! Test vectors that pin the carrier format.
//!
//! Good vectors must open as long as version 2 is supported; must-fail vectors must stay refused.
//! `cargo test -p cameo-codec --test codec -- --ignored write_the_vectors` writes them.

use std::fs;
use std::path::PathBuf;

use cameo_codec::{Codec, CodecKey, HideOptions, hide, png, reveal};
use serde::{Deserialize, Serialize};

use crate::must_fail::must_fail;
use crate::pictures::{Kind, all_options, bytes, picture};

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
