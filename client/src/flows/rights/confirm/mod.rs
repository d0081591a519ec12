//! Confirmation of an ending by the nodes that hold parts: a lowering or a revocation is in force
//! once so many have confirmed it that too few are left to release a view by older rights.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::api::ErrorCode;
use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Confirmation, Deal};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::cluster_api::{ClusterApi, ClusterError};

/// Bound on the collection of confirmations.
pub const CONFIRM_DEADLINE: Duration = Duration::from_secs(2);
/// Time for the other nodes once enough have confirmed.
const GRACE: Duration = Duration::from_millis(300);

/// Confirmations of one ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Confirmations {
    /// Holders that have confirmed it.
    pub confirmed: usize,
    /// Holders that have to: with the others alone, no view can be released.
    pub needed: usize,
    /// Nodes that hold a part.
    pub holders: usize,
}

impl Confirmations {
    /// None yet, of the holders of a deal.
    #[must_use]
    pub fn none(deal: &Deal) -> Self {
        let holders = deal.parts.len();
        Self {
            confirmed: 0,
            needed: (holders + 1).saturating_sub(usize::from(deal.threshold)),
            holders,
        }
    }

    /// Whether too few holders are left to release a view by older rights.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.confirmed >= self.needed
    }

    /// How many of the nodes that have confirmed it may have lied.
    #[must_use]
    pub fn tolerated_liars(&self) -> usize {
        self.confirmed.saturating_sub(self.needed)
    }
}

/// What a holder has to confirm.
struct Expected<'a> {
    cluster: ClusterId,
    rights: &'a Rights,
    statement: &'a Signed<Rights>,
}

/// Whether rights permit less than those before.
#[must_use]
pub fn is_ending(before: &Rights, after: &Rights) -> bool {
    let sooner = match (before.expires, after.expires) {
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before,
        (_, None) => false,
    };
    after.revoked || after.permitted < before.permitted || sooner
}

/// Asks all holders of a deal at once to confirm these rights, for [`CONFIRM_DEADLINE`] at most. A
/// node whose ledger lacks them is told them: the node that has said that they are recorded may
/// have lied.
pub async fn confirmations(
    api: &ClusterApi,
    deal: &Deal,
    rights: &Rights,
    statement: &Signed<Rights>,
) -> Confirmations {
    let mut end = Instant::now() + CONFIRM_DEADLINE;
    let mut found = Confirmations::none(deal);
    let Ok(Some(descriptor)) = timeout_at(end, api.known_descriptor()).await else {
        return found;
    };
    let holders: BTreeSet<NodeId> = deal.parts.iter().map(|part| part.node).collect();
    let holders = holders.iter().filter_map(|id| descriptor.node(*id));
    let expected = Expected {
        cluster: api.cluster_id(),
        rights,
        statement,
    };
    let mut asked: FuturesUnordered<_> = holders
        .map(|holder| ask_holder(api, holder, &expected))
        .collect();
    while let Ok(Some(confirmed)) = timeout_at(end, asked.next()).await {
        found.confirmed += usize::from(confirmed);
        if found.is_in_force() {
            end = end.min(Instant::now() + GRACE);
        }
    }
    found
}

async fn ask_holder(api: &ClusterApi, holder: &NodeIdentity, expected: &Expected<'_>) -> bool {
    let (grant, version) = (&expected.rights.grant, expected.rights.version);
    let mut answer = api.confirm_at(holder.id, grant, version).await;
    if lacks_them(&answer) {
        // Whatever comes of it, its confirmation tells.
        let _answer = api
            .put_rights_at(holder.id, grant, expected.statement.clone())
            .await;
        answer = api.confirm_at(holder.id, grant, version).await;
    }
    match answer {
        Ok(confirmation) => {
            let confirmed = match what_it_confirms(&confirmation, holder, expected) {
                Confirmed::These => true,
                Confirmed::Newer(hash) => permit_no_more(api, holder, hash, expected).await,
                Confirmed::Nothing => false,
            };
            if !confirmed {
                tracing::warn!(node = holder.id.0, "a node's confirmation does not count");
            }
            confirmed
        }
        Err(error) => {
            tracing::info!(node = holder.id.0, %error, "a node has not confirmed the rights");
            false
        }
    }
}

fn lacks_them(answer: &Result<Signed<Confirmation>, ClusterError>) -> bool {
    let code = answer.as_ref().err().and_then(ClusterError::code);
    matches!(code, Some(ErrorCode::Unavailable | ErrorCode::NotFound))
}

/// What a holder has signed: that it releases nothing by rights older than some.
enum Confirmed {
    /// Than those that were recorded.
    These,
    /// Than later ones, of this hash: of another device of the owner.
    Newer(Hash),
    Nothing,
}

fn what_it_confirms(
    confirmation: &Signed<Confirmation>,
    holder: &NodeIdentity,
    expected: &Expected<'_>,
) -> Confirmed {
    let Ok(content) = confirmation.verify() else {
        return Confirmed::Nothing;
    };
    let is_this = content.node == holder.key
        && content.cluster == expected.cluster
        && content.grant == expected.rights.grant;
    match content.version.cmp(&expected.rights.version) {
        Ordering::Equal if is_this && content.rights == expected.statement.hash() => {
            Confirmed::These
        }
        Ordering::Greater if is_this => Confirmed::Newer(content.rights),
        _ => Confirmed::Nothing,
    }
}

/// Whether the later rights of this hash, which the holder shows, permit no more than the ending.
/// Else these were never recorded, though a node has said so, or were taken back.
async fn permit_no_more(
    api: &ClusterApi,
    holder: &NodeIdentity,
    hash: Hash,
    expected: &Expected<'_>,
) -> bool {
    let ending = expected.rights;
    let Ok(info) = api.grant_at(holder.id, &ending.grant).await else {
        return false;
    };
    let Ok(later) = info.rights.verify() else {
        return false;
    };
    info.rights.hash() == hash
        && later.owner == ending.owner
        && later.grant == ending.grant
        && (later.revoked || !is_ending(&later, ending))
}

#[cfg(test)]
mod tests;
