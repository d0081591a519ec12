//! A folder in which the built program runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cameo_codec::{Channels, Picture, png};
use serde_json::Value;
use tempfile::TempDir;

/// A working folder without a home.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cameo"));
        command
            .current_dir(self.0.path())
            .env("CAMEO_HOME", "/nowhere/home")
            .args(line.split_whitespace());
        command
    }

    pub fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The document on stdout, and the exit code.
    pub fn json(&self, line: &str) -> (Option<i32>, Value) {
        let ran = self.run(&format!("--json {line}"));
        let document = serde_json::from_slice(&ran.stdout);
        let document = document.unwrap_or_else(|error| panic!("{line}: {error}: {ran:?}"));
        (ran.status.code(), document)
    }

    pub fn ok(&self, line: &str) -> Value {
        let (code, document) = self.json(line);
        assert_eq!(code, Some(0), "{line}: {document}");
        assert_eq!(document["ok"], true);
        document
    }

    /// Requires this exit code and part of the message, and that the folder is unchanged.
    pub fn refuses(&self, line: &str, code: i32, says: &str) -> Value {
        let before = self.names();
        let (found, document) = self.json(line);
        assert_eq!(found, Some(code), "{line}: {document}");
        assert_eq!(document["ok"], false, "{line}: {document}");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{line}: {message}");
        assert_eq!(self.names(), before, "{line} left something");
        document
    }

    /// A cover of noise and bands, as PNG.
    pub fn put_cover(&self, name: &str, width: u32, height: u32, channels: Channels) {
        let count = width as usize * height as usize * channels.count();
        let sample = |i: usize| {
            let noise = (i.wrapping_mul(0x9E37_79B9) >> 13) as u8;
            noise / 4 + (i / 999 % 190) as u8
        };
        let picture = Picture::new(width, height, channels, (0..count).map(sample).collect());
        self.put(name, &png::write(&picture.unwrap()));
    }

    /// The PNG with one more chunk, directly after the header.
    pub fn put_with_chunk(&self, name: &str, png: &[u8], chunk: &[u8; 4], data: &[u8]) {
        let (head, rest) = png.split_at(33);
        let body = [chunk, data].concat();
        let length = (data.len() as u32).to_be_bytes();
        let sum = crc(&body).to_be_bytes();
        self.put(name, &[head, &length, &body, &sum, rest].concat());
    }

    pub fn put_photo(&self, name: &str) {
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../photos");
        fs::copy(
            photos.join("friends_by_Aitzol_Berasategi.jpg"),
            self.path(name),
        )
        .unwrap();
    }
}

/// The CRC of PNG (third edition, annex D).
pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ ((crc & 1) * 0xedb8_8320);
        }
    }
    !crc
}

/// The data of an eXIf chunk that turns the picture by 90 degrees.
pub const TURNED: [u8; 26] = [
    b'I', b'I', b'*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
];
