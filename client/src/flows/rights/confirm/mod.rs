//! Confirmation of an ending by the nodes that hold parts: a lowering or a revocation is in force
//! once so many have confirmed it that too few are left to release a view by older rights.
//!
//! A grant may have been dealt to each descriptor since its first deal, also by another device. So
//! it is counted over each of them, and the weakest counts: a node that has not confirmed may have
//! an older deal in its state. Not over those of whose nodes so many have left that they alone
//! could release a view: no confirmation of others would help against them.

use std::cmp::Ordering;
use std::time::Duration;

use cameo_common::api::ErrorCode;
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{ClusterId, Hash};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Confirmation, Deal};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use crate::cluster_api::{ClusterApi, ClusterError};

/// Bound on the collection of confirmations.
pub const CONFIRM_DEADLINE: Duration = Duration::from_secs(2);
/// Time for the other nodes once enough have confirmed.
const GRACE: Duration = Duration::from_millis(300);

/// Confirmations of one ending, by the nodes of one descriptor.
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
    /// None yet, of `holders` nodes of which `threshold` release a view.
    fn none(holders: usize, threshold: usize) -> Self {
        Self {
            confirmed: 0,
            needed: (holders + 1).saturating_sub(threshold),
            holders,
        }
    }

    /// Those of one descriptor's nodes.
    fn of(descriptor: &Descriptor, confirmed: &[&NodeIdentity]) -> Self {
        let nodes = &descriptor.nodes;
        let confirmed = nodes.iter().filter(|node| confirmed.contains(node));
        Self {
            confirmed: confirmed.count(),
            ..Self::none(nodes.len(), descriptor.threshold())
        }
    }

    /// Whether too few holders are left to release a view by older rights.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.confirmed >= self.needed
    }

    /// How many more have confirmed it than have to; negative if they are too few.
    fn margin(&self) -> isize {
        self.confirmed.cast_signed() - self.needed.cast_signed()
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

/// Asks all present nodes to confirm these rights, for [`CONFIRM_DEADLINE`] at most, and returns
/// the confirmations of the descriptor that has the fewest more than it needs. `first` is the
/// grant's first deal.
///
/// A deal that is older than the rights is in the state of each node that confirms them, and so is
/// the descriptor that it is to. So the nodes are asked for their newest one afterwards, and once
/// more for confirmations if they have changed.
pub async fn confirmations(
    api: &ClusterApi,
    first: &Deal,
    rights: &Rights,
    statement: &Signed<Rights>,
) -> Confirmations {
    let end = Instant::now() + CONFIRM_DEADLINE;
    let expected = Expected {
        cluster: api.cluster_id(),
        rights,
        statement,
    };
    let mut since = timeout_at(end, api.descriptors_since(&first.descriptor))
        .await
        .unwrap_or_default();
    loop {
        let Some(newest) = since.last() else {
            return Confirmations::none(first.parts.len(), usize::from(first.threshold));
        };
        let found = ask_nodes(api, &since, newest, &expected, end).await;
        let _told = timeout(GRACE, api.newest_descriptor()).await;
        let later = api.descriptors_since(&first.descriptor).await;
        if later.len() == since.len() {
            return found;
        }
        if Instant::now() >= end {
            return Confirmations::of(later.last().unwrap_or(newest), &[]);
        }
        since = later;
    }
}

/// Asks all present nodes at once. A node whose ledger lacks the rights is told them: the node that
/// has said that they are recorded may have lied.
async fn ask_nodes(
    api: &ClusterApi,
    since: &[Descriptor],
    newest: &Descriptor,
    expected: &Expected<'_>,
    mut end: Instant,
) -> Confirmations {
    let mut asked: FuturesUnordered<_> = newest
        .nodes
        .iter()
        .map(async |node| (node, ask_node(api, node, expected).await))
        .collect();
    let mut confirmed = Vec::new();
    let mut found = weakest(since, newest, &confirmed);
    while let Ok(Some((node, is_confirmed))) = timeout_at(end, asked.next()).await {
        if is_confirmed {
            confirmed.push(node);
        }
        found = weakest(since, newest, &confirmed);
        if found.is_in_force() {
            end = end.min(Instant::now() + GRACE);
        }
    }
    found
}

/// The confirmations of the descriptor that has the fewest more than it needs, of all that may
/// still be released: those of whose nodes too few have left to release a view alone.
fn weakest(
    since: &[Descriptor],
    newest: &Descriptor,
    confirmed: &[&NodeIdentity],
) -> Confirmations {
    let counted = since.iter().filter(|descriptor| {
        let left = descriptor.nodes.len() - newest.common_nodes(descriptor);
        left < descriptor.threshold()
    });
    let each = counted.map(|descriptor| Confirmations::of(descriptor, confirmed));
    let newest = Confirmations::of(newest, confirmed);
    each.fold(newest, |weakest, one| {
        match one.margin() < weakest.margin() {
            true => one,
            false => weakest,
        }
    })
}

async fn ask_node(api: &ClusterApi, holder: &NodeIdentity, expected: &Expected<'_>) -> bool {
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
