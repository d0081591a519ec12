//! Client of the operator: finds the cluster by its fingerprint, and sends it signed orders.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::Method;
use bytes::Bytes;
use cameo_common::api::{
    ApiError, ClusterInfo, MAX_CALL_LIFETIME, NodeStatus, OPERATOR_HEADER, OperatorCommand, paths,
};
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{ClusterId, Millis, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use tokio::time::{Instant, sleep};

use super::call::{Call, CallError, Ends, send};
use super::newest_chain::{ForkedChain, Newest};
use super::refusal::{is_final, may_be_done, refusal, shortly};

/// An order is carried out within this time, or never.
pub(super) const ORDER_LIFE: Duration = Duration::from_secs(60);
/// Time limit for an order with all its attempts.
const DEADLINE: Duration = Duration::from_secs(20);
/// Time for enough nodes to carry out an order after the first one.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between rounds of attempts.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

const _: () = assert!(ORDER_LIFE.as_millis() < MAX_CALL_LIFETIME.as_millis());
const _: () = assert!(DEADLINE.as_millis() < ORDER_LIFE.as_millis());

/// Why an order was not carried out, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// What each node that was tried does, in a few words.
    #[error(
        "none of the nodes that were asked answers, and nothing was changed; give the URLs of the \
         others too: {0}"
    )]
    NoNode(String),
    /// Certain: each answer said that nothing was done.
    #[error("no majority of the nodes takes orders at present, and nothing was changed: {0}")]
    NoMajority(String),
    #[error(
        "{url} is a node of another cluster than {cluster}, and nothing was changed: check the \
         URL and its fingerprint"
    )]
    OtherCluster { url: String, cluster: ClusterId },
    #[error(
        "the cluster has another operator: its key is {expected}, this file's is {given}; nothing \
         was changed"
    )]
    OtherOperator {
        expected: PublicKey,
        given: PublicKey,
    },
    #[error("the cluster refused, and nothing was changed: {}", .0.message)]
    Refused(ApiError),
    #[error(
        "{confirmed} of the nodes say that the order was carried out, and {needed} have to: it is \
         not known to be in force; give the URLs of all nodes, and try again: {why}"
    )]
    NotInForce {
        confirmed: usize,
        needed: usize,
        why: String,
    },
    #[error(
        "the order is in force, and too few of the nodes say that node {0} is gone: give the URLs \
         of all nodes, and try again"
    )]
    Unconfirmed(NodeId),
    #[error(
        "no majority confirmed the order in time: it may have been carried out, or may yet be. \
         Give it again later: {0}"
    )]
    Unknown(String),
}

/// The cluster, as the operator reaches it.
pub struct OperatorClient {
    key: Arc<SigningKey>,
    address: ClusterAddress,
    newest: Newest,
    deadline: Duration,
}

/// What nodes have answered to one order.
#[derive(Default)]
struct Answers {
    done: BTreeSet<PublicKey>,
    refused: BTreeMap<PublicKey, ApiError>,
    /// Whether an answer was lost, after which a refusal says little.
    maybe_done: bool,
    /// Whether any node has answered.
    answered: bool,
    /// Of the last round.
    failures: Vec<String>,
}

impl OperatorClient {
    /// Finds the cluster. Believes no node whose descriptor has another fingerprint.
    ///
    /// # Errors
    /// When no node answers, or the cluster is another's.
    pub async fn connect(key: SigningKey, address: ClusterAddress) -> Result<Self, OrderError> {
        let call = Call {
            method: Method::GET,
            path: paths::CLUSTER,
            header: None,
            body: Bytes::new(),
        };
        let key = Arc::new(key);
        let ends = Ends {
            operator: &key,
            nodes: None,
        };
        let (mut failures, mut wrong) = (Vec::new(), None);
        for url in &address.nodes {
            match send(url, &call, ends).await {
                Ok(answer) => match serde_json::from_slice::<ClusterInfo>(&answer.body) {
                    Ok(info) => match check(info, url, &address, key.public()) {
                        Ok(newest) => {
                            return Ok(Self {
                                key,
                                address,
                                newest,
                                deadline: DEADLINE,
                            });
                        }
                        Err(error) => wrong = Some(error),
                    },
                    Err(_) => failures.push(format!("{url} {}", shortly(&refusal(&answer.body)))),
                },
                Err(error) => failures.push(error.to_string()),
            }
        }
        Err(wrong.unwrap_or_else(|| OrderError::NoNode(failures.join("; "))))
    }

