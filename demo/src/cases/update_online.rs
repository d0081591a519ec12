//! Case "update-online": rights raised while the viewer is online arrive directly.

use std::time::Instant;

use super::{CaseFuture, CaseNodes, number, opens};
use crate::reporter::Reporter;
use crate::setup::{Setup, row};

pub fn update_online<'a>(setup: &'a mut Setup, reporter: &'a mut Reporter) -> CaseFuture<'a> {
    Box::pin(run(setup, reporter))
}

async fn run(setup: &mut Setup, reporter: &mut Reporter) -> anyhow::Result<CaseNodes> {
    let changed = Instant::now();
    let rights = setup
        .ada
        .ok(&["rights", &setup.grant, "--views", "5"])
        .await?;
    anyhow::ensure!(
        rights["delivered"] == true,
        "the rights were not delivered directly: {rights}"
    );
    reporter.step(&format!(
        "ada permits 5 views; ben's agent has them {:.2} s later",
        changed.elapsed().as_secs_f64()
    ));

    let inbox = setup.ben.ok(&["inbox"]).await?;
    let held = row(&inbox["grants"], "grant", &setup.grant).unwrap_or_default();
    anyhow::ensure!(
        number(&held, "permitted")? == 5 && number(&held, "left")? == 2,
        "ben's inbox has {held}"
    );
    let viewed = opens(setup, &setup.ben, &setup.grant).await?;
    anyhow::ensure!(number(&viewed, "used")? == 4, "the view reports {viewed}");
    reporter.step("ben opens it again: 4 of 5 used");
    Ok(CaseNodes {
        leader: Some(setup.cluster.leader().await?),
        worker: None,
    })
}
