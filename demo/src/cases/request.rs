//! Case "request": ben requests a photo, receives it hidden in a carrier, and opens it unchanged.

use std::time::Instant;

use serde_json::Value;

use super::{CaseFuture, CaseNodes, number, text};
use crate::reporter::Reporter;
use crate::setup::Setup;

const VIEWS: &str = "3";

pub fn request<'a>(setup: &'a mut Setup, reporter: &'a mut Reporter) -> CaseFuture<'a> {
    Box::pin(run(setup, reporter))
}

async fn run(setup: &mut Setup, reporter: &mut Reporter) -> anyhow::Result<CaseNodes> {
    unknown_user(setup, reporter).await?;
    add_photo(setup, reporter).await?;
    get_gallery(setup, reporter).await?;
    let (arrived, nodes) = request_photo(setup, reporter).await?;
    keep_carrier(setup, &arrived).await?;
    open_photo(setup, reporter).await?;
    Ok(nodes)
}

async fn unknown_user(setup: &Setup, reporter: &Reporter) -> anyhow::Result<()> {
    let unknown = setup.ben.run(&["gallery", "zoe"]).await?;
    anyhow::ensure!(
        unknown.code == 3,
        "asking for an unknown user ended with {}",
        unknown.code
    );
    reporter.step("ben asks for the gallery of zoe, who is not registered, and gets an error");
    Ok(())
}

async fn add_photo(setup: &mut Setup, reporter: &Reporter) -> anyhow::Result<()> {
    let photo = setup.photo.display().to_string();
    let added = setup
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
    setup.image = text(&added["images"][0], "image")?;
    reporter.step("ada adds the photo to the gallery: 3 views for everyone who asks");
    Ok(())
}

async fn get_gallery(setup: &Setup, reporter: &Reporter) -> anyhow::Result<()> {
    let previews = setup.pictures.join("gallery").display().to_string();
    let gallery = setup.ben.ok(&["gallery", "ada", "--to", &previews]).await?;
    let item = &gallery["images"][0];
    anyhow::ensure!(
        item["image"] == setup.image.as_str(),
        "ada's gallery does not show the photo: {gallery}"
    );
    std::fs::copy(text(item, "preview")?, setup.pictures.join("1-preview.jpg"))?;
    reporter.step("ben gets ada's gallery of small previews, directly from ada's agent");
    Ok(())
}

/// Requests the photo. Returns the JSON of the request, and the nodes that took part.
async fn request_photo(
    setup: &mut Setup,
    reporter: &mut Reporter,
) -> anyhow::Result<(Value, CaseNodes)> {
    let before = setup.jobs_finished().await;
    let leader = setup.cluster.leader().await?;
    let asked = Instant::now();
    let arrived = setup.ben.ok(&["request", "ada", &setup.image]).await?;
    let seconds = asked.elapsed().as_secs_f64();
    reporter.request_seconds = Some(seconds);
    setup.grant = text(&arrived, "grant")?;
    let worker = setup.worker_since(&before).await;
    anyhow::ensure!(worker.is_some(), "no node reports a finished job");
    anyhow::ensure!(
        worker != Some(leader),
        "the leader ran the job, though followers were available"
    );
    reporter.step(&format!(
        "request to \"delivered and acknowledged\" in {seconds:.2} s: node {leader} led, \
         node {} hid the photo",
        worker.unwrap_or_default()
    ));
    let nodes = CaseNodes {
        leader: Some(leader),
        worker,
    };
    Ok((arrived, nodes))
}

/// Copies the carrier to the pictures, and checks that no view is charged yet.
async fn keep_carrier(setup: &Setup, arrived: &Value) -> anyhow::Result<()> {
    let carrier = text(arrived, "carrier")?;
    let png = std::fs::read(&carrier)?;
    anyhow::ensure!(
        png.starts_with(b"\x89PNG\r\n\x1a\n"),
        "the carrier is no PNG"
    );
    std::fs::write(setup.pictures.join("2-carrier.png"), &png)?;
    let row = setup.ledger(&setup.grant).await?;
    anyhow::ensure!(
        number(&row, "permitted")? == 3 && number(&row, "used")? == 0,
        "the ledger has {row}"
    );
    Ok(())
}

async fn open_photo(setup: &Setup, reporter: &Reporter) -> anyhow::Result<()> {
    let saved = setup
        .pictures
        .join("3-what-ben-sees-with-views.jpg")
        .display()
        .to_string();
    let viewed = setup
        .ben
        .ok(&["view", &setup.grant, "--yes", "--save", &saved])
        .await?;
    let opened = cameo_common::ids::Hash::of(&std::fs::read(&saved)?);
    anyhow::ensure!(
        opened == setup.photo_hash,
        "ben opened another photo than ada's"
    );
    anyhow::ensure!(
        viewed["blake3"] == opened.to_string().as_str(),
        "the verb reports another hash than that of the file"
    );
    let row = setup.ledger(&setup.grant).await?;
    anyhow::ensure!(number(&row, "used")? == 1, "the ledger has {row}");
    reporter.step("ben opens it: bit for bit ada's photo; the ledger has 1 of 3 views used");
    Ok(())
}
