//! Waiting until the nodes vote by the newest descriptor.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{NodeStatus, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::NodeId;
use cameo_common::keys::{PublicKey, SigningKey};
use tokio::time::{Instant, sleep};

use crate::operator::call::{Ends, get, send};
use crate::operator::member_error::MemberError;

/// Time for a node that was promoted to start again, and for Raft to take it over.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

/// Waits until a majority of a descriptor's nodes say, each of its own, that these are the voters.
///
/// # Errors
/// [`MemberError::NotFollowed`] when that does not come true in time.
pub(super) async fn until_followed(
    key: &Arc<SigningKey>,
    descriptor: &Descriptor,
    urls: &BTreeSet<String>,
) -> Result<(), MemberError> {
    let end = Instant::now() + PATIENCE;
    let expected: BTreeSet<NodeId> = descriptor.nodes.iter().map(|node| node.id).collect();
    let keys: Vec<PublicKey> = descriptor.nodes.iter().map(|node| node.key).collect();
    let ends = Ends {
        operator: key,
        nodes: Some(&keys),
    };
    loop {
        let mut following = BTreeSet::new();
        let mut why = Vec::new();
        for url in urls {
            let answer = match send(url, &get(paths::STATUS), ends).await {
                Ok(answer) => answer,
                Err(error) => {
                    why.push(error.to_string());
                    continue;
                }
            };
            let status = serde_json::from_slice::<NodeStatus>(&answer.body).ok();
            if status.is_some_and(|status| voters(&status) == expected) {
                following.insert(answer.node);
            } else {
                why.push(format!("{url} has other voters"));
            }
        }
        if following.len() >= descriptor.threshold() {
            return Ok(());
        }
        if Instant::now() + ROUND_PAUSE >= end {
            let why = why.join("; ");
            return Err(MemberError::NotFollowed { why });
        }
        sleep(ROUND_PAUSE).await;
    }
}

fn voters(status: &NodeStatus) -> BTreeSet<NodeId> {
    let voters = status.members.iter().filter(|member| member.voter);
    voters.map(|member| member.id).collect()
}
