//! Case 1: B requests an image of A, and opens it as often as the rights permit.

use cameo_tests::{Outcome, PHOTOS, World, grant_row, hash_of, photo, share, text};

#[tokio::test]
async fn every_photo_arrives_hidden_and_opens_bit_for_bit() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    for (name, codec) in PHOTOS
        .iter()
        .zip(["veil", "alpha", "veil", "alpha", "veil"])
    {
        let original = photo(name);
        let shared = share(&ada, &ben, &original, &["--views", "1", "--codec", codec]).await?;

        let inspected = ben
            .ok(&["inspect", &shared.carrier.display().to_string()])
            .await?;
        assert_eq!(inspected["looks_like"], codec, "{name}: {inspected}");

        let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
        assert_eq!(
            text(&viewed, "blake3")?,
            hash_of(&original)?,
            "{name} by {codec}"
        );
        assert_eq!(
            viewed["bytes"],
            std::fs::metadata(&original)?.len(),
            "{name}"
        );
        assert_eq!(
            (viewed["used"].as_u64(), viewed["left"].as_u64()),
            (Some(1), Some(0))
        );
    }
    Ok(())
}

#[tokio::test]
async fn after_the_last_view_only_the_cover_is_shown() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[1]), &["--views", "2"]).await?;
    for used in 1..=2u64 {
        let viewed = ben.ok(&["view", &shared.grant, "--yes"]).await?;
        assert_eq!(viewed["used"].as_u64(), Some(used));
    }

    let cover = world.folder().join("cover.png");
    let refused = ben
        .run(&[
            "view",
            &shared.grant,
            "--yes",
            "--cover-to",
            &cover.display().to_string(),
        ])
        .await?;
    assert_eq!(refused.code, 5, "{refused:?}");
    assert_eq!(
        std::fs::read(&cover)?,
        std::fs::read(&shared.carrier)?,
        "the carrier is what everyone sees"
    );

    // A refusal charges nothing, and the owner sees exactly the views that were charged.
    let log = ada.ok(&["log", &shared.grant]).await?;
    assert_eq!(log["views"].as_array().map(Vec::len), Some(2), "{log}");
    Ok(())
}

#[tokio::test]
async fn saving_needs_the_owners_permission() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    let target = world.folder().join("saved.jpg");
    let save = [
        "view",
        &shared.grant,
        "--yes",
        "--save",
        &target.display().to_string(),
    ]
    .map(str::to_owned);
    let save: Vec<_> = save.iter().map(String::as_str).collect();

    let refused = ben.run(&save).await?;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(!target.exists());
    assert_eq!(
        grant_row(&ada, "shared", &shared.grant).await?["used"],
        0,
        "a refusal charges nothing"
    );

    ada.ok(&["rights", &shared.grant, "--may-save", "yes"])
        .await?;
    ben.ok(&save).await?;
    assert_eq!(hash_of(&target)?, hash_of(&photo(PHOTOS[0]))?);
    Ok(())
}

#[tokio::test]
async fn an_owner_who_is_asked_decides() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let path = photo(PHOTOS[0]).display().to_string();
    let added = ada
        .ok(&["add", &path, "--policy", "ask", "--views", "2"])
        .await?;
    let image = text(&added["images"][0], "image")?;

    let asked = ben.ok(&["request", "ada", &image, "--no-wait"]).await?;
    assert_eq!(asked["state"], "waiting", "{asked}");
    let waiting = ada.ok(&["requests"]).await?;
    let request = text(&waiting["in"][0], "request")?;
    ada.ok(&["approve", &request]).await?;

    let look = async || {
        let inbox = ben.ok(&["inbox"]).await.ok()?;
        Some(
            inbox["grants"].as_array()?.first()?["grant"]
                .as_str()?
                .to_owned(),
        )
    };
    let grant =
        cameo_harness::until("the carrier to arrive", cameo_tests::SETTLES_WITHIN, look).await?;
    let viewed = ben.ok(&["view", &grant, "--yes"]).await?;
    assert_eq!(text(&viewed, "blake3")?, hash_of(&photo(PHOTOS[0]))?);
    Ok(())
}

