//! `inspect`: a carrier with and without its key, and other files.

use std::process::Output;

use cameo_client::vault;
use cameo_codec::Channels;

use super::workdir::{Folder, crc};

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
