//! The operator's statements: orders that only the operator gives, of backups too, and tokens of
//! workers.
//!
//! The operator's public key is in the first descriptor, so it is under the cluster's fingerprint.
//! Every replica verifies each order against it.

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, Hash, Millis, NodeId, RequestId};
use crate::keys::PublicKey;
use crate::signed::Statement;

/// The operator's authorization of exactly one operation, once, in one cluster, until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorOrder {
    /// The operator's key, which signs.
    pub operator: PublicKey,
    pub cluster: ClusterId,
    /// The idempotency key: a retry has the same id.
    pub request: RequestId,
    /// The order is not carried out later than this.
    pub not_after: Millis,
    /// [`crate::op::Op::hash`] of the operation.
    pub op: Hash,
}

impl Statement for OperatorOrder {
    const LABEL: &'static str = "operator-order";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.operator
    }
}

/// The operator's order to take one backup: the nodes capture their state for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOrder {
    /// The operator's key, which signs.
    pub operator: PublicKey,
    pub cluster: ClusterId,
    /// Random: each order has a number of captures.
    pub request: RequestId,
    /// Nothing is captured for it later than this.
    pub not_after: Millis,
}

impl Statement for BackupOrder {
    const LABEL: &'static str = "backup-order";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.operator
    }
}

/// The operator's permission that one node joins as a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerToken {
    /// The operator's key, which signs.
    pub operator: PublicKey,
    pub cluster: ClusterId,
    /// The token's own key: its holder proves by it that the token is used for its node.
    pub token: PublicKey,
    /// No node is admitted by it later than this.
    pub not_after: Millis,
}

impl Statement for WorkerToken {
    const LABEL: &'static str = "worker-token";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.operator
    }
}

/// The use of a token, for one node key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    /// The token's key, which signs.
    pub token: PublicKey,
    pub cluster: ClusterId,
    pub node: NodeId,
    /// The node's key, which proves the node on its links.
    pub key: PublicKey,
}

impl Statement for TokenUse {
    const LABEL: &'static str = "token-use";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;
    use crate::signed::Signed;

    #[test]
    fn the_bytes_of_a_backup_order_are_pinned() {
        let operator = SigningKey::from_seed([1; 32]);
        let order = BackupOrder {
            operator: operator.public(),
            cluster: ClusterId([2; 32]),
            request: RequestId([5; 16]),
            not_after: Millis(300),
        };
        let signed = Signed::new(&operator, order.clone());
        let key = operator.public().0;
        let body = [&key[..], &[2; 32], &[5; 16], &[0xac, 2]].concat();
        assert!(signed.as_bytes().ends_with(&body));
        assert_eq!(signed.verify(), Ok(order));
    }
}
