//! A home that follows its cluster to the one that was restored from its backup.
//!
//! The new cluster's first descriptor, which its fingerprint proves, names the old one. That says
//! that the new one has a backup of the old one and claims to go on from it; whether it does so
//! rightly, the person has to know from its operator. So nothing is followed without consent.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use cameo_common::api::ClusterInfo;
use cameo_common::ids::ClusterId;

use super::Error;
use crate::clock;
use crate::text::prefix::short;
use crate::vault::records::{
    EarlierCluster, EventToken, Identity, NewestDescriptor, PendingView, UnconfirmedEnding,
};
use crate::vault::{AgentLock, Home, IoError, Vault, VaultError};

/// The home's identity in the new cluster, if that one goes on from the home's cluster and the
/// person agrees. Stored when it returns.
pub(super) fn follow(
    vault: &Vault,
    home: &Home,
    known: Identity,
    told: &ClusterInfo,
    (cluster, nodes, yes): (ClusterId, &[String], bool),
) -> Result<Identity, Error> {
    let predecessor = told.descriptors.first.predecessor;
    let Some(predecessor) = predecessor.filter(|before| before.cluster == known.cluster) else {
        return Err(Error::OtherCluster {
            home: home.path().to_owned(),
            known: known.cluster,
            given: cluster,
        });
    };
    // It would go on with the old cluster, in this home.
    let _no_agent = AgentLock::take(home)?;
    let question = format!(
        "Cluster {} says that it goes on from {}, the cluster of this home, by a backup up to \
         entry {}. Follow it only if the operator has told you so, by another way. Your keys, \
         photos and carriers stay; photos open once their owners have opened them again; this home \
         does not go back.",
        short(&cluster),
        short(&known.cluster),
        predecessor.index
    );
    if !agrees(yes, &question).map_err(Error::Question)? {
        let (known, given) = (known.cluster, cluster);
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
    let nodes = nodes.to_vec();
    let followed = vault.update::<Identity, VaultError>(Identity::ID, |found| {
        Ok(found.map(|found| Identity {
            cluster,
            nodes: nodes.clone(),
            ..found
        }))
    })?;
    Ok(followed.unwrap_or(Identity {
        cluster,
        nodes,
        ..known
    }))
}
