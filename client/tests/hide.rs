//! `hide`, `reveal` and `inspect` as processes on real files: round trips, and refusals that leave
//! nothing behind.

#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cameo_client::vault;
use cameo_codec::{Channels, Picture, png};
use serde_json::Value;
use tempfile::TempDir;

/// A working folder without a home.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cameo"));
        command
            .current_dir(self.0.path())
            .env("CAMEO_HOME", "/nowhere/home")
            .args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The document on stdout, and the exit code.
    fn json(&self, line: &str) -> (Option<i32>, Value) {
        let ran = self.run(&format!("--json {line}"));
        let document = serde_json::from_slice(&ran.stdout);
        let document = document.unwrap_or_else(|error| panic!("{line}: {error}: {ran:?}"));
        (ran.status.code(), document)
    }

    fn ok(&self, line: &str) -> Value {
        let (code, document) = self.json(line);
        assert_eq!(code, Some(0), "{line}: {document}");
        assert_eq!(document["ok"], true);
        document
    }

    /// Requires this exit code and part of the message, and that the folder is unchanged.
    fn refuses(&self, line: &str, code: i32, says: &str) -> Value {
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
    fn put_cover(&self, name: &str, width: u32, height: u32, channels: Channels) {
        let count = width as usize * height as usize * channels.count();
        let sample = |i: usize| {
            let noise = (i.wrapping_mul(0x9E37_79B9) >> 13) as u8;
            noise / 4 + (i / 999 % 190) as u8
        };
        let picture = Picture::new(width, height, channels, (0..count).map(sample).collect());
        self.put(name, &png::write(&picture.unwrap()));
    }

    /// The PNG with one more chunk, directly after the header.
    fn put_with_chunk(&self, name: &str, png: &[u8], chunk: &[u8; 4], data: &[u8]) {
        let (head, rest) = png.split_at(33);
        let body = [chunk, data].concat();
        let length = (data.len() as u32).to_be_bytes();
        let sum = crc(&body).to_be_bytes();
        self.put(name, &[head, &length, &body, &sum, rest].concat());
    }

    fn put_photo(&self, name: &str) {
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../photos");
        fs::copy(
            photos.join("friends_by_Aitzol_Berasategi.jpg"),
            self.path(name),
        )
        .unwrap();
    }
}

