//! A home that follows its cluster to the one that was restored from its backup.
//!
//! The new cluster's first descriptor, which its fingerprint proves, names the old one. That says
//! that the new one has a backup of the old one and claims to go on from it; whether it does so
//! rightly, the person has to know from its operator. So nothing is followed without consent.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use std::sync::Arc;

use cameo_common::api::{ClusterInfo, ErrorCode};
use cameo_common::ids::{ClusterId, GrantId};
use cameo_common::predecessor::Predecessor;

use super::Error;
use crate::clock;
use crate::cluster_api::{ClusterApi, Pinned};
use crate::text::prefix::short;
use crate::vault::records::{
    EarlierCluster, EventToken, GrantHeld, GrantOwned, Identity, NewestDescriptor, PendingView,
    Stage, UnconfirmedEnding, change,
};
use crate::vault::{AgentLock, Home, IoError, Vault, VaultError};

/// What a user has to do again after a restore. The home says it once it has followed.
pub(super) const AGAIN: &str = "This home follows the restored cluster. What came after the backup \
    is not in it: revoke again the devices that you have revoked since, and run `cameo reopen \
    --all` to open the photos that you have shared.";

/// The home's identity in the new cluster, if that one goes on from the home's cluster, serves its
/// users, and the person agrees. Stored when it returns.
///
/// # Errors
/// When nothing was changed, or not all of it.
pub(super) async fn follow(
    vault: &Vault,
    home: &Home,
    known: Identity,
    told: &ClusterInfo,
    to: (ClusterId, &[String], bool),
) -> Result<Identity, Error> {
    let (cluster, nodes, _) = to;
    predecessor(vault, home, &known, told, cluster)?;
    let pinned = Pinned {
        cluster,
        nodes: nodes.to_vec(),
    };
    // The home would be tied to one that may never be approved.
    let api = ClusterApi::new(pinned, Arc::new(known.device_key()))?;
    if !serves(&api).await {
        return Err(Error::NotServing(cluster));
    }
    follow_serving(vault, home, known, told, to)
}

/// Whether enough nodes serve users: each refuses or answers a call about a grant that does not
/// exist, and does not say that it serves nobody yet.
async fn serves(api: &ClusterApi) -> bool {
    let none = GrantId([0; 32]);
    api.do_enough_say(|node| async move {
        match api.grant_at(node, &none).await {
            Ok(_) => true,
            Err(error) => error
                .code()
                .is_some_and(|code| code != ErrorCode::Unavailable),
        }
    })
    .await
}

/// The cluster of this home that a new one goes on from: the pinned one, or an earlier one, since a
/// cluster may be restored twice from backups of the same.
fn predecessor(
    vault: &Vault,
    home: &Home,
    known: &Identity,
    told: &ClusterInfo,
    cluster: ClusterId,
) -> Result<Predecessor, Error> {
    let earlier = |id: ClusterId| -> Result<bool, VaultError> {
        Ok(vault.get::<EarlierCluster>(&id.to_string())?.is_some())
    };
    let named = told.descriptors.first.predecessor;
    if let Some(named) = named
        && !earlier(cluster)?
        && (named.cluster == known.cluster || earlier(named.cluster)?)
    {
        return Ok(named);
    }
    Err(Error::OtherCluster {
        home: home.path().to_owned(),
        known: known.cluster,
        given: cluster,
    })
}

/// The same of a cluster that serves.
pub(super) fn follow_serving(
    vault: &Vault,
    home: &Home,
    known: Identity,
    told: &ClusterInfo,
    (cluster, nodes, yes): (ClusterId, &[String], bool),
) -> Result<Identity, Error> {
    let predecessor = predecessor(vault, home, &known, told, cluster)?;
    let which = match predecessor.cluster == known.cluster {
        true => "the cluster of this home",
        false => "an earlier cluster of this home, and not from its present one",
    };
    // It would go on with the old cluster, in this home.
    let _no_agent = AgentLock::take(home)?;
    let question = format!(
        "Cluster {} says that it goes on from {}, {which}, by a backup up to entry {}. Follow it \
         only if the operator has told you so, by another way. Your keys, photos and carriers \
         stay; photos open once their owners have opened them again; this home does not go back.",
        short(&cluster),
        short(&predecessor.cluster),
        predecessor.index
    );
    if !agrees(yes, &question).map_err(Error::Question)? {
        let (known, given) = (predecessor.cluster, cluster);
        return Err(Error::NotFollowed { known, given });
    }
    store(vault, known, cluster, nodes).map_err(Error::from)
}

/// Asks at the terminal. Without one, only `--yes` is consent.
fn agrees(yes: bool, question: &str) -> Result<bool, IoError> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    eprint!("{question} Continue? [y/N] ");
    io::stderr().flush().map_err(IoError)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(IoError)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What belongs to the old cluster goes first, and the pinned id last: interrupted in between, the
/// home is of the old one, and the same command goes on.
fn store(
    vault: &Vault,
    known: Identity,
    cluster: ClusterId,
    nodes: &[String],
) -> Result<Identity, VaultError> {
    let newest = vault.get::<NewestDescriptor>(NewestDescriptor::ID)?;
    let earlier = EarlierCluster {
        cluster: known.cluster,
        nodes: known.nodes.clone(),
        newest: newest.map(|newest| (newest.number, newest.hash)),
        next: cluster,
        followed: clock::now(),
    };
    vault.put(&known.cluster.to_string(), &earlier)?;
    // Views that were charged there, and endings that its nodes have to confirm.
    for (id, _) in vault.list::<PendingView>()? {
        vault.delete::<PendingView>(&id)?;
    }
    for (id, _) in vault.list::<UnconfirmedEnding>()? {
        vault.delete::<UnconfirmedEnding>(&id)?;
    }
    // The backup's stream may end before the last event that was read.
    for (id, _) in vault.list::<EventToken>()? {
        vault.delete::<EventToken>(&id)?;
    }
    vault.delete::<NewestDescriptor>(NewestDescriptor::ID)?;
    tell_again(vault)?;
    let nodes = nodes.to_vec();
    let (name, card) = (known.name.clone(), known.card.clone());
    let followed = vault.update::<Identity, VaultError>(Identity::ID, |found| {
        Ok(found.map(|found| Identity {
            cluster,
            nodes: nodes.clone(),
            name: name.clone(),
            card: card.clone(),
            // The backup may not have it.
            registered: false,
            ..found
        }))
    })?;
    Ok(followed.unwrap_or(Identity {
        cluster,
        nodes,
        registered: false,
        ..known
    }))
}

/// Has told the new ledger again what the old one was told after the backup: receipts, and
/// acknowledgements of rights. What it has already changes nothing there.
fn tell_again(vault: &Vault) -> Result<(), VaultError> {
    for (id, _) in vault.list::<GrantHeld>()? {
        change::<GrantHeld>(vault, &id, |held| {
            held.acknowledged = 0;
            held.confirmed = 0;
        })?;
    }
    for (id, _) in vault.list::<GrantOwned>()? {
        change::<GrantOwned>(vault, &id, |owned| {
            if owned.stage == Stage::Settled && owned.receipt.is_some() {
                owned.stage = Stage::Delivered;
            }
        })?;
    }
    Ok(())
}
