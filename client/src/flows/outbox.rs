//! The outbox: items that are due for a peer or the cluster.
//!
//! There is no queue. The items follow from the records of grants and requests; only their attempts
//! are stored. An item that is done or has become pointless is no longer due.

use cameo_common::ids::{Millis, UserName};

use crate::vault::records::{
    GrantHeld, GrantOwned, Incoming, IncomingState, OutboxKey, Outgoing, OutgoingState, Stage,
    UnconfirmedEnding,
};
use crate::vault::{Vault, VaultError};

/// An item that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub key: OutboxKey,
    /// The user that the item is for; `None` for reports to the cluster.
    pub peer: Option<UserName>,
    /// The version of the rights that are sent with it; 0 for none.
    pub version: u64,
}

impl Due {
    pub(crate) fn for_peer(key: OutboxKey, peer: &UserName) -> Self {
        Self {
            key,
            peer: Some(peer.clone()),
            version: 0,
        }
    }

    fn for_viewer(key: OutboxKey, owned: &GrantOwned) -> Self {
        Self {
            version: owned.version,
            ..Self::for_peer(key, &owned.viewer)
        }
    }

    pub(crate) fn for_cluster(key: OutboxKey) -> Self {
        Self {
            key,
            peer: None,
            version: 0,
        }
    }
}

/// All items, whether or not the time of their next attempt has come.
///
/// # Errors
/// When the vault cannot be read.
pub fn due(vault: &Vault, now: Millis) -> Result<Vec<Due>, VaultError> {
    let mut due = Vec::new();
    for (_, incoming) in vault.list::<Incoming>()? {
        let request = incoming.request;
        match incoming.state {
            IncomingState::Approved(_) => {
                due.push(Due::for_peer(OutboxKey::Share(request), &incoming.viewer));
            }
            IncomingState::Denied { told: false, .. }
            | IncomingState::Failed { told: false, .. } => {
                let key = OutboxKey::Denied(request);
                due.push(Due::for_peer(key, &incoming.viewer));
            }
            _ => {}
        }
    }
    for (_, owned) in vault.list::<GrantOwned>()? {
        let grant = owned.grant;
        match owned.stage {
            Stage::CarrierReady => {}
            Stage::Recorded if owned.is_live(now) => {
                due.push(Due::for_viewer(OutboxKey::Deliver(grant), &owned));
            }
            Stage::Delivered => due.push(Due::for_cluster(OutboxKey::Receipt(grant))),
            Stage::Recorded | Stage::Settled => {}
        }
        let behind = owned.acknowledged < owned.version;
        if owned.stage >= Stage::Delivered && behind && owned.version > 1 {
            due.push(Due::for_viewer(OutboxKey::Rights(grant), &owned));
        }
    }
    for (_, held) in vault.list::<GrantHeld>()? {
        // The receipt acknowledges version 1.
        if held.version > 1 && held.acknowledged < held.version {
            due.push(Due::for_cluster(OutboxKey::Acknowledge(held.grant)));
        }
    }
    for (_, ending) in vault.list::<UnconfirmedEnding>()? {
        due.push(Due::for_cluster(OutboxKey::Confirm(ending.grant)));
    }
    for (_, outgoing) in vault.list::<Outgoing>()? {
        if outgoing.state == OutgoingState::Signed {
            let key = OutboxKey::Ask(outgoing.request);
            due.push(Due::for_peer(key, &outgoing.owner));
        }
    }
    Ok(due)
}
