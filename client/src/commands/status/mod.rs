//! `status`: how this home, its agent and its cluster are. It never fails for a cluster that is away.

mod workers;

use cameo_common::api::NodeStatus;
use clap::Args;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::clock;
use crate::flows::context::Context;
use crate::flows::outbox::due;
use crate::output::{Report, table};
use crate::text::prefix::short;
use crate::vault::records::{Attempts, GrantHeld, Image};
use crate::vault::{AgentLock, VaultError};

/// `status` needs nothing.
#[derive(Debug, Args)]
pub struct Arguments {}

pub async fn run(ctx: &Context, _: Arguments) -> Result<Report, VaultError> {
    let urls = ctx.api.urls();
    let asked = urls
        .iter()
        .map(|url| async move { (url, ctx.api.status_of(url).await.ok()) });
    let nodes = join_all(asked).await;
    let ours = |status: &NodeStatus| {
        status
            .cluster
            .is_none_or(|cluster| cluster == ctx.me.cluster)
    };
    let mut rows = Vec::new();
    let mut told: Vec<Value> = Vec::new();
    for (url, status) in &nodes {
        let (row, document) = match status {
            Some(status) if !ours(status) => (
                "belongs to another cluster".to_owned(),
                json!({ "url": url, "reachable": true, "ours": false }),
            ),
            Some(status) => (
                format!(
                    "node {}, leader {}, {} entries applied",
                    status.node,
                    status
                        .leader
                        .map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
                    status.applied
                ),
                json!({
                    "url": url, "reachable": true, "ours": true, "node": status.node, "leader": status.leader,
                    "term": status.term, "applied": status.applied, "jobs_finished": status.jobs_finished,
                }),
            ),
            None => (
                "cannot be reached".to_owned(),
                json!({ "url": url, "reachable": false }),
            ),
        };
        rows.push(vec![(*url).clone(), row]);
        told.push(document);
    }
    let answers: Vec<NodeStatus> = nodes
        .iter()
        .filter_map(|(_, status)| status.clone())
        .filter(|status| status.cluster == Some(ctx.me.cluster))
        .collect();
    let loads = ctx.api.status_of_leader(&answers).await;
    let leader = nodes.iter().find_map(|(_, status)| status.as_ref()?.leader);
    let agent = AgentLock::holder(ctx.vault.home())?;
    let waiting = due(&ctx.vault, clock::now())?.len();
    let troubles: Vec<String> = ctx
        .vault
        .list::<Attempts>()?
        .into_iter()
        .map(|(_, attempts)| {
            let then = if attempts.are_over() {
                " (for good, unless they ask again or the agent is started anew)"
            } else {
                ""
            };
            let Attempts {
                count, last_error, ..
            } = &attempts;
            format!("{count} failed attempts: {last_error}{then}")
        })
        .collect();
    let images = ctx.vault.list::<Image>()?.len();
    let held = ctx.vault.list::<GrantHeld>()?.len();
    let mut text = format!(
        "{} in {}, cluster {}\n{}; {images} images, {held} shared with you, {waiting} things wait\n{}\n{}\n",
        ctx.me.name,
        ctx.vault.home().path().display(),
        short(&ctx.me.cluster),
        match agent {
            Some(_) => "the agent runs",
            None => "no agent runs (`cameo agent`)",
        },
        table(&rows),
        workers::text(&loads)
    );
    text.push_str(&troubles.join("\n"));
    Ok(Report::new(text)
        .with("name", &ctx.me.name)
        .with("key", ctx.me.identity_key().public())
        .with("device", ctx.me.device_key().public())
        .with_file("home", ctx.vault.home().path())
        .with("cluster", ctx.me.cluster)
        .with("leader", leader)
        .with("nodes", told)
        .with("workers", workers::document(&loads))
        .with("agent", agent.is_some())
        .with("images", images)
        .with("held", held)
        .with("outbox", waiting)
        .with("troubles", troubles))
}
