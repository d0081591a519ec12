//! Cases "offline-detected" and "update-offline": ben's agent is killed, which the directory
//! detects; rights changed meanwhile wait in ben's mailbox, and arrive when the agent is back.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use cameo_harness::until;

use super::{CaseFuture, CaseNodes, number, opens};
use crate::reporter::Reporter;
use crate::setup::{Setup, row};

/// Time limit for the directory to drop a session, and for the mailbox to become empty.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

pub fn offline_detected<'a>(setup: &'a mut Setup, reporter: &'a mut Reporter) -> CaseFuture<'a> {
    Box::pin(offline(setup, reporter))
}

pub fn update_offline<'a>(setup: &'a mut Setup, reporter: &'a mut Reporter) -> CaseFuture<'a> {
    Box::pin(online_again(setup, reporter))
}

/// Ada permits so many views in total to Ben, who is offline: the change is queued.
async fn permit_while_offline(setup: &mut Setup, views: &str) -> anyhow::Result<()> {
    let queued = setup
        .ada
        .run(&["rights", &setup.grant, "--views", views])
        .await?;
    anyhow::ensure!(
        queued.code == 6,
        "rights for an offline user ended with {}: {}{}",
        queued.code,
        queued.stdout,
        queued.stderr
    );
    Ok(())
}

async fn offline(setup: &mut Setup, reporter: &mut Reporter) -> anyhow::Result<CaseNodes> {
    let who = setup.ada.ok(&["who", "ben"]).await?;
    anyhow::ensure!(who["online"] == true, "the directory has {who}");
    setup.ben.kill_agent().await?;
    let killed = Instant::now();
    reporter.step("ben's agent is killed (SIGKILL), so it does not sign off");

    permit_while_offline(setup, "6").await?;
    reporter.step("ada permits 6 views; ben does not answer; the change is queued (exit code 6)");
    let dropped = async || {
        let who = setup.ada.ok(&["who", "ben"]).await.ok()?;
        (who["online"] == false).then_some(())
    };
    until(
        "the directory to drop ben's session",
        SETTLES_WITHIN,
        dropped,
    )
    .await?;
    reporter.step(&format!(
        "the directory has dropped ben's session, {:.2} s after the kill",
        killed.elapsed().as_secs_f64()
    ));
    Ok(CaseNodes {
        leader: Some(setup.cluster.leader().await?),
        worker: None,
    })
}

async fn online_again(setup: &mut Setup, reporter: &mut Reporter) -> anyhow::Result<CaseNodes> {
    permit_while_offline(setup, "8").await?;
    let kept = setup.ledger(&setup.grant).await?;
    anyhow::ensure!(
        kept["in_mailbox"] == true,
        "the mailbox does not hold the rights: {kept}"
    );
    reporter.step("ada permits 8 views; the cluster keeps the change in ben's mailbox");

    setup.ben.start_agent().await?;
    let back = Instant::now();
    let version = number(&kept, "version")?;
    let acknowledged = async || {
        let row = setup.ledger(&setup.grant).await.ok()?;
        (row["acknowledged"].as_u64()? >= version && row["in_mailbox"] == false).then_some(())
    };
    until(
        "ben to acknowledge the rights",
        SETTLES_WITHIN,
        acknowledged,
    )
    .await?;
    reporter.step(&format!(
        "ben's agent is back; the cluster pushes the change; it is acknowledged {:.2} s later",
        back.elapsed().as_secs_f64()
    ));

    let inbox = setup.ben.ok(&["inbox"]).await?;
    let held =
        row(&inbox["grants"], "grant", &setup.grant).context("ben's inbox has lost the grant")?;
    anyhow::ensure!(
        number(&held, "permitted")? == 8 && number(&held, "left")? == 4,
        "ben's inbox has {held}"
    );
    opens(setup, &setup.ben, &setup.grant).await?;
    reporter.step("ben opens it: 5 of 8 used");
    Ok(CaseNodes {
        leader: Some(setup.cluster.leader().await?),
        worker: None,
    })
}
