//! Client of the operator: finds the cluster by its fingerprint, and sends it signed orders.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::Method;
use bytes::Bytes;
use cameo_common::api::{
    ApiError, ClusterInfo, ErrorCode, MAX_CALL_LIFETIME, NodeStatus, OPERATOR_HEADER,
    OperatorCommand, paths,
};
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::ids::{ClusterId, Millis, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;
use tokio::time::{Instant, sleep};

use super::call::{Call, CallError, Ends, send};

/// An order is carried out within this time, or never.
const ORDER_LIFE: Duration = Duration::from_secs(60);
/// Time limit for an order with all its attempts.
const DEADLINE: Duration = Duration::from_secs(20);
/// Characters of a node's message that are shown.
const MAX_MESSAGE: usize = 300;
/// Pause between rounds of attempts.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

const _: () = assert!(ORDER_LIFE.as_millis() < MAX_CALL_LIFETIME.as_millis());
const _: () = assert!(DEADLINE.as_millis() < ORDER_LIFE.as_millis());

/// Why an order was not carried out, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// What each node that was tried does, in a few words.
    #[error("no node of the cluster answers, and nothing was changed: {0}")]
    NoNode(String),
    /// Certain: each answer said that nothing was done.
    #[error(
        "the nodes have no majority at present, and nothing was changed; try again when more of \
         them run: {0}"
    )]
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
        "the order is recorded, and no leader among the given nodes says that node {0} is gone: \
         give the URLs of all nodes, and try again"
    )]
    Unconfirmed(NodeId),
    #[error(
        "no majority confirmed the order in time: it may have been carried out, or may yet be. \
         Give it again when more nodes run: {0}"
    )]
    Unknown(String),
}

/// The cluster, as the operator reaches it.
pub struct OperatorClient {
    key: Arc<SigningKey>,
    address: ClusterAddress,
    voters: Vec<NodeIdentity>,
    /// Their keys.
    keys: Vec<PublicKey>,
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
                Ok((_, body)) => match serde_json::from_slice::<ClusterInfo>(&body) {
                    Ok(info) => match check(&info, url, address.cluster, key.public()) {
                        Ok(voters) => {
                            return Ok(Self {
                                key,
                                address,
                                keys: voters.iter().map(|node| node.key).collect(),
                                voters,
                            });
                        }
                        Err(error) => wrong = Some(error),
                    },
                    Err(_) => failures.push(format!("{url} {}", shortly(&refusal(&body)))),
                },
                Err(error) => failures.push(error.to_string()),
            }
        }
        Err(wrong.unwrap_or_else(|| OrderError::NoNode(failures.join("; "))))
    }

    /// Whether a node is a voter of the cluster.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.iter().any(|voter| voter.id == node)
    }

    /// The time by this machine's clock: a node's word would date orders for later.
    #[must_use]
    pub fn now(&self) -> Millis {
        SystemTime::now().into()
    }

    /// The address that the operator gave.
    #[must_use]
    pub fn address(&self) -> &ClusterAddress {
        &self.address
    }

    /// Has an order carried out, once, however often it is sent.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn order(
        &self,
        command: &OperatorCommand,
        request: RequestId,
    ) -> Result<(), OrderError> {
        let call = self.sign(command, request);
        let end = Instant::now() + DEADLINE;
        let (mut maybe_done, mut answered) = (false, false);
        loop {
            let mut failures = Vec::new();
            for url in &self.address.nodes {
                match send(url, &call, self.ends()).await {
                    Ok((status, _)) if status.is_success() => return Ok(()),
                    Ok((_, body)) => {
                        let error = refusal(&body);
                        answered = true;
                        maybe_done |= may_be_done(error.code);
                        if is_final(error.code) && !maybe_done {
                            return Err(OrderError::Refused(error));
                        }
                        failures.push(format!("{url} {}", shortly(&error)));
                    }
                    Err(error) => {
                        maybe_done |= matches!(error, CallError::Lost { .. });
                        failures.push(error.to_string());
                    }
                }
            }
            let why = failures.join("; ");
            if Instant::now() + ROUND_PAUSE >= end {
                return Err(match (maybe_done, answered) {
                    (true, _) => OrderError::Unknown(why),
                    (false, true) => OrderError::NoMajority(why),
                    (false, false) => OrderError::NoNode(why),
                });
            }
            sleep(ROUND_PAUSE).await;
        }
    }

    /// Waits until the leader's own list of members has this node no more.
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
        let end = Instant::now() + DEADLINE;
        loop {
            for url in &self.address.nodes {
                let Ok((_, body)) = send(url, &call, self.ends()).await else {
                    continue;
                };
                let status = serde_json::from_slice::<NodeStatus>(&body).ok();
                let leads = status.filter(|status| status.leader == Some(status.node));
                if leads.is_some_and(|status| status.members.iter().all(|one| one.id != node)) {
                    return Ok(());
                }
            }
            if Instant::now() + ROUND_PAUSE >= end {
                return Err(OrderError::Unconfirmed(node));
            }
            sleep(ROUND_PAUSE).await;
        }
    }

    fn ends(&self) -> Ends<'_> {
        Ends {
            operator: &self.key,
            nodes: Some(&self.keys),
        }
    }

    fn sign(&self, command: &OperatorCommand, request: RequestId) -> Call {
        let order = OperatorOrder {
            operator: self.key.public(),
            cluster: self.address.cluster,
            request,
            not_after: self.now().plus(ORDER_LIFE),
            op: Op::from(command).hash(),
        };
        let signed = Signed::new(&self.key, order);
        let header = BASE64URL_NOPAD.encode(signed.as_bytes());
        Call {
            method: Method::POST,
            path: paths::OPERATOR,
            header: Some((OPERATOR_HEADER, header)),
            body: serde_json::to_vec(command).unwrap_or_default().into(),
        }
    }
}

