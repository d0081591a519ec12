//! The cluster's identity and nodes, verified against the pinned id.

use std::sync::Arc;

use cameo_common::api::{ApiError, ClusterInfo, NodeStatus, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{Hash, Millis, NodeId};
use cameo_common::keys::PublicKey;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::call::{collect, decode};
use super::chain::{Chain, FollowError};
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
                    Ok((info, key)) => match self.accept(url, key, &info, asked) {
                        Ok(()) => return Ok(info),
                        Err(error) => {
                            others += usize::from(is_other_cluster(&error));
                            wrong = graver(wrong, error);
                        }
                    },
                    Err(ClusterError::Unreachable { .. }) => {}
                    Err(error) => wrong = graver(wrong, error),
                }
            }
            let is_hopeless = others == urls.len() || self.are_all_foreign(&urls);
            if is_hopeless || wrong.as_ref().is_some_and(is_fork) || Instant::now() + PAUSE >= end {
                return Err(wrong.unwrap_or_else(|| self.unreachable()));
            }
            sleep(PAUSE).await;
        }
    }

    /// The newest descriptor that one of the nodes tells, or that is known already: a share is
    /// dealt to its nodes.
    ///
    /// # Errors
    /// As for [`ClusterApi::info`].
    pub async fn descriptor(&self) -> Result<Descriptor, ClusterError> {
        let info = self.info().await?;
        let known = self.nodes().descriptor().cloned();
        Ok(known.unwrap_or_else(|| info.descriptors.newest().clone()))
    }

    /// The newest descriptor that any node tells. All known addresses are asked: one node may be
    /// behind, or hide a change.
    pub async fn newest_descriptor(&self) -> Option<Descriptor> {
        self.search(|_| false).await;
        self.nodes().descriptor().cloned()
    }

    /// The descriptor with this hash and all later ones, in order of number; nodes are asked until
    /// one has told it. Empty when none does.
    pub async fn descriptors_since(&self, hash: &Hash) -> Vec<Descriptor> {
        let since = |nodes: &Nodes| nodes.chain().map(|chain| chain.since(hash));
        self.search(|nodes| since(nodes).is_some_and(|found| !found.is_empty()))
            .await;
        since(&self.nodes()).unwrap_or_default()
    }

    /// The number of the newest descriptor that is known; its changes are told.
    #[must_use]
    pub fn descriptor_number(&self) -> watch::Receiver<u64> {
        self.inner.descriptor_number.subscribe()
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
            && let Err(error) = self.accept(&url, key, &info, asked)
        {
            tracing::debug!(%error, "an answer about the cluster is not accepted");
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

    /// Asks for the time, unless that of a majority is known.
    pub(super) async fn learn_time(&self) {
        self.search(Nodes::knows_time).await;
        // The home may have known the address of one node only, which has told those of others.
        if self.nodes().is_verified() && !self.nodes().knows_time() {
            self.search(Nodes::knows_time).await;
        }
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

    /// Where the node of this key serves, also one that has left, in the same way.
    pub(super) async fn server_of_key(&self, key: &PublicKey) -> Option<Server> {
        self.search(|nodes| nodes.server_of_key(key).is_some())
            .await;
        self.nodes().server_of_key(key)
    }

    /// Where the node that does not answer there serves now.
    pub(super) async fn new_server(&self, old: &Server) -> Option<Server> {
        let moved = |nodes: &Nodes| nodes.server_of_key(&old.key).filter(|new| new != old);
        self.search(|nodes| moved(nodes).is_some()).await;
        moved(&self.nodes())
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

    /// Takes the answer of the owner of this key, requested at `asked` on the local clock, if it
    /// proves the cluster, and its chain goes on from the one that is known.
    fn accept(
        &self,
        url: &str,
        key: Option<PublicKey>,
        info: &ClusterInfo,
        asked: Millis,
    ) -> Result<(), ClusterError> {
        let followed = self.follow(url, info);
        match &followed {
            Ok(()) => {
                let offset = offset(info.now, asked, clock::now());
                self.nodes().learn(url, key, info, offset);
            }
            // Where it serves is signed by itself: true of a node that is behind or has left.
            Err(ClusterError::OlderChain { .. }) => self.nodes().learn_address(info),
            Err(ClusterError::Fork { .. }) => {
                tracing::error!(url, "a node shows another chain of the cluster's nodes");
            }
            Err(_) => {}
        }
        followed
    }

    /// Verifies a chain, and makes it the known one, if it goes on from what is known here and in
    /// the home.
    fn follow(&self, url: &str, info: &ClusterInfo) -> Result<(), ClusterError> {
        let known = self.nodes().chain().cloned();
        let is_known = |chain: &Arc<Chain>| chain.is_told(&info.descriptors);
        let chain = match known.filter(is_known) {
            Some(known) if info.cluster == self.inner.cluster => known,
            _ => Arc::new(Chain::verify(url, info, self.inner.cluster)?),
        };
        if let Some(memory) = &self.inner.memory {
            let followed = memory.follow(chain.verified());
            followed.map_err(|error| error.at(url))?;
        }
        let number = {
            let mut nodes = self.nodes();
            let followed = nodes.follow(chain);
            followed.map_err(|error| FollowError::from(error).at(url))?;
            nodes.descriptor().map_or(0, |newest| newest.number)
        };
        let changed = |known: &mut u64| std::mem::replace(known, number) != number;
        self.inner.descriptor_number.send_if_modified(changed);
        Ok(())
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

fn is_fork(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Fork { .. })
}

/// The error to report of two: that there are two chains is never hidden by another one.
fn graver(known: Option<ClusterError>, error: ClusterError) -> Option<ClusterError> {
    known.filter(is_fork).or(Some(error))
}
