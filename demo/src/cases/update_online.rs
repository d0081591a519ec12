//! Rights raised while the viewer is online arrive at once, directly.

use std::time::Instant;

use super::{Played, Playing, number, opens};
use crate::stage::{Stage, row};
use crate::tell::Teller;

pub fn update_online<'a>(stage: &'a mut Stage, teller: &'a mut Teller) -> Playing<'a> {
    Box::pin(play(stage, teller))
}

async fn play(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Played> {
    let changed = Instant::now();
    let rights = stage
        .ada
        .ok(&["rights", &stage.grant, "--views", "5"])
        .await?;
    anyhow::ensure!(
        rights["delivered"] == true,
        "the rights were not delivered directly: {rights}"
    );
    teller.step(&format!(
        "ada permits 5 views; ben's agent has them {:.2} s later",
        changed.elapsed().as_secs_f64()
    ));

    let inbox = stage.ben.ok(&["inbox"]).await?;
    let held = row(&inbox["grants"], "grant", &stage.grant).unwrap_or_default();
    anyhow::ensure!(
        number(&held, "permitted")? == 5 && number(&held, "left")? == 2,
        "ben's inbox says {held}"
    );
    let viewed = opens(stage, &stage.ben, &stage.grant).await?;
    anyhow::ensure!(number(&viewed, "used")? == 4, "the view tells {viewed}");
    teller.step("ben opens it again: 4 of 5 used");
    Ok(Played {
        leader: Some(stage.cluster.leader().await?),
        worker: None,
    })
}
