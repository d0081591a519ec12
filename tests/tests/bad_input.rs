//! Bad input: one clear sentence, the right exit code, and no loss.

use std::path::Path;

use cameo_harness::{CommandResult, Person};
use cameo_tests::{Outcome, PHOTOS, World, grant_row, photo, share, text};

/// A refusal has its exit code, one JSON document with a code and a sentence, and nothing else.
fn assert_refused(ran: &CommandResult, code: i32, says: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.json["schema"], 1, "{ran:?}");
    assert_eq!(ran.json["ok"], false, "{ran:?}");
    assert!(ran.json["error"]["code"].is_string(), "{ran:?}");
    let message = ran.json["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(says), "expected `{says}` in {ran:?}");
}

async fn refused(person: &Person, arguments: &[&str], code: i32, says: &str) -> anyhow::Result<()> {
    assert_refused(&person.run(arguments).await?, code, says);
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn mistakes_of_a_viewer_are_named_and_charge_nothing() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben, eve) = (
        world.person("ada").await?,
        world.person("ben").await?,
        world.person("eve").await?,
    );
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;

    refused(&ben, &["gallery", "zoe"], 3, "zoe is not registered").await?;
    refused(&ben, &["gallery", "Not A Name"], 2, "name").await?;
    refused(
        &ben,
        &["request", "ada", "0123456789abcdef0123456789abcdef"],
        3,
        "image",
    )
    .await?;
    refused(&ben, &["view", "0123"], 3, "grant").await?;
    refused(&ben, &["rights", &shared.grant, "--views", "9"], 3, "grant").await?;

    // Another person's carrier, and pictures that are not carriers.
    refused(&eve, &["view", &shown(&shared.carrier)], 3, "").await?;
    let damaged = world.folder().join("damaged.png");
    let mut bytes = std::fs::read(&shared.carrier)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&damaged, &bytes)?;
    let ran = ben.run(&["view", &shown(&damaged)]).await?;
    assert!([1, 3].contains(&ran.code), "{ran:?}");
    let foreign = world.folder().join("foreign.png");
    std::fs::write(&foreign, b"\x89PNG\r\n\x1a\n and nothing more")?;
    let ran = ben.run(&["view", &shown(&foreign)]).await?;
    assert!([1, 2, 3].contains(&ran.code), "{ran:?}");

    assert_eq!(
        grant_row(&ada, "shared", &shared.grant).await?["used"],
        0,
        "none of this was charged"
    );
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    Ok(())
}

