//! Ben vanishes: it is noticed; what ada changes meanwhile waits for him, and reaches him at once.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use cameo_harness::until;

use super::{Played, Playing, number, opens};
use crate::stage::{Stage, row};
use crate::tell::Teller;

/// How long the directory may take to drop a session, and the mailbox to be emptied.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

pub fn offline_detected<'a>(stage: &'a mut Stage, teller: &'a mut Teller) -> Playing<'a> {
    Box::pin(vanish(stage, teller))
}

pub fn update_offline<'a>(stage: &'a mut Stage, teller: &'a mut Teller) -> Playing<'a> {
    Box::pin(come_back(stage, teller))
}

async fn vanish(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Played> {
    let who = stage.ada.ok(&["who", "ben"]).await?;
    anyhow::ensure!(who["online"] == true, "the directory says {who}");
    stage.ben.kill_agent().await?;
    let vanished = Instant::now();
    teller.step("ben's agent is killed (SIGKILL): he says no goodbye");

    let queued = stage
        .ada
        .run(&["rights", &stage.grant, "--views", "6"])
        .await?;
    anyhow::ensure!(
        queued.code == 6,
        "rights for somebody offline ended with {}: {}{}",
        queued.code,
        queued.stdout,
        queued.stderr
    );
    teller.step("ada permits 6 views; ben does not answer; the change is queued (exit code 6)");
    let dropped = async || {
        let who = stage.ada.ok(&["who", "ben"]).await.ok()?;
        (who["online"] == false).then_some(())
    };
    until(
        "the directory to drop ben's session",
        SETTLES_WITHIN,
        dropped,
    )
    .await?;
    teller.step(&format!(
        "the directory has dropped ben's session, {:.2} s after he vanished",
        vanished.elapsed().as_secs_f64()
    ));
    Ok(Played {
        leader: Some(stage.cluster.leader().await?),
        worker: None,
    })
}

async fn come_back(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Played> {
    let queued = stage
        .ada
        .run(&["rights", &stage.grant, "--views", "8"])
        .await?;
    anyhow::ensure!(
        queued.code == 6,
        "rights for somebody offline ended with {}: {}{}",
        queued.code,
        queued.stdout,
        queued.stderr
    );
    let kept = stage.ledger(&stage.grant).await?;
    anyhow::ensure!(
        kept["in_mailbox"] == true,
        "the mailbox does not hold the rights: {kept}"
    );
    teller.step("ada permits 8 views; the cluster keeps the change in ben's mailbox");

    stage.ben.start_agent().await?;
    let back = Instant::now();
    let version = number(&kept, "version")?;
    let acknowledged = async || {
        let row = stage.ledger(&stage.grant).await.ok()?;
        (row["acknowledged"].as_u64()? >= version && row["in_mailbox"] == false).then_some(())
    };
    until(
        "ben to acknowledge the rights",
        SETTLES_WITHIN,
        acknowledged,
    )
    .await?;
    teller.step(&format!(
        "ben comes back; the cluster pushes the change; he has acknowledged it {:.2} s later",
        back.elapsed().as_secs_f64()
    ));

    let inbox = stage.ben.ok(&["inbox"]).await?;
    let held =
        row(&inbox["grants"], "grant", &stage.grant).context("ben's inbox lost the grant")?;
    anyhow::ensure!(
        number(&held, "permitted")? == 8 && number(&held, "left")? == 4,
        "ben's inbox says {held}"
    );
    opens(stage, &stage.ben, &stage.grant).await?;
    teller.step("ben opens it: 5 of 8 used");
    Ok(Played {
        leader: Some(stage.cluster.leader().await?),
        worker: None,
    })
}
