//! The leader's status with the load of its workers, found from the answers of any nodes.

use cameo_common::api::NodeStatus;
use cameo_common::ids::NodeId;

use super::ClusterApi;
use super::address::check_url;

/// The reasons for which the loads are not available now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadsUnavailable {
    #[error("no node that answers knows of a leader")]
    NoLeader,
    #[error("node {0} leads and cannot be asked from here")]
    NotReached(NodeId),
    #[error("the leader is changing; ask again")]
    Changing,
}

impl ClusterApi {
    /// The leader's own status, with the loads of its workers. Taken from the given answers of
    /// nodes of this cluster, else from one more call to the leader that they name. A status of a
    /// follower or of a former leader is never returned.
    ///
    /// # Errors
    /// When no leader is known, when it cannot be reached, or when it is changing.
    pub async fn status_of_leader(
        &self,
        answers: &[NodeStatus],
    ) -> Result<NodeStatus, LoadsUnavailable> {
        let newest = answers
            .iter()
            .max_by_key(|status| (status.term, status.leader))
            .ok_or(LoadsUnavailable::NoLeader)?;
        let leader = newest.leader.ok_or_else(|| {
            let known = answers.iter().any(|status| status.leader.is_some());
            if known {
                LoadsUnavailable::Changing
            } else {
                LoadsUnavailable::NoLeader
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
            .ok_or(LoadsUnavailable::NotReached(leader))?;
        let answer = self.status_of(url).await;
        let status = answer.map_err(|_| LoadsUnavailable::NotReached(leader))?;
        let ours = status.cluster == Some(self.cluster_id());
        if ours && is_of_leader(&status, leader) && status.term >= newest.term {
            Ok(status)
        } else {
            Err(LoadsUnavailable::Changing)
        }
    }
}

fn is_of_leader(status: &NodeStatus, leader: NodeId) -> bool {
    status.node == leader && status.leader == Some(leader)
}

#[cfg(test)]
mod tests;