/// The CRC of PNG (third edition, annex D).
fn crc(bytes: &[u8]) -> u32 {
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
const TURNED: [u8; 26] = [
    b'I', b'I', b'*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
];

#[test]
fn a_photo_is_revealed_exactly_from_its_default_cover() {
    let folder = Folder::new();
    folder.put_photo("photo.jpg");
    let photo = folder.get("photo.jpg");

    let hidden = folder.ok("hide photo.jpg --key key --out carrier.png --caption hello");
    assert_eq!(hidden["payload"], photo.len());
    assert_eq!(hidden["bytes"], folder.get("carrier.png").len());
    assert_eq!(
        (&hidden["codec"], &hidden["depth"]),
        (&"veil".into(), &2.into())
    );
    assert!(hidden["capacity"].as_u64().unwrap() >= photo.len() as u64);
    assert_eq!(hidden["key_made"], true);

    let revealed = folder.ok("reveal carrier.png --key key --out again.jpg");
    assert_eq!(folder.get("again.jpg"), photo);
    let hash = blake3::hash(&photo).to_hex().to_string();
    assert_eq!(revealed["blake3"], hash);
    assert_eq!(
        (&revealed["codec"], &revealed["depth"]),
        (&"veil".into(), &2.into())
    );
    assert_eq!(
        folder.names(),
        ["again.jpg", "carrier.png", "key", "photo.jpg"]
    );
}

#[test]
fn any_file_is_revealed_from_any_cover_at_any_depth() {
    let folder = Folder::new();
    let notes: Vec<u8> = (0..20_000u32).map(|i| ((i * i) >> 7) as u8).collect();
    folder.put("notes.bin", &notes);
    folder.put("nothing", b"");
    folder.put_photo("own.jpg");
    folder.put_cover("rgb.png", 320, 240, Channels::Rgb);
    folder.put_cover("rgba.png", 320, 240, Channels::Rgba);
    for (i, (file, options, depth)) in [
        ("notes.bin", "--cover rgb.png --look discreet", 1),
        ("notes.bin", "--cover rgba.png", 2),
        ("notes.bin", "--cover own.jpg --look compact", 3),
        ("notes.bin", "--cover rgb.png --depth 4 --no-caption", 4),
        ("notes.bin", "--cover rgb.png --codec alpha", 8),
        ("own.jpg", "--codec alpha", 8),
        ("nothing", "--cover rgb.png", 2),
    ]
    .into_iter()
    .enumerate()
    {
        let hidden = folder.ok(&format!("hide {file} --key key --out {i}.png {options}"));
        assert_eq!(hidden["depth"], depth, "{options}");
        assert_eq!(hidden["key_made"], i == 0, "the key that is there is used");
        let revealed = folder.ok(&format!("reveal {i}.png --key key --out {i}.out"));
        assert_eq!(revealed["depth"], depth, "{options}");
        assert_eq!(
            folder.get(&format!("{i}.out")),
            folder.get(file),
            "{options}"
        );
    }
}

#[test]
fn the_key_file_is_readable_by_its_owner_only() {
    let folder = Folder::new();
    folder.put("notes", b"notes");
    folder.put_cover("cover.png", 64, 64, Channels::Rgb);
    folder.ok("hide notes --key key --out carrier.png --cover cover.png");
    let key = fs::metadata(folder.path("key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let text = String::from_utf8(folder.get("key")).unwrap();
    assert!(text.starts_with("cameo-codec-key-1 "));

    fs::set_permissions(folder.path("key"), fs::Permissions::from_mode(0o644)).unwrap();
    for line in [
        "hide notes --key key --out new.png --cover cover.png",
        "reveal carrier.png --key key --out new",
        "inspect carrier.png --key key",
    ] {
        folder.refuses(line, 2, "chmod 600 key");
    }
}

#[test]
fn a_wrong_key_and_an_altered_copy_reveal_nothing() {
    let folder = Folder::new();
    folder.put("notes", &[7; 5000]);
    folder.put_cover("cover.png", 200, 200, Channels::Rgb);
    folder.ok("hide notes --key key --out carrier.png --cover cover.png");
    folder.ok("hide notes --key other --out other.png --cover cover.png");
    folder.refuses("reveal carrier.png --key other --out out", 3, "another key");
    folder.refuses(
        "reveal cover.png --key key --out out",
        3,
        "nothing is hidden",
    );
    folder.refuses("reveal notes --key key --out out", 1, "not a PNG");

    // A truncated file, and a carrier with a changed sample.
    let carrier = folder.get("carrier.png");
    folder.put("cut.png", &carrier[..carrier.len() / 2]);
    folder.refuses("reveal cut.png --key key --out out", 1, "damaged");
    let mut picture = png::read(&carrier).unwrap();
    picture
        .samples_mut()
        .iter_mut()
        .step_by(97)
        .for_each(|sample| *sample ^= 2);
    folder.put("touched.png", &png::write(&picture));
    let (code, document) = folder.json("reveal touched.png --key key --out out");
    assert!(matches!(code, Some(1 | 3)), "{document}");
    assert!(!folder.path("out").exists());
}

#[test]
fn the_message_about_a_small_cover_names_a_sufficient_size() {
    let folder = Folder::new();
    folder.put("notes.bin", &[1; 100_000]);
    folder.put_cover("small.png", 100, 80, Channels::Rgb);
    let line = "hide notes.bin --key key --out carrier.png --cover small.png";
    let refused = folder.refuses(line, 2, "would do");
    assert_eq!(refused["error"]["code"], "cover_too_small");
    let enough = &refused["enough"];
    let (width, height) = (enough[0].as_u64().unwrap(), enough[1].as_u64().unwrap());

    // The named size is sufficient.
    folder.put_cover("enough.png", width as u32, height as u32, Channels::Rgb);
    folder.ok("hide notes.bin --key key --out carrier.png --cover enough.png");
}

#[test]
fn existing_files_are_never_overwritten() {
    let folder = Folder::new();
    folder.put("notes", b"notes");
    folder.put("there.png", b"mine");
    folder.put_cover("cover.png", 64, 64, Channels::Rgb);
    symlink("nowhere", folder.path("link")).unwrap();
    for out in ["there.png", "link", "notes", "cover.png"] {
        let line = format!("hide notes --key key --out {out} --cover cover.png");
        folder.refuses(&line, 2, "exists already");
    }
    assert_eq!(folder.get("there.png"), b"mine");
    folder.ok("hide notes --key key --out carrier.png --cover cover.png");
    folder.refuses(
        "reveal carrier.png --key key --out there.png",
        2,
        "exists already",
    );
    assert_eq!(folder.get("there.png"), b"mine");
}

#[test]
fn unusable_inputs_are_refused_with_the_reason() {
    let folder = Folder::new();
    folder.put("notes", b"notes");
    folder.put("key.txt", b"a key, surely");
    fs::set_permissions(folder.path("key.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    folder.put_cover("cover.png", 64, 64, Channels::Rgb);
    let vast = fs::File::create(folder.path("vast")).unwrap();
    vast.set_len(1 << 40).unwrap();
    for (line, code, says) in [
        ("hide notes --key key --out c.png", 2, "--cover PICTURE"),
        (
            "hide vast --key key --out c.png --cover cover.png",
            2,
            "the limit is",
        ),
        (
            "hide notes --key key --out c.png --cover vast",
            2,
            "the limit is",
        ),
        (
            "hide notes --key key --out c.png --cover notes",
            2,
            "no picture",
        ),
        (
            "hide notes --key key --out c.png --cover none.png",
            3,
            "none.png",
        ),
        (
            "hide . --key key --out c.png --cover cover.png",
            2,
            "not a regular file",
        ),
        (
            "hide - --key key --out c.png --cover cover.png",
            2,
            "standard input",
        ),
        (
            "hide notes --key - --out c.png --cover cover.png",
            2,
            "standard input",
        ),
        (
            "hide notes --key key.txt --out c.png --cover cover.png",
            2,
            "not a key file",
        ),
        (
            "hide notes --key vast --out c.png --cover cover.png",
            2,
            "not a key file",
        ),
        (
            "hide notes --key no/key --out c.png --cover cover.png",
            2,
            "does not exist",
        ),
        (
            "hide notes --key key --out c.png --cover cover.png --caption hi",
            2,
            "stays as it is",
        ),
        ("hide notes --key key --out c.png --caption 雪", 2, "雪"),
        (
            "reveal cover.png --key key --out out",
            3,
            "there is no file key",
        ),
        ("reveal vast --key key.txt --out out", 2, "not a key file"),
    ] {
        folder.refuses(line, code, says);
    }
}

#[test]
fn inspect_shows_public_facts_and_with_the_key_the_payload() {
    let folder = Folder::new();
    folder.put("notes", &[3; 1234]);
    folder.put_cover("cover.png", 120, 100, Channels::Rgb);
    folder.ok("hide notes --key key --out veil.png --cover cover.png --look discreet");
    folder.ok("hide notes --key key --out alpha.png --cover cover.png --codec alpha");

    // A veil carrier looks like its cover.
    for name in ["cover.png", "veil.png"] {
        let seen = folder.ok(&format!("inspect {name}"));
        assert_eq!(seen["looks_like"], "picture", "{name}");
        assert_eq!(
            (&seen["width"], &seen["height"]),
            (&120.into(), &100.into())
        );
        assert_eq!(seen["metadata"], serde_json::json!([]));
        assert!(seen.get("payload").is_none());
    }
    assert_eq!(folder.ok("inspect alpha.png")["looks_like"], "alpha");

    let found = folder.ok("inspect veil.png --key key");
    assert_eq!(
        (&found["codec"], &found["depth"]),
        (&"veil".into(), &1.into())
    );
    assert_eq!(found["payload"], 1234);
    let found = folder.ok("inspect alpha.png --key key");
    assert_eq!(
        (&found["codec"], &found["payload"]),
        (&"alpha".into(), &1234.into())
    );
    let text = String::from_utf8(folder.run("inspect veil.png").stdout).unwrap();
    assert!(text.contains("statistics"), "{text}");
}

#[test]
fn inspect_shows_public_facts_of_other_kinds_of_png() {
    let folder = Folder::new();
    folder.put_cover("cover.png", 30, 20, Channels::Rgb);
    for (at, value, kind) in [
        (25, 0, "grey"),
        (25, 3, "palette-based"),
        (24, 16, "16 bits deep"),
    ] {
        let mut other = folder.get("cover.png");
        other[at] = value;
        let sum = crc(&other[12..29]).to_be_bytes();
        other[29..33].copy_from_slice(&sum);
        folder.put_with_chunk("other.png", &other, b"tEXt", b"Comment\0at home");
        let seen = folder.ok("inspect other.png");
        assert_eq!((&seen["kind"], &seen["width"]), (&kind.into(), &30.into()));
        assert_eq!(seen["metadata"], serde_json::json!(["tEXt"]));
    }
    let cover = folder.get("cover.png");
    folder.put("cut.png", &cover[..cover.len() / 2]);
    let refused = folder.refuses("inspect cut.png", 1, "cut short");
    assert_eq!(refused["error"]["code"], "damaged");
}

#[test]
fn inspect_creates_no_home() {
    let folder = Folder::new();
    folder.put_cover("cover.png", 30, 20, Channels::Rgb);
    let home = folder.path("home");
    let ran = folder
        .command("inspect cover.png")
        .env("CAMEO_HOME", &home)
        .output();
    assert!(ran.unwrap().status.success());
    assert_eq!(folder.names(), ["cover.png"]);
}

#[test]
fn a_cover_is_used_as_viewers_show_it() {
    let folder = Folder::new();
    folder.put("notes", &[5; 300]);
    folder.put_cover("lying.png", 90, 60, Channels::Rgb);
    folder.put_with_chunk("turned.png", &folder.get("lying.png"), b"eXIf", &TURNED);
    let hidden = folder.ok("hide notes --key key --out t.png --cover turned.png");
    assert_eq!(
        (&hidden["width"], &hidden["height"]),
        (&60.into(), &90.into())
    );

    // One colour that tRNS makes transparent: it is shown as white.
    let plain = Picture::new(90, 60, Channels::Rgb, [9, 20, 30].repeat(5400)).unwrap();
    let clear = [0, 9, 0, 20, 0, 30];
    folder.put_with_chunk("clear.png", &png::write(&plain), b"tRNS", &clear);
    folder.ok("hide notes --key key --out c.png --cover clear.png");
    let carrier = png::read(&folder.get("c.png")).unwrap();
    assert!(carrier.samples().iter().all(|&sample| sample > 250));
    for name in ["t", "c"] {
        folder.ok(&format!("reveal {name}.png --key key --out {name}"));
        assert_eq!(folder.get(name), folder.get("notes"));
    }
}

#[test]
fn a_cover_of_any_kind_that_is_too_small_is_measured_against_the_payload() {
    let folder = Folder::new();
    folder.put("notes", &[5; 300]);
    folder.put_cover("tiny.png", 1, 1, Channels::Rgb);
    folder.put_with_chunk("turned.png", &folder.get("tiny.png"), b"eXIf", &TURNED);
    for cover in ["tiny.png", "turned.png"] {
        let line = format!("hide notes --key key --out carrier.png --cover {cover}");
        let refused = folder.refuses(&line, 2, "of 300");
        assert_eq!(refused["error"]["code"], "cover_too_small");
        assert_eq!(refused["payload"], 300);
    }
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
    let folder = Folder::new();
    folder.put_cover("cover.png", 30, 20, Channels::Rgb);
    for line in [
        "inspect cover.png",
        "--json inspect cover.png",
        "--json inspect none.png",
    ] {
        let silent = folder.run(line);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = folder.command(line).stdout(writer).output().unwrap();
        assert_eq!(ran.status.code(), silent.status.code(), "{line}: {ran:?}");

        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = folder
            .command(line)
            .stdout(Stdio::from(full))
            .output()
            .unwrap();
        let code = silent.status.code().filter(|&code| code != 0).unwrap_or(1);
        assert_eq!(ran.status.code(), Some(code), "{line}: {ran:?}");
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(
            said.contains("cannot be printed") && !said.contains("panicked"),
            "{said}"
        );
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = folder
        .command("inspect none.png")
        .stderr(Stdio::from(full))
        .output();
    assert_eq!(ran.unwrap().status.code(), Some(3));
}

#[test]
fn file_names_of_any_bytes_work_and_are_text_in_json() {
    let folder = Folder::new();
    folder.put("notes", b"notes");
    folder.put_cover("cover.png", 64, 64, Channels::Rgb);
    let name = OsStr::from_bytes(b"bad\xff.png");
    let mut command = folder.command("--json hide notes --key key --cover cover.png --out");
    let ran = command.arg(name).output().unwrap();
    let document: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(document["out"], "bad\u{fffd}.png", "{document}");
    assert!(folder.path("cover.png").with_file_name(name).exists());
}

#[test]
fn inspect_reports_that_keys_were_not_tried() {
    let folder = Folder::new();
    folder.put_cover("cover.png", 120, 100, Channels::Rgb);
    let text = |ran: Output| String::from_utf8(ran.stdout).unwrap();

    let none = text(folder.run("inspect cover.png"));
    assert!(none.contains("no home here"), "{none}");
    assert_eq!(folder.ok("inspect cover.png")["keys"], "no_home");

    let home = folder.path("home");
    let at = vault::Home::at(&home).unwrap();
    vault::Vault::create(&at, &vault::Passphrase::given("for a test")).unwrap();
    let line = format!("inspect cover.png --home {}", home.display());
    let locked = text(folder.run(&line));
    assert!(locked.contains("locked"), "{locked}");
    assert!(!locked.contains("find"), "nothing was tried: {locked}");
    assert_eq!(folder.ok(&line)["keys"], "locked");

    folder.put("notes", b"notes");
    folder.ok("hide notes --key key --out carrier.png --cover cover.png");
    assert_eq!(folder.ok("inspect cover.png --key key")["keys"], "given");
}

#[test]
fn a_png_under_another_name_is_noted() {
    let folder = Folder::new();
    folder.put("notes", b"notes");
    folder.put_cover("cover.png", 64, 64, Channels::Rgb);
    let words = |out: &str| {
        let line = format!("hide notes --key key --out {out} --cover cover.png");
        String::from_utf8(folder.run(&line).stderr).unwrap()
    };
    assert!(words("w.jpg").contains("PNG"));
    assert_eq!(words("w.PNG"), "");
    assert!(folder.get("w.jpg").starts_with(b"\x89PNG"));
}

#[test]
fn a_look_that_would_fit_is_suggested() {
    let folder = Folder::new();
    // 320 x 240 in RGB: 57 600 bytes at two bits a sample, 86 400 at three.
    folder.put_cover("cover.png", 320, 240, Channels::Rgb);
    folder.put("fits.bin", &[1; 70_000]);
    folder.put("vast.bin", &[1; 200_000]);
    let line = "hide fits.bin --key key --out c.png --cover cover.png";
    folder.refuses(line, 2, "--look compact");
    folder.ok(&format!("{line} --look compact"));
    let line = "hide vast.bin --key key --out c2.png --cover cover.png";
    let refused = folder.refuses(line, 2, "would do");
    assert!(!refused.to_string().contains("compact"), "{refused}");
}
