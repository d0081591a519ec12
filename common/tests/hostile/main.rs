//! Replay of hostile files through the functions of the fuzz targets: their corpora, the pinned
//! files of the codec's format, and the must-fail files. It needs no fuzzer and no nightly
//! toolchain.

#![allow(clippy::unwrap_used)]

mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn replay(name: &str, file: &Path, data: &[u8]) {
    let (_, target) = targets::TARGETS
        .iter()
        .find(|target| target.0 == name)
        .unwrap();
    assert!(
        catch_unwind(|| target(data)).is_ok(),
        "{name}: {}",
        file.display()
    );
}

#[test]
fn every_promise_holds_for_the_corpora_of_the_fuzz_targets() {
    for (name, _) in targets::TARGETS {
        let corpus = files(&here("../fuzz/corpus").join(name));
        assert!(!corpus.is_empty(), "the corpus of {name} is gone");
        for (file, data) in corpus {
            replay(name, &file, &data);
        }
    }
}

#[test]
fn every_promise_holds_for_the_pinned_carriers_and_the_must_fail_files() {
    for folder in ["../codec/tests/vectors", "../codec/tests/vectors/must-fail"] {
        for (file, data) in files(&here(folder)) {
            replay("carrier", &file, &data);
            replay("preview", &file, &data);
        }
    }
    for (file, data) in files(&here("tests/vectors/sealing/must-fail")) {
        let text = String::from_utf8(data).unwrap();
        let payload = data_encoding::HEXLOWER.decode(text.trim().as_bytes());
        replay("sealed_payload", &file, &payload.unwrap());
    }
}
