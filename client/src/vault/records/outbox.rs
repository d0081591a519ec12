//! Attempts of the outbox to deliver something to a peer or to the cluster.

use cameo_common::ids::{GrantId, Millis, RequestId};
use serde::{Deserialize, Serialize};

use crate::vault::{Record, Vault, VaultError};

/// One item of the outbox. Its contents follow from the records of grants and requests; only its
/// attempts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutboxKey {
    /// Make and record the grant of an approved request.
    Share(RequestId),
    /// Send the carrier to the viewer.
    Deliver(GrantId),
    /// Send the viewer's receipt to the ledger.
    Receipt(GrantId),
    /// Send newer rights directly to the viewer.
    Rights(GrantId),
    /// Send the viewer the final answer to a request: that it was denied, or that its carrier could
    /// not be made.
    Denied(RequestId),
    /// Send the acknowledgement of rights to the ledger.
    Acknowledge(GrantId),
    /// Send a request to an owner who was offline.
    Ask(RequestId),
    /// Collect confirmations of an ending from the nodes.
    Confirm(GrantId),
}

/// A lowering or revocation that too few nodes have confirmed. It is removed once enough have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnconfirmedEnding {
    pub grant: GrantId,
    /// Version of the rights.
    pub version: u64,
}

impl Record for UnconfirmedEnding {
    const KIND: &'static str = "unconfirmed-ending";
    const VERSION: u16 = 1;
}

impl OutboxKey {
    /// The id of its [`Attempts`] record.
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
            OutboxKey::Confirm(grant) => format!("confirm-{grant}"),
        }
    }
}

/// The failed attempts at one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    pub key: OutboxKey,
    pub count: u32,
    /// The earliest time of the next attempt.
    pub next: Millis,
    pub last_error: String,
}

impl Attempts {
    /// `next` of an item that the peer refuses or cannot read. It is tried again when the peer
    /// requests it, or after a restart of the agent.
    pub const GIVEN_UP: Millis = Millis::MAX;

    /// Removes the attempts, so that the item is tried again at once.
    ///
    /// # Errors
    /// When the vault cannot be written.
    pub fn reset(vault: &Vault, key: OutboxKey) -> Result<(), VaultError> {
        vault.delete::<Self>(&key.id()).map(drop)
    }

    /// Stores that an item is given up before the agent has tried it.
    ///
    /// # Errors
    /// When the vault cannot be written.
    pub fn give_up(vault: &Vault, key: OutboxKey, why: String) -> Result<(), VaultError> {
        let given_up = Self {
            key,
            count: 1,
            next: Self::GIVEN_UP,
            last_error: why,
        };
        vault.put(&key.id(), &given_up)
    }

    /// Whether no further attempt is scheduled.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.next == Self::GIVEN_UP
    }
}

impl Record for Attempts {
    const KIND: &'static str = "attempts";
    const VERSION: u16 = 1;
}
