//! Status of a cluster, node by node, for the operator. Needs no key: nodes tell it to everyone.

use std::sync::Arc;

use cameo_common::api::{ClusterInfo, NodeStatus, paths};
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use futures_util::future::join_all;
use serde_json::json;
use zeroize::Zeroizing;

use super::call::{Ends, get, send};
use super::health;
use super::newest_chain::{ForkedChain, Newest};
use super::nodes::Nodes;
use super::patience::Tell;
use super::refusal::{refusal, shortly};
use super::status_lines::{ClusterStatus, NodeLine, Role, SCHEMA};
use crate::host::rng::system_bytes;

/// Why there is no status. Nothing is known then of nodes at other addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// What each URL that was given does, in a few words.
    #[error(
        "no node answers at the URLs that were given, and nothing is known of those at others; \
         give their URLs too: {0}"
    )]
    NoNode(String),
    #[error("{url} is a node of another cluster than {cluster}: check the URL and its fingerprint")]
    OtherCluster { url: String, cluster: ClusterId },
    #[error(transparent)]
    Forked(#[from] ForkedChain),
    #[error("{0}")]
    Random(String),
}

/// The document where no node answers: whether the cluster is healthy is not known.
#[must_use]
pub fn unknown_status(why: &StatusError) -> String {
    let document = json!({
        "schema": SCHEMA,
        "healthy": false,
        "nodes": [],
        "problems": [why.to_string()],
        "error": why.to_string(),
    });
    document.to_string()
}

/// Asks each voter of the cluster.
///
/// # Errors
/// See [`StatusError`].
pub async fn cluster_status(
    address: ClusterAddress,
    tell: Tell<'_>,
) -> Result<ClusterStatus, StatusError> {
    let seed = Zeroizing::new(system_bytes().map_err(StatusError::Random)?);
    let key = Arc::new(SigningKey::from_seed(*seed));
    let found = tell.waiting(
        "waiting for a node of the cluster to answer",
        found(&key, &address),
    );
    let newest = found.await?;
    let nodes = &newest.nodes;
    let asked = nodes.urls.iter().map(|url| status(&key, nodes, url));
    let asked = tell.waiting("waiting for the nodes' answers", join_all(asked));
    let answers: Vec<_> = nodes.urls.iter().cloned().zip(asked.await).collect();
    let lines = lines(newest.descriptor(), &answers);
    let problems = health::problems(&lines, nodes.needed);
    let leader = lines.iter().find(|line| line.role == Role::Leader);
    Ok(ClusterStatus {
        schema: SCHEMA,
        cluster: address.cluster,
        healthy: problems.is_empty(),
        leader: leader.map(|line| line.id),
        nodes: lines,
        problems,
    })
}

/// The proven descriptors of a cluster, and its newest nodes.
///
/// # Errors
/// See [`StatusError`].
pub(super) async fn found(
    key: &Arc<SigningKey>,
    address: &ClusterAddress,
) -> Result<Newest, StatusError> {
    let ends = Ends {
        operator: key,
        nodes: None,
    };
    let (mut failures, mut wrong) = (Vec::new(), None);
    for url in &address.nodes {
        let answer = match send(url, &get(paths::CLUSTER), ends).await {
            Ok(answer) => answer,
            Err(error) => {
                failures.push(error.to_string());
                continue;
            }
        };
        let Ok(info) = serde_json::from_slice::<ClusterInfo>(&answer.body) else {
            failures.push(format!("{url} {}", shortly(&refusal(&answer.body))));
            continue;
        };
        match Newest::of(address.cluster, &address.nodes, info) {
            Ok(newest) => return Ok(newest),
            Err(_) => {
                wrong = Some(StatusError::OtherCluster {
                    url: url.clone(),
                    cluster: address.cluster,
                });
            }
        }
    }
    Err(wrong.unwrap_or_else(|| StatusError::NoNode(failures.join("; "))))
}

/// A node's answer, with the key that it has proved.
type Answered = Result<(PublicKey, NodeStatus), String>;

async fn status(key: &Arc<SigningKey>, nodes: &Nodes, url: &str) -> Answered {
    let ends = Ends {
        operator: key,
        nodes: Some(&nodes.keys),
    };
    let answer = send(url, &get(paths::STATUS), ends).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let status = serde_json::from_slice(&answer.body);
    let status = status.map_err(|_| format!("{url} {}", shortly(&refusal(&answer.body))))?;
    Ok((answer.node, status))
}

/// A line for each voter, by its proven key, and for each worker, by the leader's word.
fn lines(descriptor: &Descriptor, answers: &[(String, Answered)]) -> Vec<NodeLine> {
    let statuses = || {
        answers
            .iter()
            .filter_map(|(_, answered)| answered.as_ref().ok())
    };
    let committed = statuses().map(|(_, status)| status.committed).max();
    let committed = committed.unwrap_or_default();
    let failures: Vec<_> = answers
        .iter()
        .filter_map(|(_, answered)| answered.as_ref().err().cloned())
        .collect();
    let mut lines = Vec::new();
    for node in &descriptor.nodes {
        let answer = answers.iter().find_map(|(url, answered)| match answered {
            Ok((key, status)) if *key == node.key => Some((url, status)),
            _ => None,
        });
        lines.push(match answer {
            Some((url, status)) => of_voter(node.id, url, status, committed),
            None => silent(node.id, &failures),
        });
    }
    let newest = statuses()
        .map(|(_, status)| status)
        .max_by_key(|status| status.term);
    let workers = newest.into_iter().flat_map(|status| &status.members);
    for worker in workers.filter(|member| !member.voter) {
        lines.push(NodeLine {
            url: Some(worker.url.clone()),
            error: None,
            role: Role::Worker,
            ..silent(worker.id, &[])
        });
    }
    lines
}

fn of_voter(id: NodeId, url: &str, status: &NodeStatus, committed: u64) -> NodeLine {
    NodeLine {
        id,
        url: Some(url.to_owned()),
        role: match status.leader == Some(id) {
            true => Role::Leader,
            false => Role::Follower,
        },
        term: Some(status.term),
        applied: Some(status.applied),
        behind: Some(committed.saturating_sub(status.applied)),
        quarantined: status.quarantined,
        waits: status.waits.is_some(),
        disk: Some(status.disk),
        version: (!status.version.is_empty()).then(|| status.version.clone()),
        error: None,
    }
}

fn silent(id: NodeId, failures: &[String]) -> NodeLine {
    NodeLine {
        id,
        url: None,
        role: Role::Unknown,
        term: None,
        applied: None,
        behind: None,
        quarantined: false,
        waits: false,
        disk: None,
        version: None,
        error: Some(match failures {
            [] => "no address of it is known: give its URL too".to_owned(),
            failures => failures.join("; "),
        }),
    }
}
