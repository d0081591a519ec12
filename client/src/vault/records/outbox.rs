//! How often something was tried that waits for a peer or the cluster.

use cameo_common::ids::{GrantId, Millis, RequestId};
use serde::{Deserialize, Serialize};

use crate::vault::{Record, Vault, VaultError};

/// One thing that has to reach somebody. What it is follows from the records of grants and
/// requests; only its attempts are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutboxKey {
    /// Make and record the grant of an approved request.
    Share(RequestId),
    /// Send the carrier to the viewer.
    Deliver(GrantId),
    /// Hand the viewer's receipt to the ledger.
    Receipt(GrantId),
    /// Send newer rights straight to the viewer.
    Rights(GrantId),
    /// Tell the viewer that nothing comes: the answer is no, or it has failed.
    Denied(RequestId),
    /// Acknowledge rights to the ledger.
    Acknowledge(GrantId),
    /// Ask an owner who was offline.
    Ask(RequestId),
}

impl OutboxKey {
    /// The id of its record.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            OutboxKey::Share(request) => format!("share-{request}"),
            OutboxKey::Deliver(grant) => format!("deliver-{grant}"),
            OutboxKey::Receipt(grant) => format!("receipt-{grant}"),
            OutboxKey::Rights(grant) => format!("rights-{grant}"),
            OutboxKey::Denied(request) => format!("denied-{request}"),
            OutboxKey::Acknowledge(grant) => format!("acknowledge-{grant}"),
            OutboxKey::Ask(request) => format!("ask-{request}"),
        }
    }
}

/// Attempts at one thing so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    pub key: OutboxKey,
    pub count: u32,
    /// Not tried again before.
    pub next: Millis,
    pub last_error: String,
}

impl Attempts {
    /// For `next`: the peer has refused it for good, or cannot understand it. It is tried again when he asks for it,
    /// or when the agent is started anew.
    pub const GIVEN_UP: Millis = Millis::MAX;

    /// The thing is tried again at once, as if it had never failed.
    ///
    /// # Errors
    /// When the vault cannot be written.
    pub fn forget(vault: &Vault, key: OutboxKey) -> Result<(), VaultError> {
        vault.delete::<Self>(&key.id()).map(drop)
    }

    /// Whether it is not tried any more by itself.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.next == Self::GIVEN_UP
    }
}

impl Record for Attempts {
    const KIND: &'static str = "attempts";
    const VERSION: u16 = 1;
}
