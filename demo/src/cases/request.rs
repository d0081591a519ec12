//! Ben asks for a photo; it comes hidden in a carrier; he opens it, bit for bit.

use std::time::Instant;

use super::{Played, Playing, number, text};
use crate::stage::Stage;
use crate::tell::Teller;

const VIEWS: &str = "3";

pub fn request<'a>(stage: &'a mut Stage, teller: &'a mut Teller) -> Playing<'a> {
    Box::pin(play(stage, teller))
}

async fn play(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Played> {
    let unknown = stage.ben.run(&["gallery", "zoe"]).await?;
    anyhow::ensure!(
        unknown.code == 3,
        "asking for somebody unknown ended with {}",
        unknown.code
    );
    teller.step("ben asks for zoe, and is told that she is not registered");

    let photo = stage.photo.display().to_string();
    let added = stage
        .ada
        .ok(&[
            "add",
            &photo,
            "--policy",
            "open",
            "--views",
            VIEWS,
            "--may-save",
        ])
        .await?;
    stage.image = text(&added["images"][0], "image")?;
    teller.step("ada adds the photo to her gallery: 3 views for whoever asks");

    let previews = stage.pictures.join("gallery").display().to_string();
    let gallery = stage.ben.ok(&["gallery", "ada", "--to", &previews]).await?;
    let item = &gallery["images"][0];
    anyhow::ensure!(
        item["image"] == stage.image.as_str(),
        "ada's gallery does not show the photo: {gallery}"
    );
    std::fs::copy(text(item, "preview")?, stage.pictures.join("1-preview.jpg"))?;
    teller.step("ben gets ada's gallery of small previews, straight from her agent");

    let before = stage.jobs_finished().await;
    let leader = stage.cluster.leader().await?;
    let asked = Instant::now();
    let arrived = stage.ben.ok(&["request", "ada", &stage.image]).await?;
    let seconds = asked.elapsed().as_secs_f64();
    teller.request_seconds = Some(seconds);
    stage.grant = text(&arrived, "grant")?;
    let worker = stage.worker_since(&before).await;
    anyhow::ensure!(worker.is_some(), "no node says that it has worked");
    anyhow::ensure!(
        worker != Some(leader),
        "the leader worked, though followers were there"
    );
    teller.step(&format!(
        "request to \"delivered and acknowledged\" in {seconds:.2} s: node {leader} led, node {} hid the photo",
        worker.unwrap_or_default()
    ));

    let carrier = text(&arrived, "carrier")?;
    let png = std::fs::read(&carrier)?;
    anyhow::ensure!(
        png.starts_with(b"\x89PNG\r\n\x1a\n"),
        "the carrier is no PNG"
    );
    std::fs::write(stage.pictures.join("2-carrier.png"), &png)?;
    let row = stage.ledger(&stage.grant).await?;
    anyhow::ensure!(
        number(&row, "permitted")? == 3 && number(&row, "used")? == 0,
        "the ledger says {row}"
    );

    let saved = stage
        .pictures
        .join("3-what-ben-sees-with-views.jpg")
        .display()
        .to_string();
    let viewed = stage
        .ben
        .ok(&["view", &stage.grant, "--yes", "--save", &saved])
        .await?;
    let opened = cameo_common::ids::Hash::of(&std::fs::read(&saved)?);
    anyhow::ensure!(
        opened == stage.photo_hash,
        "ben opened another photo than ada's"
    );
    anyhow::ensure!(
        viewed["blake3"] == opened.to_string().as_str(),
        "the verb tells another hash than the file"
    );
    let row = stage.ledger(&stage.grant).await?;
    anyhow::ensure!(number(&row, "used")? == 1, "the ledger says {row}");
    teller.step("ben opens it: bit for bit ada's photo; the ledger has 1 of 3 views used");
    Ok(Played {
        leader: Some(leader),
        worker,
    })
}
