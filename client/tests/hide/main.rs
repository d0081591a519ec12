//! `hide`, `reveal` and `inspect` as processes on real files: round trips, and refusals that leave
//! nothing behind.

#![allow(clippy::unwrap_used)]

mod inspect;
mod workdir;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use cameo_codec::{Channels, Picture, png};
use serde_json::Value;

use self::workdir::{Folder, TURNED};

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
    folder.refuses("reveal notes --key key --out out", 3, "not a PNG");

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
    folder.put_photo("whole.jpg");
    let whole = folder.get("whole.jpg");
    folder.put("cut.jpg", &whole[..whole.len() / 2]);
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
            "not a picture",
        ),
        (
            "hide notes --key key --out c.png --cover cut.jpg",
            2,
            "ends before its picture does",
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
        "--help",
        "--json dance",
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
            said.contains("cannot be written") && !said.contains("panicked"),
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
