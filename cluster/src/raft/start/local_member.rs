//! Construction of the local member at the start, with checks of the record of its cluster against
//! the data directory.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{RaftDeps, Settings, StartError};
use crate::host::rng::system_bytes;
use crate::raft::engine::storage::Storage;
use crate::raft::genesis::GenesisMember;
use crate::raft::members::local_member::LocalMember;
use crate::raft::members::member_view::MemberView;
use crate::raft::members::record_file::RecordFile;

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
    let members = MemberView::new("looking for the other nodes");
    if let Some(record) = record {
        match (record.genesis.member(id).is_some(), is_worker) {
            (true, true) => return Err(StartError::IsVoter(id)),
            (false, false) => return Err(StartError::IsWorker(id)),
            _ => {}
        }
        (storage.record_cluster)(record.genesis.cluster_id()).map_err(StartError::OtherCluster)?;
        members.set_genesis(record.genesis);
        // A worker that has recorded its cluster may not be admitted yet.
        if initialised || !is_worker {
            members.set_formed();
        }
    }
    let local = LocalMember {
        me: GenesisMember {
            id,
            link,
            http: settings.http.clone(),
            key: deps.keys.public(),
            sealing: deps.keys.sealing_public(),
        },
        token: system_bytes().map_err(StartError::Failed)?,
        peers: settings.peers.clone(),
        terms: settings.entrance.terms(),
        members: Arc::new(members),
        file,
        blocking: deps.blocking,
        record_cluster: storage.record_cluster.clone(),
        started_empty: storage.pristine,
        recording: Mutex::new(()),
    };
    Ok((local, initialised))
}
