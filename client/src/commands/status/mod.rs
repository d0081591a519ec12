//! `status`: shows the state of this home, its agent and its cluster, also while the cluster is
//! unavailable.

mod account;
mod deals;
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
    let (nodes, account, deals) = tokio::join!(nodes::ask(ctx), account::ask(ctx), deals::ask(ctx));
    let loads = ctx
        .api
        .status_of_leader(&nodes::of_this_cluster(ctx, &nodes))
        .await;
    let agent = AgentLock::holder(ctx.vault.home())?.is_some();
    let (waiting, given_up) = outbox(ctx)?;
    let troubles = troubles(ctx)?;
    let copied = ctx.vault.get::<OtherAgent>(OtherAgent::ID)?;
    let images = ctx.vault.list::<Image>()?.len();
    let held = ctx.vault.list::<GrantHeld>()?.len();
    let mut text = format!(
        "{} in {}, cluster {}\n{}\n{}; {images} images, {held} shared with you, {waiting} items \
         in the outbox{}\n{}\n{}\n",
        ctx.me.name,
        ctx.vault.home().path().display(),
        short(&ctx.me.cluster),
        account.text(ctx),
        if agent {
            "the agent runs"
        } else {
            "no agent runs (`cameo agent`)"
        },
        match given_up {
            0 => String::new(),
            many => format!(", and {many} given up"),
        },
        nodes::text(ctx, &nodes),
        workers::text(&loads)
    );
    text.push_str(&deals::text(deals.as_ref(), agent));
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
        .with("given_up", given_up)
        .with("deal_again", deals::document(deals.as_ref()))
        .with("other_agent", copied.map(|other| other.noticed))
        .with("troubles", troubles);
    Ok(match account.problem() {
        None => report,
        Some(kind) => report.problem(kind),
    })
}

/// How many items of the outbox are to be delivered, and how many are given up.
fn outbox(ctx: &Context) -> Result<(usize, usize), VaultError> {
    let all = due(&ctx.vault, clock::now())?;
    let mut given_up = 0;
    for item in &all {
        let attempts = ctx.vault.get::<Attempts>(&item.key.id())?;
        given_up += usize::from(attempts.is_some_and(|attempts| attempts.is_given_up()));
    }
    Ok((all.len() - given_up, given_up))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::{alone, keep_request};
    use crate::vault::records::{IncomingState, OutboxKey};

    #[tokio::test]
    async fn what_is_given_up_is_not_counted_as_to_be_delivered() {
        // given a denial that is to be told to its viewer
        let world = alone();
        let ctx = &world.core.ctx;
        let denied = IncomingState::Denied {
            reason: String::new(),
            told: false,
        };
        let request = keep_request(&world, denied).request;
        assert_eq!(outbox(ctx).unwrap(), (1, 0));
        // when it is given up
        Attempts::give_up(&ctx.vault, OutboxKey::Denied(request), "retired".into()).unwrap();
        // then it is said apart
        assert_eq!(outbox(ctx).unwrap(), (0, 1));
    }
}