#[tokio::test]
async fn attack_five_commands_at_once_open_exactly_three_permitted_views() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[1]), &["--views", "3"]).await?;
    let arguments = ["view", &shared.grant, "--yes"];
    let (a, b, c, d, e) = tokio::join!(
        ben.run(&arguments),
        ben.run(&arguments),
        ben.run(&arguments),
        ben.run(&arguments),
        ben.run(&arguments)
    );
    let mut codes: Vec<_> = [a?, b?, c?, d?, e?].iter().map(|ran| ran.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 0, 5, 5]);
    let log = ada.ok(&["log", &shared.grant]).await?;
    assert_eq!(log["views"].as_array().map(Vec::len), Some(3), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_carrier_that_cannot_be_made_is_reported_and_may_come_later() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let path = photo(PHOTOS[0]).display().to_string();
    let added = ada.ok(&["add", &path, "--policy", "open"]).await?;
    let image = text(&added["images"][0], "image")?;
    let file = ada.home.join("photos").join(&image);
    let away = world.folder().join("away");
    std::fs::rename(&file, &away)?;

    // Ben's own timeout does not end this request: it is longer than a command may run here.
    let failed = ben
        .run(&["request", "ada", &image, "--timeout", "1h"])
        .await?;
    assert_eq!(failed.code, 1, "{failed:?}");
    assert_eq!(failed.json["error"]["code"], "share_failed", "{failed:?}");
    let asked = ben.ok(&["requests", "--all"]).await?;
    assert_eq!(asked["out"][0]["state"], "failed", "{asked}");

    std::fs::rename(&away, &file)?;
    let waiting = ada.ok(&["requests"]).await?;
    assert_eq!(waiting["in"][0]["state"], "failed", "{waiting}");
    ada.ok(&["approve", &text(&waiting["in"][0], "request")?])
        .await?;
    let asked = ben.ok(&["requests", "--all"]).await?;
    assert_eq!(asked["out"][0]["state"], "arrived", "{asked}");
    let grant = text(&asked["out"][0], "detail")?;
    let viewed = ben.ok(&["view", &grant, "--yes"]).await?;
    assert_eq!(text(&viewed, "blake3")?, hash_of(&photo(PHOTOS[0]))?);
    Ok(())
}

#[tokio::test]
async fn without_a_display_no_view_is_charged_unseen() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[1]), &["--views", "3"]).await?;

    // Without a display, the error says what to do, and nothing is charged.
    for line in [&["view", &shared.grant][..], &["view", &shared.grant, "-y"]] {
        let refused = ben.command(line).output().await?;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let words = String::from_utf8(refused.stderr)?;
        assert!(words.contains("nothing was used"), "{words}");
        assert!(words.contains("--no-show"), "{words}");
        assert!(!words.contains("--save"), "ada does not permit it: {words}");
    }
    let refused = ben.run(&["view", &shared.grant]).await?;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(refused.json["error"]["code"], "no_display", "{refused:?}");
    assert_eq!(grant_row(&ada, "shared", &shared.grant).await?["used"], 0);

    // With `--no-show` a view is checked and charged.
    let viewed = ben.ok(&["view", &shared.grant, "--no-show"]).await?;
    assert_eq!(viewed["shown"], "decoded", "{viewed}");
    assert_eq!(viewed["used"], 1, "{viewed}");

    // Where saving is permitted, saving works without a display.
    ada.ok(&["rights", &shared.grant, "--may-save", "yes"])
        .await?;
    let refused = ben.run(&["view", &shared.grant]).await?;
    let words = text(&refused.json["error"], "message")?;
    assert!(words.contains("--save"), "{words}");
    assert_eq!(grant_row(&ada, "shared", &shared.grant).await?["used"], 1);
    Ok(())
}
