//! Construction of the gate and the exchange of a node that starts.

use std::sync::Arc;

use cameo_common::statements::Marks;
use openraft::storage::{RaftLogReader as _, RaftLogStorage};

use super::role::{Membership, StartsAs};
use super::{RaftDeps, Settings, StartError, failed};
use crate::consensus_types::TypeConfig;
use crate::floor::FloorMark;
use crate::raft::authority::Authority;
use crate::raft::engine::consensus::Consensus;
use crate::raft::exchange::Exchange;
use crate::raft::members::local_member::LocalMember;
use crate::raft::quarantine::{Gate, Marker, NeededAnswers, Origin, QuarantineDisk, Remembered};

/// The gate of a node over what it finds on its disk, before consensus uses it.
pub(super) async fn gate<L: RaftLogStorage<TypeConfig>>(
    settings: &Settings,
    deps: &RaftDeps,
    local: &LocalMember,
    role: StartsAs,
    membership: &Membership,
    log: &mut L,
) -> Result<Arc<Gate>, StartError> {
    let found = found(log, &deps.floor).await.map_err(failed)?;
    // A voter that knows its cluster may have voted: by the voters of its log, who are of two
    // descriptors while they change, and by those of the newest one that it knows.
    let needed = match local.members.chain() {
        Some(chain) if role == StartsAs::Voter => {
            let newest = std::iter::once(chain.newest_ids());
            let configurations = membership.configurations.iter().cloned();
            NeededAnswers::of(local.me.id, newest.chain(configurations))
        }
        _ => NeededAnswers::default(),
    };
    let gate = if Marker::is_on(&*deps.quarantine).map_err(StartError::Marker)? {
        Gate::quarantined(deps.incarnation, found)
    } else if !needed.is_empty() && may_be_copy(settings, &*deps.quarantine)? {
        Gate::of_copy(deps.incarnation, found, needed)
    } else {
        Gate::new(deps.incarnation, found, needed)
    };
    Ok(Arc::new(gate))
}

/// Whether the folder of a voter counts as a copy.
fn may_be_copy(settings: &Settings, disk: &dyn QuarantineDisk) -> Result<bool, StartError> {
    let origin = disk.origin()?;
    match (origin, settings.folder_is_newest) {
        (Origin::Original, false) => {}
        (Origin::Original, true) => tracing::warn!(
            "--folder-is-newest is not needed, as this folder was not copied: leave it out"
        ),
        (Origin::MayBeCopy(why), false) => tracing::warn!(
            %why,
            "this folder may be an older copy: the node takes no part until all those have \
             answered who may remember more of it"
        ),
        (Origin::MayBeCopy(why), true) => tracing::warn!(
            %why,
            "this folder may be an older copy, and --folder-is-newest says that it is not: the \
             node takes part with a majority. Leave the flag out at its next start"
        ),
    }
    Ok(matches!(origin, Origin::MayBeCopy(_)) && !settings.folder_is_newest)
}

async fn found<L: RaftLogStorage<TypeConfig>>(
    log: &mut L,
    floor: &FloorMark,
) -> std::io::Result<Marks> {
    let vote = log.get_log_reader().await.read_vote().await?;
    let last = log.get_log_state().await?.last_log_id;
    Ok(Marks {
        floor: floor.found(),
        term: vote.map_or(0, |vote| vote.leader_id.term),
        log: last.map_or(0, |id| id.index()),
    })
}

/// The exchange of a voter with the others; None at any other node.
pub(super) fn exchange(
    deps: &RaftDeps,
    local: &LocalMember,
    role: StartsAs,
    authority: &Authority,
    consensus: &Arc<dyn Consensus>,
) -> Result<Option<Arc<Exchange>>, StartError> {
    if role != StartsAs::Voter {
        return Ok(None);
    }
    Ok(Some(Arc::new(Exchange {
        me: local.me.id,
        keys: deps.keys.clone(),
        members: local.members.clone(),
        gate: authority.gate.clone(),
        times: authority.times.clone(),
        remembered: Remembered::load(deps.quarantine.clone())?,
        disk: deps.quarantine.clone(),
        consensus: consensus.clone(),
        floor: deps.floor.clone(),
        log: Default::default(),
        alarms: Default::default(),
        descriptors: authority.descriptors.clone(),
        told: Default::default(),
    })))
}
