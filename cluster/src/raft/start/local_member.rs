//! Construction of the local member at the start, with checks of the record of its cluster against
//! the data directory.

use std::sync::Arc;

use openraft::storage::{RaftLogStorage, RaftStateMachine};
use parking_lot::Mutex;

use super::role::{self, Membership, StartsAs};
use super::{RaftDeps, Settings, StartError, recorded_flags};
use crate::consensus_types::TypeConfig;
use crate::host::rng::system_bytes;
use crate::raft::engine::storage::Storage;
use crate::raft::genesis::{Genesis, GenesisMember};
use crate::raft::members::local_member::LocalMember;
use crate::raft::members::member_view::MemberView;
use crate::raft::members::record_file::RecordFile;
use crate::raft::members::secret_check::{SecretCheck, SecretCheckError};

/// Reads the record of the cluster and checks it against the directory.
pub(super) fn local_member<L, SM, P>(
    settings: &Settings,
    deps: &RaftDeps,
    storage: &Storage<L, SM, P>,
) -> Result<(LocalMember, bool), StartError> {
    let id = settings.id;
    let is_worker = settings.entrance.is_worker();
    let link = settings
        .peers
        .get(&id)
        .cloned()
        .ok_or(StartError::NotAPeer(id))?;
    let file = RecordFile::of(&settings.data);
    let record = file.load(id)?;
    let initialised = record.as_ref().is_some_and(|record| record.initialised);
    if initialised && storage.pristine {
        return Err(StartError::LogLost);
    }
    if record.is_none() && !storage.pristine {
        return Err(StartError::RecordLost);
    }
    let me = GenesisMember {
        id,
        link,
        http: settings.http.clone(),
        key: deps.keys.public(),
        sealing: deps.keys.sealing_public(),
    };
    let secret = settings.entrance.secret();
    let secret_check = secret.map(|secret| SecretCheck::new(&settings.data, id, secret));
    let members = MemberView::new(
        "looking for the other nodes",
        deps.applied_descriptors.clone(),
    );
    if let Some(record) = record {
        if record.genesis.member(id).is_some() && is_worker {
            return Err(StartError::IsVoter(id));
        }
        recorded_flags::check(&record.genesis, &me, &settings.peers, &settings.entrance)?;
        check_secret(settings, &record.genesis, secret_check.as_ref())?;
        (storage.record_cluster)(record.genesis.cluster_id()).map_err(StartError::OtherCluster)?;
        members.set_genesis(record.genesis);
        // A worker that has recorded its cluster may not be admitted yet.
        if initialised || !is_worker {
            members.set_formed();
        }
    }
    let local = LocalMember {
        me,
        token: system_bytes().map_err(StartError::Failed)?,
        peers: settings.peers.clone(),
        terms: settings.entrance.terms(),
        members: Arc::new(members),
        file,
        secret_check,
        blocking: deps.blocking,
        record_cluster: storage.record_cluster.clone(),
        started_empty: storage.pristine,
        recording: Mutex::new(()),
    };
    Ok((local, initialised))
}

/// The role of this node, and Raft's membership, by what it finds on its disk.
pub(super) async fn role<L, SM>(
    local: &LocalMember,
    settings: &Settings,
    log: &mut L,
    state_machine: &mut SM,
) -> Result<(StartsAs, Membership), StartError>
where
    L: RaftLogStorage<TypeConfig>,
    SM: RaftStateMachine<TypeConfig>,
{
    let membership = Membership::read(log, state_machine).await;
    let membership = membership.map_err(super::failed)?;
    let (id, is_worker) = (settings.id, settings.entrance.is_worker());
    match role::role(local, is_worker, &membership) {
        StartsAs::Removed => Err(StartError::Removed(id)),
        StartsAs::Worker if !is_worker => Err(StartError::IsWorker(id)),
        role => Ok((role, membership)),
    }
}

/// Checks the content of a founder's secret file, of which the genesis has the operator's key.
fn check_secret(
    settings: &Settings,
    genesis: &Genesis,
    check: Option<&SecretCheck>,
) -> Result<(), SecretCheckError> {
    let terms = settings.entrance.terms();
    if terms.is_some_and(|terms| terms.operator != genesis.terms.operator) {
        return Err(SecretCheckError::OtherSecret);
    }
    check.map_or(Ok(()), |check| check.check(&genesis.cluster_id()))
}
