//! One file a case. Each returns who led and who worked, or says what did not hold.

mod exhausted;
mod node_killed;
mod offline;
mod request;
mod update_online;

use std::future::Future;
use std::pin::Pin;

use anyhow::Context as _;
use cameo_harness::Person;
use serde_json::Value;

use crate::stage::Stage;

/// Who did it.
#[derive(Debug, Default)]
pub struct Played {
    pub leader: Option<u64>,
    pub worker: Option<u64>,
}

pub type Playing<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Played>> + 'a>>;

pub use exhausted::exhausted;
pub use node_killed::node_killed;
pub use offline::{offline_detected, update_offline};
pub use request::request;
pub use update_online::update_online;

/// A number that a verb's JSON has to have.
fn number(json: &Value, key: &str) -> anyhow::Result<u64> {
    json[key]
        .as_u64()
        .with_context(|| format!("no number `{key}` in {json}"))
}

/// A text that a verb's JSON has to have.
fn text(json: &Value, key: &str) -> anyhow::Result<String> {
    Ok(json[key]
        .as_str()
        .with_context(|| format!("no text `{key}` in {json}"))?
        .to_owned())
}

/// Opens the photo as the viewer and checks that it is the owner's, bit for bit.
async fn opens(stage: &Stage, viewer: &Person, grant: &str) -> anyhow::Result<Value> {
    let viewed = viewer.ok(&["view", grant, "--yes"]).await?;
    let expected = stage.photo_hash.to_string();
    anyhow::ensure!(
        viewed["blake3"] == expected.as_str(),
        "opened {} instead of {expected}",
        viewed["blake3"]
    );
    Ok(viewed)
}