/// Checks a node's answer against the fingerprint, and the descriptor against the key. Returns the
/// voters.
fn check(
    info: &ClusterInfo,
    url: &str,
    cluster: ClusterId,
    given: PublicKey,
) -> Result<Vec<NodeIdentity>, OrderError> {
    let first = info.descriptors.first();
    let proven = first.filter(|descriptor| descriptor.founds() == Some(cluster));
    let Some(descriptor) = proven else {
        return Err(OrderError::OtherCluster {
            url: url.to_owned(),
            cluster,
        });
    };
    let expected = descriptor.operator;
    if expected == given {
        Ok(descriptor.nodes.clone())
    } else {
        Err(OrderError::OtherOperator { expected, given })
    }
}

/// Whether asking another node, or later, cannot help.
fn is_final(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::NoQuorum
            | ErrorCode::Unavailable
            | ErrorCode::OutcomeUnknown
            | ErrorCode::Internal
            | ErrorCode::Busy
            | ErrorCode::TooManyCalls
    )
}

/// What a node does that did not carry an order out, after its URL. The sentence around it says
/// what was done: a node knows of its own attempt alone.
fn shortly(error: &ApiError) -> String {
    match error.code {
        ErrorCode::NoQuorum | ErrorCode::Unavailable => "has no majority".to_owned(),
        ErrorCode::OutcomeUnknown => "heard of no majority in time".to_owned(),
        ErrorCode::Busy | ErrorCode::TooManyCalls => "is busy".to_owned(),
        _ => format!("says: {}", error.message),
    }
}

fn may_be_done(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::OutcomeUnknown | ErrorCode::Internal)
}

/// What a node said, as text that cannot move a terminal's cursor.
fn refusal(body: &[u8]) -> ApiError {
    let said = serde_json::from_slice::<ApiError>(body);
    let said = said
        .unwrap_or_else(|_| ApiError::new(ErrorCode::Internal, "the answer is no node's answer"));
    let message = said.message.chars().filter(|c| !c.is_control());
    ApiError {
        message: message.take(MAX_MESSAGE).collect(),
        ..said
    }
}

impl std::fmt::Debug for OperatorClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OperatorClient of {}", self.address.cluster)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::cluster_descriptor::Descriptor;
    use cameo_common::ids::Hash;
    use cameo_common::registration::RegistrationMode;

    use super::*;

    #[test]
    fn attack_a_cluster_of_another_fingerprint_or_operator_gets_no_order() {
        let ours = PublicKey([8; 32]);
        let mode = RegistrationMode::Open;
        let descriptor = Descriptor::genesis(Vec::new(), ours, mode, Hash([1; 32]));
        let cluster = descriptor.founds().unwrap();
        let info = ClusterInfo {
            schema: 1,
            cluster,
            descriptors: vec![descriptor],
            address: Signed::from_bytes(Vec::new()),
            nodes: Vec::new(),
            now: Millis(0),
        };
        assert_eq!(check(&info, "u", cluster, ours), Ok(Vec::new()));
        let pinned = ClusterId([9; 32]);
        assert!(matches!(
            check(&info, "u", pinned, ours),
            Err(OrderError::OtherCluster { .. })
        ));
        assert!(matches!(
            check(&info, "u", cluster, PublicKey([7; 32])),
            Err(OrderError::OtherOperator { .. })
        ));
        let silent = ClusterInfo {
            descriptors: Vec::new(),
            ..info
        };
        assert!(check(&silent, "u", cluster, ours).is_err());
    }

    #[test]
    fn attack_a_nodes_message_moves_no_cursor() {
        let error = ApiError::new(ErrorCode::Internal, "\u{1b}[2Jgone");
        let body = serde_json::to_vec(&error).unwrap();
        assert_eq!(refusal(&body).message, "[2Jgone");
        assert_eq!(refusal(b"\x1b[2J").code, ErrorCode::Internal);
    }
}
