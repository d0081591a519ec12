//! Grants that the ledger lacks, by the word of more nodes than may lie.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::api::ErrorCode;
use cameo_common::ids::GrantId;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::cluster_api::{ClusterApi, ClusterError};

/// Bound on asking the nodes.
const ASK_DEADLINE: Duration = Duration::from_secs(3);

/// Whether n - t + 1 nodes lack this grant, each by its own word and key: with fewer than t liars,
/// one of them is honest. A leader alone cannot say it for the others.
pub async fn is_absent(api: &ClusterApi, grant: &GrantId) -> bool {
    let end = Instant::now() + ASK_DEADLINE;
    let Ok(Ok(descriptor)) = timeout_at(end, api.descriptor()).await else {
        return false;
    };
    let needed = (descriptor.nodes.len() + 1).saturating_sub(descriptor.threshold());
    let mut asked: FuturesUnordered<_> = descriptor
        .nodes
        .iter()
        .map(async |node| (node.key, api.grant_at(node.id, grant).await.err()))
        .collect();
    let mut lacking = BTreeSet::new();
    while lacking.len() < needed {
        match timeout_at(end, asked.next()).await {
            Ok(Some((key, Some(error)))) if lacks_it(&error) => {
                lacking.insert(key);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return false,
        }
    }
    true
}

fn lacks_it(error: &ClusterError) -> bool {
    error.code() == Some(ErrorCode::NotFound)
}
