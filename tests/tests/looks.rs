//! Looks and titles of carriers: the owner chooses them, and nothing else of the owner is revealed.

use cameo_tests::{Outcome, PHOTOS, World, hash_of, photo, share, text};

#[tokio::test]
async fn each_look_gives_carriers_of_its_depth() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let original = photo(PHOTOS[1]);
    for (options, depth) in [
        (&["--look", "discreet"][..], 1),
        (&["--caption", "for you, and nobody else"], 2),
        (&["--look", "compact", "--no-caption"], 3),
        (&["--depth", "4"], 4),
    ] {
        let shared = share(&ada, &ben, &original, options).await?;
        let carrier = shared.carrier.display().to_string();
        let inspected = ben.ok(&["inspect", &carrier]).await?;
        assert_eq!(inspected["depth"], depth, "{options:?}: {inspected}");
        let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
        assert_eq!(text(&viewed, "blake3")?, hash_of(&original)?, "{options:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_files_name_stays_with_its_owner() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let telling = world.folder().join("at home 52.5200N 13.4050E.jpg");
    std::fs::copy(photo(PHOTOS[1]), &telling)?;
    let shared = share(&ada, &ben, &telling, &[]).await?;
    let titled = share(&ada, &ben, &telling, &["--title", "Friends"]).await?;

    let gallery = ben.ok(&["gallery", "ada"]).await?;
    let inbox = ben.ok(&["inbox"]).await?;
    let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(viewed["name"], "untitled.jpg");
    for output in [&gallery, &inbox, &viewed] {
        assert!(!output.to_string().contains("52.52"), "{output}");
    }
    let viewed = ben.ok(&["view", &titled.grant, "--yes"]).await?;
    assert_eq!(viewed["name"], "Friends.jpg");

    // The owner sees the file names.
    let own = ada.ok(&["gallery", "ada"]).await?;
    let own = own["images"][0].clone();
    assert_eq!(text(&own, "image")?, shared.image);
    assert_eq!(own["title"], "untitled");
    assert_eq!(own["name"], "at home 52.5200N 13.4050E.jpg");
    Ok(())
}

#[tokio::test]
async fn an_image_that_can_have_no_carrier_is_refused_when_it_is_added() -> Outcome {
    let world = World::new(3).await?;
    let ada = world.registered("ada").await?;
    let path = photo(PHOTOS[0]).display().to_string();

    // A thumbnail as the cover of a whole photo.
    let small = world.folder().join("small.jpg");
    let added = ada.ok(&["add", &path]).await?;
    let own = ada.ok(&["gallery", "ada"]).await?;
    assert_eq!(own["images"][0]["image"], added["images"][0]["image"]);
    std::fs::copy(text(&own["images"][0], "preview")?, &small)?;
    let small = small.display().to_string();
    let refused = ada.run(&["add", &path, "--cover", &small]).await?;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(
        refused.json["error"]["code"], "cover_too_small",
        "{refused:?}"
    );
    assert!(refused.json["enough"][0].is_u64(), "{refused:?}");

    // More than any picture can hold at one bit a sample.
    let vast = world.folder().join("vast.bin");
    std::fs::File::create(&vast)?.set_len(60 << 20)?;
    let vast = vast.display().to_string();
    let line = ["add", &vast, "--preview", &path, "--look", "discreet"];
    let refused = ada.run(&line).await?;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(refused.json["error"]["code"], "no_cover", "{refused:?}");

    // A caption on a cover of the owner's own.
    let line = ["add", &path, "--cover", &path, "--caption", "mine"];
    let refused = ada.run(&line).await?;
    assert_eq!(refused.code, 2, "{refused:?}");
    Ok(())
}
