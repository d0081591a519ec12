//! Case "exhausted": after the last view only the cover is shown, and the ledger has exactly the
//! permitted number of views.

use super::{CaseFuture, CaseNodes, number, opens};
use crate::reporter::Reporter;
use crate::setup::Setup;

pub fn exhausted<'a>(setup: &'a mut Setup, reporter: &'a mut Reporter) -> CaseFuture<'a> {
    Box::pin(run(setup, reporter))
}

async fn run(setup: &mut Setup, reporter: &mut Reporter) -> anyhow::Result<CaseNodes> {
    for used in [2, 3] {
        let viewed = opens(setup, &setup.ben, &setup.grant).await?;
        anyhow::ensure!(
            number(&viewed, "used")? == used,
            "view {used} reports {viewed}"
        );
    }
    reporter.step("ben opens it twice more");

    let cover = setup.pictures.join("4-what-ben-sees-without-views.png");
    let cover_to = cover.display().to_string();
    let refused = setup
        .ben
        .run(&["view", &setup.grant, "--yes", "--cover-to", &cover_to])
        .await?;
    anyhow::ensure!(
        refused.code == 5,
        "the view after the last ended with {}: {}",
        refused.code,
        refused.stdout
    );
    anyhow::ensure!(cover.is_file(), "no cover was shown");
    reporter.step("the fourth time only the cover is shown (exit code 5)");

    let log = setup.ada.ok(&["log", &setup.grant]).await?;
    let views = log["views"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(views == 3, "the ledger has {views} views: {log}");
    let row = setup.ledger(&setup.grant).await?;
    anyhow::ensure!(number(&row, "left")? == 0, "the ledger has {row}");
    reporter.step("ada's log has exactly 3 views");
    Ok(CaseNodes {
        leader: Some(setup.cluster.leader().await?),
        worker: None,
    })
}
