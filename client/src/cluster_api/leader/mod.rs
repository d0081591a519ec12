//! What the leader says of its workers, whichever nodes were asked.

use cameo_common::api::NodeStatus;
use cameo_common::ids::NodeId;

use super::ClusterApi;
use super::cluster::check_url;

/// Why nobody tells the loads at the moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLoads {
    #[error("no node that answers knows of a leader")]
    NoLeader,
    #[error("node {0} leads and cannot be asked from here")]
    NotReached(NodeId),
    #[error("the leader is changing; ask again")]
    Changing,
}

impl ClusterApi {
    /// The leader's own status, with the loads of its workers: from what nodes of this cluster have
    /// answered already, or with one more question to the leader that they name. Never what another node
    /// believes, nor what one says that has led before.
    ///
    /// # Errors
    /// See [`NoLoads`].
    pub async fn status_of_leader(&self, answers: &[NodeStatus]) -> Result<NodeStatus, NoLoads> {
        let newest = answers
            .iter()
            .max_by_key(|status| (status.term, status.leader))
            .ok_or(NoLoads::NoLeader)?;
        let leader = newest.leader.ok_or_else(|| {
            let known = answers.iter().any(|status| status.leader.is_some());
            if known {
                NoLoads::Changing
            } else {
                NoLoads::NoLeader
            }
        })?;
        let leads =
            |status: &&NodeStatus| is_of_leader(status, leader) && status.term == newest.term;
        if let Some(own) = answers.iter().find(leads) {
            return Ok(own.clone());
        }
        let member = newest.members.iter().find(|member| member.id == leader);
        let url = member.map(|member| member.url.trim_end_matches('/'));
        let url = url
            .filter(|url| check_url(url).is_ok())
            .ok_or(NoLoads::NotReached(leader))?;
        let told = self.status_of(url).await;
        let told = told.map_err(|_| NoLoads::NotReached(leader))?;
        let ours = told.cluster == Some(self.cluster_id());
        if ours && is_of_leader(&told, leader) && told.term >= newest.term {
            Ok(told)
        } else {
            Err(NoLoads::Changing)
        }
    }
}

fn is_of_leader(status: &NodeStatus, leader: NodeId) -> bool {
    status.node == leader && status.leader == Some(leader)
}

#[cfg(test)]
mod tests;