#[tokio::test]
async fn mistakes_of_an_owner_are_named() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);

    refused(
        &ada,
        &["add", "/there/is/no.jpg", "--views", "1"],
        3,
        "no.jpg",
    )
    .await?;
    let note = world.folder().join("note.txt");
    std::fs::write(&note, "not a picture")?;
    refused(
        &ada,
        &["add", &shown(&note), "--views", "1"],
        2,
        "--preview",
    )
    .await?;

    // A picture with a huge size in its header is refused before memory is allocated.
    let vast = world.folder().join("vast.png");
    std::fs::write(&vast, vast_png())?;
    refused(&ada, &["add", &shown(&vast), "--views", "1"], 2, "").await?;
    assert_eq!(ada.ok(&["status"]).await?["ok"], true);

    // A truncated JPEG is refused as the photo, as the preview and as the cover.
    let whole = shown(&photo(PHOTOS[0]));
    let bytes = std::fs::read(&whole)?;
    let cut = world.folder().join("cut.jpg");
    std::fs::write(&cut, &bytes[..bytes.len() / 2])?;
    let cut = shown(&cut);
    for line in [
        &["add", &cut][..],
        &["add", &whole, "--preview", &cut],
        &["add", &whole, "--cover", &cut],
    ] {
        refused(&ada, line, 2, "ends before its picture does").await?;
    }
    // With a preview of its own it is shared as it is.
    ada.ok(&["add", &cut, "--preview", &whole]).await?;

    // Any file can be shared with a preview of the owner's own.
    let added = ada
        .ok(&[
            "add",
            &shown(&note),
            "--policy",
            "open",
            "--views",
            "1",
            "--preview",
            &shown(&photo(PHOTOS[0])),
        ])
        .await?;
    let image = text(&added["images"][0], "image")?;
    let arrived = ben.ok(&["request", "ada", &image]).await?;
    let viewed = ben
        .ok(&["view", &text(&arrived, "grant")?, "--yes"])
        .await?;
    assert_eq!(text(&viewed, "blake3")?, cameo_tests::hash_of(&note)?);
    for person in [&ada, &ben] {
        let gallery = person.command(&["gallery", "ada"]).output().await?;
        let words = String::from_utf8(gallery.stdout)?;
        assert!(words.contains("no picture, 13 bytes"), "{words}");
    }

    // A closed image is not listed and not given.
    let added = ada
        .ok(&[
            "add",
            &shown(&photo(PHOTOS[1])),
            "--policy",
            "closed",
            "--views",
            "1",
        ])
        .await?;
    let closed = text(&added["images"][0], "image")?;
    let ran = ben.run(&["request", "ada", &closed]).await?;
    assert!([3, 4].contains(&ran.code), "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn attack_a_registered_name_cannot_be_taken_over() -> Outcome {
    let world = World::new(3).await?;
    let ada = world.registered("ada").await?;
    let folder = world.folder().join("other");
    std::fs::create_dir(&folder)?;
    let other = Person::new(&world.binaries, &folder, "ada")?;
    let ran = other
        .run(&["init", "ada", "--cluster", &world.cluster.urls()])
        .await?;
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(
        ran.json["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .contains("ada"),
        "{ran:?}"
    );
    // The first one keeps the name, and registering twice is no mistake.
    ada.ok(&["init", "ada", "--cluster", &world.cluster.urls()])
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_home_has_one_agent() -> Outcome {
    let world = World::new(3).await?;
    let ada = world.person("ada").await?;
    let second = ada.run(&["agent"]).await?;
    assert_refused(&second, 1, "agent");
    Ok(())
}

#[tokio::test]
async fn an_unreachable_cluster_and_another_one_are_named() -> Outcome {
    let mut world = World::new(3).await?;
    let ada = world.registered("ada").await?;
    let url = world.cluster.urls();
    let (first, _) = url.split_once(',').unwrap_or((&url, ""));
    let (base, _) = first.split_once('#').unwrap_or((first, ""));
    let wrong = format!("{base}#{}", "0".repeat(64));
    let eve = world.stranger("eve")?;
    let ran = eve.run(&["init", "eve", "--cluster", &wrong]).await?;
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.json["error"]["message"].is_string(), "{ran:?}");

    for node in &mut world.cluster.nodes {
        node.kill().await?;
    }
    refused(&ada, &["who"], 7, "").await?;
    Ok(())
}

/// A PNG whose header claims 2^31-1 by 2^31-1 pixels.
fn vast_png() -> Vec<u8> {
    let mut png =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\0\0\0".to_vec();
    // CRC-32 of the chunk's type and body.
    let crc = crc32(&png[12..]);
    png.extend(crc.to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[tokio::test]
async fn adding_prints_hints_about_agent_and_duplicates() -> Outcome {
    let world = World::new(3).await?;
    let mut ada = world.registered("ada").await?;
    let path = shown(&photo(PHOTOS[1]));
    let notes = async |ada: &Person| {
        let added = ada.command(&["add", &path]).output().await?;
        assert!(added.status.success(), "{added:?}");
        anyhow::Ok(String::from_utf8(added.stderr)?)
    };

    // Without an agent the image is not listed to others, and a photo may be in the gallery
    // already.
    let first = notes(&ada).await?;
    assert!(first.contains("`cameo agent`"), "{first}");
    assert!(!first.contains("already"), "{first}");
    ada.start_agent().await?;
    let again = notes(&ada).await?;
    assert!(!again.contains("`cameo agent`"), "{again}");
    assert!(again.contains("in your gallery already"), "{again}");
    Ok(())
}
