//! The cluster's identity and nodes, verified against the pinned id.

use cameo_common::api::{ApiError, ClusterInfo, NodeStatus, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Strict;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::call::{collect, decode};
use super::https::key_of;
use super::nodes::{Nodes, Server, offset};
use super::unanswered::Unanswered;
use super::{CONNECT_DEADLINE, ClusterApi, ClusterError, TRY_DEADLINE};
use crate::clock;

/// Longest answer about the cluster itself, in bytes.
const MAX_INFO: usize = 8 * 1024 * 1024;
/// Bound on a search for all nodes.
const SEARCH_DEADLINE: std::time::Duration = CONNECT_DEADLINE;
/// Pause between two rounds over all nodes.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

impl ClusterApi {
    /// The cluster's identity and nodes, from one of its nodes and proven by its descriptors.
    ///
    /// # Errors
    /// [`ClusterError::WrongCluster`] when the nodes that answer belong to another cluster.
    pub async fn info(&self) -> Result<ClusterInfo, ClusterError> {
        self.told_of(self.find_info()).await
    }

    async fn find_info(&self) -> Result<ClusterInfo, ClusterError> {
        let end = Instant::now() + self.inner.deadline;
        loop {
            let (mut wrong, mut others) = (None, 0);
            let urls = self.urls();
            for url in &urls {
                let asked = clock::now();
                let answer = self.get_unproved::<ClusterInfo>(url, paths::CLUSTER);
                let Ok(answer) = timeout_at(end, answer).await else {
                    break;
                };
                match answer {
                    Ok((info, key)) => match verify(url, &info, self.inner.cluster) {
                        Ok(()) => {
                            self.learn(url, key, &info, asked);
                            return Ok(info);
                        }
                        Err(error) => {
                            others += usize::from(is_other_cluster(&error));
                            wrong = Some(error);
                        }
                    },
                    Err(ClusterError::Unreachable { .. }) => {}
                    Err(error) => wrong = Some(error),
                }
            }
            if Instant::now() + PAUSE >= end || others == urls.len() || self.are_all_foreign(&urls)
            {
                return Err(wrong.unwrap_or_else(|| self.unreachable()));
            }
            sleep(PAUSE).await;
        }
    }

    /// The descriptor with the present voters, to which a share is dealt.
    ///
    /// # Errors
    /// As for [`ClusterApi::info`].
    pub async fn descriptor(&self) -> Result<Descriptor, ClusterError> {
        let info = self.info().await?;
        Ok(info.descriptors.newest().clone())
    }

    /// The newest descriptor that this client has verified; before the first answer all known
    /// addresses are asked at once. A node that keeps its answer back keeps nobody from asking the
    /// others by it.
    pub async fn known_descriptor(&self) -> Option<Descriptor> {
        self.search(|nodes| nodes.descriptor().is_some()).await;
        self.nodes().descriptor().cloned()
    }

    /// One node's own status. No other node is asked.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`] or [`ClusterError::Protocol`].
    pub async fn status_of(&self, url: &str) -> Result<NodeStatus, ClusterError> {
        let (status, _) = self.get_unproved(url, paths::STATUS).await?;
        Ok(status)
    }

    /// Verifies the cluster's identity once, before the first call.
    pub(super) async fn verify_identity(&self) -> Result<(), ClusterError> {
        if !self.nodes().is_verified() {
            self.info().await?;
        }
        if self.nodes().is_clock_doubtful() {
            self.search(Nodes::knows_time).await;
        }
        Ok(())
    }

    /// Asks all known addresses, at once, which node is there and what time it is, until that is
    /// enough.
    async fn search(&self, enough: impl Fn(&Nodes) -> bool) {
        let mut asked: FuturesUnordered<_> = self
            .urls()
            .into_iter()
            .map(|url| self.ask_at(url))
            .collect();
        let end = Instant::now() + SEARCH_DEADLINE;
        loop {
            let is_enough = enough(&self.nodes());
            if is_enough || !matches!(timeout_at(end, asked.next()).await, Ok(Some(()))) {
                return;
            }
        }
    }

    async fn ask_at(&self, url: String) {
        let asked = clock::now();
        let answer = self.get_unproved::<ClusterInfo>(&url, paths::CLUSTER).await;
        if let Ok((info, key)) = answer
            && verify(&url, &info, self.inner.cluster).is_ok()
        {
            self.learn(&url, key, &info, asked);
        }
    }

    /// Asks all known addresses until each voter has proved where it is.
    pub async fn find_all_nodes(&self) {
        self.search(Nodes::are_all_proved).await;
    }

    /// Asks until another node than these is found, or all are.
    pub(super) async fn find_another(&self, than: &[Server]) {
        let keys: Vec<PublicKey> = than.iter().map(|tried| tried.key).collect();
        self.find_another_key(&keys).await;
    }

    async fn find_another_key(&self, than: &[PublicKey]) {
        let is_tried = |key: PublicKey| than.contains(&key);
        let is_found = |nodes: &Nodes| {
            let mut servers = nodes.servers().into_iter();
            nodes.are_all_proved() || servers.any(|server| !is_tried(server.key))
        };
        self.search(is_found).await;
    }

    /// Takes the time from the nodes anew. False when too few answer before `end`.
    pub(super) async fn reset_clock(&self, end: Instant) -> bool {
        self.nodes().forget_clocks();
        let _searched = timeout_at(end, self.search(Nodes::knows_time)).await;
        self.nodes().knows_time()
    }

    /// Where a node serves. Nodes are asked until it has said so itself.
    pub(super) async fn server_of(&self, node: NodeId) -> Option<Server> {
        self.search(|nodes| nodes.server(node).is_some()).await;
        self.nodes().server(node)
    }

    /// The same, asked anew.
    pub(super) async fn new_server_of(&self, node: NodeId, old: &Server) -> Option<Server> {
        let is_new = |nodes: &Nodes| nodes.server(node).is_some_and(|server| server != *old);
        self.search(is_new).await;
        self.nodes().server(node).filter(|server| server != old)
    }

    /// Makes the next call start with this node.
    pub(super) fn prefer(&self, server: &Server) {
        self.nodes().prefer(server);
    }

    /// Makes the next call start with another node than the one that answered last, which may have
    /// lied; and than this one, which has failed.
    pub async fn ask_others_first(&self, failed: Option<NodeId>) {
        let (first, failed) = {
            let nodes = self.nodes();
            let voter = |id| nodes.descriptor()?.node(id).map(|node| node.key);
            (nodes.servers().into_iter().next(), failed.and_then(voter))
        };
        let last: Vec<PublicKey> = first
            .map(|first| first.key)
            .into_iter()
            .chain(failed)
            .collect();
        self.find_another_key(&last).await;
        for key in last {
            self.nodes().put_last(key);
        }
    }

    /// Takes a verified answer of the owner of this key, requested at `asked` on the local clock.
    fn learn(&self, url: &str, key: Option<PublicKey>, info: &ClusterInfo, asked: Millis) {
        let offset = offset(info.now, asked, clock::now());
        self.nodes().learn(url, key, info, offset);
    }

    /// One read at an address, and the key of the node that has answered, whichever it is.
    async fn get_unproved<A: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        path: &str,
    ) -> Result<(A, Option<PublicKey>), ClusterError> {
        let unreachable = |why: Unanswered| {
            let tried = format!("{url}: {why}");
            self.note_unanswered(url, why);
            ClusterError::Unreachable { tried }
        };
        let malformed = |why: String| ClusterError::Protocol {
            url: url.to_owned(),
            why,
        };
        self.note_unanswered(url, Unanswered::Asked);
        let ask = async {
            let http = self.inner.https.anyone();
            let sent = http.get(format!("{url}{path}")).send().await;
            let response = sent.map_err(|error| unreachable(Unanswered::of(&error)))?;
            self.note_answer(url);
            let key = key_of(&response);
            let status = response.status();
            let bytes = collect(response, MAX_INFO)
                .await
                .map_err(|why| why.map_or_else(|| unreachable(Unanswered::Silent), malformed))?;
            if status == reqwest::StatusCode::SERVICE_UNAVAILABLE {
                let why = serde_json::from_slice::<ApiError>(&bytes);
                let why = why.map_or(Unanswered::Status(status.as_u16()), |error| {
                    Unanswered::of_refusal(&error)
                });
                return Err(unreachable(why));
            }
            if !status.is_success() {
                return Err(malformed(format!("status {status}")));
            }
            Ok((decode(url, &bytes)?, key))
        };
        timeout(TRY_DEADLINE, ask)
            .await
            .unwrap_or_else(|_| Err(unreachable(Unanswered::Silent)))
    }
}

