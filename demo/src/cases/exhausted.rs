//! After the last view only the cover shows, and the ledger has exactly as many as were permitted.

use super::{Played, Playing, number, opens};
use crate::stage::Stage;
use crate::tell::Teller;

pub fn exhausted<'a>(stage: &'a mut Stage, teller: &'a mut Teller) -> Playing<'a> {
    Box::pin(play(stage, teller))
}

async fn play(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Played> {
    for used in [2, 3] {
        let viewed = opens(stage, &stage.ben, &stage.grant).await?;
        anyhow::ensure!(
            number(&viewed, "used")? == used,
            "view {used} tells {viewed}"
        );
    }
    teller.step("ben opens it twice more");

    let cover = stage.pictures.join("4-what-ben-sees-without-views.png");
    let cover_to = cover.display().to_string();
    let refused = stage
        .ben
        .run(&["view", &stage.grant, "--yes", "--cover-to", &cover_to])
        .await?;
    anyhow::ensure!(
        refused.code == 5,
        "the view after the last ended with {}: {}",
        refused.code,
        refused.stdout
    );
    anyhow::ensure!(cover.is_file(), "no cover was shown");
    teller.step("the fourth time only the cover shows (exit code 5)");

    let log = stage.ada.ok(&["log", &stage.grant]).await?;
    let views = log["views"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(views == 3, "the ledger has {views} views: {log}");
    let row = stage.ledger(&stage.grant).await?;
    anyhow::ensure!(number(&row, "left")? == 0, "the ledger says {row}");
    teller.step("ada's log has exactly 3 views");
    Ok(Played {
        leader: Some(stage.cluster.leader().await?),
        worker: None,
    })
}
