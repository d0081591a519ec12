//! Cases 2 to 4: changes of rights while the viewer is online, offline, and back.

use cameo_tests::{
    Outcome, PHOTOS, SETTLES_WITHIN, World, grant_row, photo, share, text, until_row,
};

#[tokio::test]
async fn raised_rights_arrive_at_once_while_the_viewer_is_online() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "1"]).await?;
    ben.ok(&["view", &shared.grant, "--yes"]).await?;

    let raised = ada.ok(&["rights", &shared.grant, "--views", "2"]).await?;
    assert_eq!(raised["delivered"], true, "{raised}");
    let held = grant_row(&ben, "inbox", &shared.grant).await?;
    assert_eq!(
        (held["permitted"].as_u64(), held["left"].as_u64()),
        (Some(2), Some(1)),
        "{held}"
    );
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    Ok(())
}

#[tokio::test]
async fn attack_revoked_rights_open_nothing() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "5"]).await?;
    ben.ok(&["view", &shared.grant, "--yes"]).await?;
    let revoked = ada.ok(&["revoke", &shared.grant]).await?;
    // Enough nodes have signed that they release nothing by older rights.
    let confirmation = &revoked["confirmation"];
    assert_eq!(confirmation["in_force"], true, "{revoked}");
    assert_eq!(confirmation["needed"], 2, "{revoked}");
    let refused = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(refused.code, 4, "{refused:?}");
    // The owner still sees the views that were charged.
    let log = ada.ok(&["log", &shared.grant]).await?;
    assert_eq!(log["views"].as_array().map(Vec::len), Some(1), "{log}");
    Ok(())
}

#[tokio::test]
async fn expired_rights_open_nothing() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "1000"]).await?;
    ada.ok(&["rights", &shared.grant, "--expires", "1s"])
        .await?;
    let look = async || {
        let ran = ben.run(&["view", &shared.grant, "--yes"]).await.ok()?;
        (ran.code == 4).then_some(ran)
    };
    cameo_harness::until("the rights to expire", SETTLES_WITHIN, look).await?;
    Ok(())
}

#[tokio::test]
async fn a_change_while_the_viewer_is_offline_arrives_when_they_are_back() -> Outcome {
    let world = World::new(3).await?;
    let (ada, mut ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "1"]).await?;
    ben.kill_agent().await?;

    // The change is queued, and the directory drops the session.
    let queued = ada.run(&["rights", &shared.grant, "--views", "4"]).await?;
    assert_eq!(queued.code, 6, "{queued:?}");
    let gone = async || (ada.ok(&["who", "ben"]).await.ok()?["online"] == false).then_some(());
    cameo_harness::until("the directory to drop the session", SETTLES_WITHIN, gone).await?;
    assert_eq!(
        grant_row(&ada, "shared", &shared.grant).await?["in_mailbox"],
        true
    );

    // The viewer is back: the change is delivered, acknowledged, and gone from the mailbox.
    ben.start_agent().await?;
    until_row(&ada, "shared", &shared.grant, |row| {
        row["in_mailbox"] == false
    })
    .await?;
    let held = grant_row(&ben, "inbox", &shared.grant).await?;
    assert_eq!(
        (held["permitted"].as_u64(), held["left"].as_u64()),
        (Some(4), Some(4)),
        "{held}"
    );
    Ok(())
}

#[tokio::test]
async fn lowering_below_the_used_views_leaves_none_and_undoes_none() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "3"]).await?;
    for _ in 0..2 {
        ben.ok(&["view", &shared.grant, "--yes"]).await?;
    }
    let line = ["rights", &shared.grant, "--views", "1"];
    let lowered = ada.command(&line).output().await?;
    let words = String::from_utf8(lowered.stdout)?;
    assert!(words.contains("2 used"), "{words}");
    let refused = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(refused.code, 5, "{refused:?}");
    let row = grant_row(&ada, "shared", &shared.grant).await?;
    assert_eq!(
        (row["used"].as_u64(), row["left"].as_u64()),
        (Some(2), Some(0)),
        "{row}"
    );
    Ok(())
}

#[tokio::test]
async fn attack_a_revoked_viewer_does_not_get_the_photo_by_another_request() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[0]), &["--views", "5"]).await?;
    ada.ok(&["revoke", &shared.grant]).await?;
    let asked = ben
        .run(&["request", "ada", &shared.image, "--no-wait"])
        .await?;
    assert_ne!(asked.json["state"], "arrived", "{asked:?}");
    assert_ne!(asked.json["state"], "preparing", "{asked:?}");
    let refused = ben.run(&["view", &shared.grant, "--yes"]).await?;
    assert_eq!(refused.code, 4, "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_request_for_more_views_is_granted_once() -> Outcome {
    let world = World::new(3).await?;
    let (ada, ben) = (world.person("ada").await?, world.person("ben").await?);
    let shared = share(&ada, &ben, &photo(PHOTOS[1]), &["--views", "3"]).await?;
    ben.ok(&["request", "ada", &shared.image, "--more"]).await?;
    let waiting = ada.ok(&["requests"]).await?;
    let request = text(&waiting["in"][0], "request")?;
    let approved = ada.ok(&["approve", &request]).await?;
    assert_eq!(approved["permitted"], 6, "{approved}");

    let again = ada.run(&["approve", &request]).await?;
    assert_eq!(again.code, 2, "{again:?}");
    let words = text(&again.json["error"], "message")?;
    assert!(words.contains("approved already"), "{words}");
    let row = grant_row(&ada, "shared", &shared.grant).await?;
    assert_eq!(row["permitted"], 6, "{row}");
    Ok(())
}