    /// Whether a node is a voter of the cluster.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.newest.nodes.voters.contains(&node)
    }

    /// Nodes that have to say the same.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.newest.nodes.needed
    }

    /// Time limit for an order with all its attempts.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The time by this machine's clock: a node's word would date orders for later.
    #[must_use]
    pub fn now(&self) -> Millis {
        SystemTime::now().into()
    }

    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn signer(&self) -> &Arc<SigningKey> {
        &self.key
    }

    pub(super) fn newest(&self) -> &Newest {
        &self.newest
    }

    /// The same cluster, by the longest chain that any of its nodes shows.
    ///
    /// # Errors
    /// When there are two.
    pub(super) async fn ask_all(&self) -> Result<Self, ForkedChain> {
        let newest = self.newest.clone().ask_all(&self.key).await?;
        Ok(Self {
            key: Arc::clone(&self.key),
            address: self.address.clone(),
            newest,
            deadline: self.deadline,
        })
    }

    /// Where nodes may be.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.newest.nodes.urls
    }

    /// The cluster's descriptors, which the fingerprint proves.
    #[must_use]
    pub fn descriptors(&self) -> &Descriptors {
        &self.newest.descriptors
    }

    /// The address that the operator gave.
    #[must_use]
    pub fn address(&self) -> &ClusterAddress {
        &self.address
    }

    /// Has an order carried out, once, however often it is sent: by t of the n voters, each of
    /// which answers when its own state has it. One node's word neither carries it out nor refuses
    /// it.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn order(
        &self,
        command: &OperatorCommand,
        request: RequestId,
    ) -> Result<(), OrderError> {
        let call = self.sign(command, request);
        let needed = self.newest.nodes.needed;
        let mut answers = Answers::default();
        let mut end = Instant::now() + self.deadline;
        loop {
            answers.failures.clear();
            for url in &self.newest.nodes.urls {
                self.order_at(url, &call, &mut answers).await;
                if answers.done.len() >= needed {
                    return Ok(());
                }
                if answers.is_refused(needed) {
                    return Err(answers.error(needed));
                }
            }
            if !answers.done.is_empty() {
                end = end.min(Instant::now() + CONFIRM_TIMEOUT);
            }
            if Instant::now() + ROUND_PAUSE >= end {
                return Err(answers.error(needed));
            }
            sleep(ROUND_PAUSE).await;
        }
    }

    async fn order_at(&self, url: &str, call: &Call, answers: &mut Answers) {
        match send(url, call, self.ends()).await {
            Ok(answer) if answer.status.is_success() => {
                answers.done.insert(answer.node);
            }
            Ok(answer) => {
                let error = refusal(&answer.body);
                answers.maybe_done |= may_be_done(error.code);
                answers.answered = true;
                answers.failures.push(format!("{url} {}", shortly(&error)));
                if is_final(error.code) {
                    answers.refused.insert(answer.node, error);
                }
            }
            Err(error) => {
                answers.maybe_done |= matches!(error, CallError::Lost { .. });
                answers.failures.push(error.to_string());
            }
        }
    }

    /// Waits until t of the n voters say, each of its own members, that this node is none.
    ///
    /// # Errors
    /// When that does not come true in time.
    pub async fn wait_until_gone(&self, node: NodeId) -> Result<(), OrderError> {
        let call = Call {
            method: Method::GET,
            path: paths::STATUS,
            header: None,
            body: Bytes::new(),
        };
        let end = Instant::now() + self.deadline;
        loop {
            let mut without = BTreeSet::new();
            for url in &self.newest.nodes.urls {
                let Ok(answer) = send(url, &call, self.ends()).await else {
                    continue;
                };
                let status = serde_json::from_slice::<NodeStatus>(&answer.body);
                if status.is_ok_and(|status| status.members.iter().all(|one| one.id != node)) {
                    without.insert(answer.node);
                }
            }
            if without.len() >= self.newest.nodes.needed {
                return Ok(());
            }
            if Instant::now() + ROUND_PAUSE >= end {
                return Err(OrderError::Unconfirmed(node));
            }
            sleep(ROUND_PAUSE).await;
        }
    }

    pub(super) fn ends(&self) -> Ends<'_> {
        Ends {
            operator: &self.key,
            nodes: Some(&self.newest.nodes.keys),
        }
    }

    /// The header with the order of an operation.
    pub(super) fn order_of(&self, op: &Op, request: RequestId) -> String {
        let order = OperatorOrder {
            operator: self.key.public(),
            cluster: self.address.cluster,
            request,
            not_after: self.now().plus(ORDER_LIFE),
            op: op.hash(),
        };
        BASE64URL_NOPAD.encode(Signed::new(&self.key, order).as_bytes())
    }

    fn sign(&self, command: &OperatorCommand, request: RequestId) -> Call {
        let header = self.order_of(&Op::from(command), request);
        Call {
            method: Method::POST,
            path: paths::OPERATOR,
            header: Some((OPERATOR_HEADER, header)),
            body: serde_json::to_vec(command).unwrap_or_default().into(),
        }
    }
}

impl Answers {
    /// Whether so many nodes refuse it, and none may have done it.
    fn is_refused(&self, needed: usize) -> bool {
        self.done.is_empty() && !self.maybe_done && self.refused.len() >= needed
    }

    fn error(mut self, needed: usize) -> OrderError {
        let why = self.failures.join("; ");
        let (is_refused, confirmed) = (self.is_refused(needed), self.done.len());
        match self.refused.pop_first() {
            Some((_, refusal)) if is_refused => OrderError::Refused(refusal),
            _ if confirmed > 0 => OrderError::NotInForce {
                confirmed,
                needed,
                why,
            },
            Some(_) => OrderError::Unknown(why),
            None if self.maybe_done => OrderError::Unknown(why),
            None if self.answered => OrderError::NoMajority(why),
            None => OrderError::NoNode(why),
        }
    }
}

/// Checks a node's answer against the fingerprint, and the descriptor against the key.
fn check(
    info: ClusterInfo,
    url: &str,
    address: &ClusterAddress,
    given: PublicKey,
) -> Result<Newest, OrderError> {
    let cluster = address.cluster;
    let Ok(newest) = Newest::of(cluster, &address.nodes, info) else {
        return Err(OrderError::OtherCluster {
            url: url.to_owned(),
            cluster,
        });
    };
    let expected = newest.descriptor().operator;
    if expected == given {
        Ok(newest)
    } else {
        Err(OrderError::OtherOperator { expected, given })
    }
}

impl std::fmt::Debug for OperatorClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OperatorClient of {}", self.address.cluster)
    }
}

#[cfg(test)]
mod tests;