fn is_other_cluster(error: &ClusterError) -> bool {
    matches!(error, ClusterError::WrongCluster { .. })
}

/// Verifies the chain of descriptors, from the cluster's id on.
fn verify(url: &str, info: &ClusterInfo, pinned: ClusterId) -> Result<(), ClusterError> {
    let first = &info.descriptors.first;
    match first.founds() {
        Some(found) if found == pinned && info.cluster == pinned => {}
        Some(found) => {
            return Err(ClusterError::WrongCluster {
                url: url.to_owned(),
                found,
                pinned,
            });
        }
        None => {
            return Err(ClusterError::Protocol {
                url: url.to_owned(),
                why: "its first descriptor founds no cluster".to_owned(),
            });
        }
    }
    let chain = info.descriptors.verify(&Strict, pinned);
    chain.map(|_| ()).map_err(|why| ClusterError::Protocol {
        url: url.to_owned(),
        why: why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_common::cluster_descriptor::NodeIdentity;
    use cameo_common::descriptor_chain::{DescriptorLink, Descriptors};
    use cameo_common::ids::{Hash, NodeId};
    use cameo_common::keys::{PublicKey, SealingPublic};
    use cameo_common::registration::RegistrationMode;
    use cameo_common::signed::Signed;

    fn info() -> ClusterInfo {
        let node = NodeIdentity {
            id: NodeId(1),
            key: PublicKey([1; 32]),
            sealing: SealingPublic([2; 32]),
        };
        let descriptor = Descriptor::genesis(
            vec![node],
            PublicKey([8; 32]),
            RegistrationMode::Open,
            Hash([3; 32]),
        );
        ClusterInfo {
            schema: 1,
            cluster: descriptor.founds().unwrap(),
            descriptors: Descriptors::of_first(descriptor),
            address: Signed::from_bytes(Vec::new()),
            nodes: vec![],
            now: Millis::EPOCH,
        }
    }

    #[test]
    fn attack_only_the_pinned_cluster_is_accepted() {
        let good = info();
        assert_eq!(verify("u", &good, good.cluster), Ok(()));
        let pinned = ClusterId([9; 32]);
        assert!(matches!(
            verify("u", &good, pinned),
            Err(ClusterError::WrongCluster { .. })
        ));
        let liar = ClusterInfo {
            cluster: pinned,
            ..good
        };
        assert!(matches!(
            verify("u", &liar, pinned),
            Err(ClusterError::WrongCluster { .. })
        ));
    }

    #[test]
    fn attack_a_descriptor_that_a_node_supplies_itself_is_refused() {
        let mut grown = info();
        let first = &grown.descriptors.first;
        let later = DescriptorLink {
            descriptor: first.successor(first.nodes.clone()),
            operator: Signed::from_bytes(Vec::new()),
            voters: Vec::new(),
        };
        grown.descriptors.links.push(later);
        assert!(matches!(
            verify("u", &grown, grown.cluster),
            Err(ClusterError::Protocol { .. })
        ));
    }
}
