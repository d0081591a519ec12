//! Requests of several images at once.

use std::collections::BTreeSet;

use anyhow::Context as _;
use cameo_tests::{Outcome, PHOTOS, World, hash_of, photo, text};
use serde_json::Value;

/// Most images of one `request`.
const MOST: usize = 16;

/// The outcome of each image.
fn images(document: &Value) -> anyhow::Result<&[Value]> {
    let images = document["images"].as_array();
    Ok(images.with_context(|| format!("no images in {document}"))?)
}

#[tokio::test]
async fn several_images_are_requested_at_once_and_each_has_its_own_outcome() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let mut arguments = vec!["request".to_owned(), "ada".to_owned()];
    for name in &PHOTOS[..3] {
        let path = photo(name).display().to_string();
        let added = ada.ok(&["add", &path, "--policy", "open"]).await?;
        arguments.push(text(&added["images"][0], "image")?);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();

    let arrived = ben.ok(&arguments).await?;
    let images = images(&arrived)?;
    assert_eq!(images.len(), 3, "{arrived}");
    for ((row, asked), name) in images.iter().zip(&arguments[2..]).zip(PHOTOS) {
        assert_eq!(
            (row["image"].as_str(), &row["state"]),
            (Some(*asked), &"arrived".into())
        );
        let viewed = ben.ok(&["view", &text(row, "grant")?, "--yes"]).await?;
        assert_eq!(text(&viewed, "blake3")?, hash_of(&photo(name))?);
    }

    // Requested again with one that does not exist: the outcome has the good ones and the error.
    let again = [&arguments[..3], &["ffffffffffff"]].concat();
    let ran = ben.run(&again).await?;
    assert_eq!(ran.code, 3, "{ran:?}");
    let images = &ran.json["images"];
    assert_eq!(images[0]["ok"], true, "{ran:?}");
    assert_eq!(images[1]["error"]["code"], "not_found", "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn sixteen_images_come_together_from_several_workers_and_all_open() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let photos: Vec<_> = PHOTOS.iter().cycle().take(MOST).collect();
    let paths: Vec<_> = photos
        .iter()
        .map(|name| photo(name).display().to_string())
        .collect();
    let mut add = vec!["add", "--policy", "open"];
    add.extend(paths.iter().map(String::as_str));
    let added = ada.ok(&add).await?;
    let ids = images(&added)?.iter().map(|added| text(added, "image"));
    let ids = ids.collect::<anyhow::Result<Vec<_>>>()?;

    // The exit code is 6, not 0, when some have not arrived in time.
    let mut request = vec!["request", "ada", "--timeout", "240s"];
    request.extend(ids.iter().map(String::as_str));
    let arrived = ben.ok(&request).await?;

    let images = images(&arrived)?;
    assert_eq!(images.len(), MOST, "{arrived}");
    for ((row, id), name) in images.iter().zip(&ids).zip(&photos) {
        assert_eq!(
            (&text(row, "image")?, &row["state"]),
            (id, &"arrived".into())
        );
        let viewed = ben.ok(&["view", &text(row, "grant")?, "--yes"]).await?;
        assert_eq!(text(&viewed, "blake3")?, hash_of(&photo(name))?, "{name}");
    }

    let shared = ada.ok(&["shared"]).await?;
    let grants = shared["grants"].as_array().context("no grants")?;
    assert_eq!(grants.len(), MOST, "{shared}");
    let workers: BTreeSet<_> = grants.iter().map(|row| row["worker"].as_u64()).collect();
    assert!(workers.len() > 1 && !workers.contains(&None), "{shared}");
    Ok(())
}
