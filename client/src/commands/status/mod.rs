//! `status`: shows the state of this home, its agent and its cluster, also while the cluster is
//! unavailable.

mod account;
mod nodes;
mod workers;

use clap::Args;

use crate::clock;
use crate::flows::context::Context;
use crate::flows::outbox::due;
use crate::output::{Report, moment};
use crate::text::prefix::short;
use crate::vault::records::{Attempts, GrantHeld, Image, OtherAgent};
use crate::vault::{AgentLock, VaultError};

/// `status` has no arguments.
#[derive(Debug, Args)]
pub struct Arguments {}

pub async fn run(ctx: &Context, _: Arguments) -> Result<Report, VaultError> {
    let (nodes, account) = tokio::join!(nodes::ask(ctx), account::ask(ctx));
    let loads = ctx
        .api
        .status_of_leader(&nodes::of_this_cluster(ctx, &nodes))
        .await;
    let agent = AgentLock::holder(ctx.vault.home())?.is_some();
    let waiting = due(&ctx.vault, clock::now())?.len();
    let troubles = troubles(ctx)?;
    let copied = ctx.vault.get::<OtherAgent>(OtherAgent::ID)?;
    let images = ctx.vault.list::<Image>()?.len();
    let held = ctx.vault.list::<GrantHeld>()?.len();
    let mut text = format!(
        "{} in {}, cluster {}\n{}\n{}; {images} images, {held} shared with you, {waiting} items \
         in the outbox\n{}\n{}\n",
        ctx.me.name,
        ctx.vault.home().path().display(),
        short(&ctx.me.cluster),
        account.text(ctx),
        if agent {
            "the agent runs"
        } else {
            "no agent runs (`cameo agent`)"
        },
        nodes::text(ctx, &nodes),
        workers::text(&loads)
    );
    if let Some(other) = &copied {
        let noticed = moment(other.noticed);
        text.push_str(&format!("{} (noticed {noticed})\n", OtherAgent::SENTENCE));
    }
    text.push_str(&troubles.join("\n"));
    let report = Report::new(text)
        .with("name", &ctx.me.name)
        .with("key", ctx.me.identity_key().public())
        .with("device", ctx.me.device_key().public())
        .with_file("home", ctx.vault.home().path())
        .with("cluster", ctx.me.cluster)
        .with("account", account.document(ctx))
        .with("leader", nodes::leader(&nodes))
        .with("nodes", nodes::document(ctx, &nodes))
        .with("workers", workers::document(&loads))
        .with("agent", agent)
        .with("images", images)
        .with("held", held)
        .with("outbox", waiting)
        .with("other_agent", copied.map(|other| other.noticed))
        .with("troubles", troubles);
    Ok(match account.problem() {
        None => report,
        Some(kind) => report.problem(kind),
    })
}

/// Failed attempts of the outbox, and whether they will be repeated.
fn troubles(ctx: &Context) -> Result<Vec<String>, VaultError> {
    let all = ctx.vault.list::<Attempts>()?.into_iter();
    let texts = all.map(|(_, attempts)| {
        let then = if attempts.is_given_up() {
            " (given up, until they make contact or the agent restarts)"
        } else {
            ""
        };
        let Attempts {
            count, last_error, ..
        } = &attempts;
        format!("{count} failed attempts: {last_error}{then}")
    });
    Ok(texts.collect())
}
