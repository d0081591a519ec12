//! The demo's cases, one file each. A case returns its leader and worker, or the failed check.

mod exhausted;
mod node_killed;
mod offline;
mod request;
mod update_online;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use cameo_harness::Person;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::setup::Setup;

/// Nodes that took part in a case.
#[derive(Debug, Default)]
pub struct CaseNodes {
    pub leader: Option<NodeId>,
    pub worker: Option<NodeId>,
}

pub type CaseFuture<'a> = LocalBoxFuture<'a, anyhow::Result<CaseNodes>>;

pub use exhausted::exhausted;
pub use node_killed::node_killed;
pub use offline::{offline_detected, update_offline};
pub use request::request;
pub use update_online::update_online;

/// A required number in a verb's JSON.
fn number(json: &Value, key: &str) -> anyhow::Result<u64> {
    json[key]
        .as_u64()
        .with_context(|| format!("no number `{key}` in {json}"))
}

/// A required text in a verb's JSON.
fn text(json: &Value, key: &str) -> anyhow::Result<String> {
    Ok(json[key]
        .as_str()
        .with_context(|| format!("no text `{key}` in {json}"))?
        .to_owned())
}

/// Opens the photo as the viewer, and compares its hash with that of the owner's file.
async fn opens(setup: &Setup, viewer: &Person, grant: &str) -> anyhow::Result<Value> {
    let viewed = viewer.ok(&["view", grant, "--yes"]).await?;
    let expected = setup.photo_hash.to_string();
    anyhow::ensure!(
        viewed["blake3"] == expected.as_str(),
        "opened {} instead of {expected}",
        viewed["blake3"]
    );
    Ok(viewed)
}
