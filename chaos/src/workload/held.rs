//! Memory that nodes keep for jobs when no client wants one any more.

use std::time::Duration;

use cameo_common::api::JobMemory;
use cameo_common::ids::NodeId;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::status::status;
use crate::history::{Held, Key, Op, Operation};

/// A job of any size takes less, and so does what a node waits for a client.
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two looks at a node.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks at each node until it keeps nothing or should have been drained, and records the last
/// look.
pub async fn look(client: &mut Client) {
    let until = Instant::now() + DRAINED_WITHIN;
    for node in client.run.port.nodes() {
        loop {
            let is_last = Instant::now() >= until;
            let out = memory(client, node).await;
            let drained = out.is_some_and(|held| held.inputs + held.pictures == 0);
            if drained || is_last {
                // One that does not answer has said nothing.
                if out.is_some() {
                    let op = Op::Held(Operation { arg: (), out });
                    client.note(&Key::node(node), op);
                }
                break;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn memory(client: &Client, node: NodeId) -> Option<Held> {
    let JobMemory {
        inputs, pictures, ..
    } = status(client, node).await?.job_memory;
    Some(Held { inputs, pictures })
}
