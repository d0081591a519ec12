//! Bound on the carriers that an agent makes without asking its owner.

use std::collections::HashSet;
use std::time::Duration;

use cameo_common::ids::{ImageId, Millis};

use crate::vault::records::{GrantOwned, Image, Incoming, IncomingState, Policy};
use crate::vault::{Vault, VaultError};

/// Carriers of open images that are made in [`PERIOD`] before further requests wait for the owner:
/// where anybody may register, anybody has as many names as they like.
pub(super) const MAX_UNASKED: usize = 128;
const PERIOD: Duration = Duration::from_secs(24 * 3_600);

/// Whether another request for an open image is approved without asking the owner. Grants of open
/// images count, also those that the owner has approved.
pub(super) fn has_room(vault: &Vault, now: Millis) -> Result<bool, VaultError> {
    let since = now.minus(PERIOD);
    let images = vault.list::<Image>()?.into_iter();
    let open: HashSet<ImageId> = images
        .filter(|(_, image)| image.policy == Policy::Open)
        .map(|(_, image)| image.image)
        .collect();
    let incoming = vault.list::<Incoming>()?.into_iter();
    let promised = incoming
        .filter(|(_, incoming)| matches!(incoming.state, IncomingState::Approved(_)))
        .filter(|(_, incoming)| incoming.received >= since && open.contains(&incoming.image))
        .map(|(_, incoming)| (incoming.viewer_key, incoming.request));
    let owned = vault.list::<GrantOwned>()?.into_iter();
    let made = owned
        .filter(|(_, owned)| owned.created >= since && open.contains(&owned.image))
        .map(|(_, owned)| (owned.viewer_key, owned.request_id));
    // A carrier that is being made has both.
    let counted: HashSet<_> = promised.chain(made).collect();
    Ok(counted.len() < MAX_UNASKED)
}
