//! The node's data folder: opening, the parts for Raft, and closing.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::start_error::StartError;
use crate::backup::KeptBackup;
use crate::config::Config;
use crate::floor::{self, FloorDisk, FloorFile, Owner};
use crate::host::blocking::Blocking;
use crate::host::disk_space::DiskSpace;
use crate::host::thread_priority;
use crate::raft::quarantine::{QuarantineDisk, QuarantineFolder};
use crate::raft::{self, AppliedState};
use crate::store::{
    Decider, DirectoryError, NodeRecord, OnDemandSnapshots, OpenError, Opened, Options, Snapshots,
    StateMachine, Store, StoreSnapshots, Wal,
};

pub(super) fn make_folder(config: &Config) -> Result<(), StartError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
        .map_err(|error| at_folder(&config.data, error))
}

fn at_folder(path: &Path, error: io::Error) -> StartError {
    StartError::Data {
        path: path.display().to_string(),
        error,
    }
}

pub(super) async fn open_store(
    config: &Config,
    decider: Decider,
    options: Options,
) -> Result<Opened, StartError> {
    let data = config.data.clone();
    let (sender, opened) = oneshot::channel();
    std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(move || {
            // The threads that write and sync the log are started here, and inherit the priority.
            thread_priority::raise();
            // Ignored when the node has stopped starting.
            let _ = sender.send(Store::open(&data, Arc::new(decider), options));
        })
        .map_err(|error| StartError::System(error.to_string()))?;
    opened
        .await
        .map_err(|_| StartError::System("opening the store failed".to_owned()))?
        .map_err(|error| match error {
            OpenError::Directory(DirectoryError::Io(path, error)) => at_folder(&path, error),
            error => error.into(),
        })
}

/// The opened storage of a node.
pub struct NodeStorage<S> {
    pub raft: S,
    /// The state that Raft writes.
    pub state: Arc<dyn AppliedState>,
    /// The file of what this node has released, apart from the state.
    pub floor: Arc<dyn FloorDisk>,
    /// The files of what this node remembers of its peers, and of its quarantine.
    pub quarantine: Arc<dyn QuarantineDisk>,
    /// For backups; None in the simulator.
    pub snapshots: Option<Arc<dyn OnDemandSnapshots>>,
    /// The backup that the cluster begins from, until its state is taken over.
    pub predecessor: Option<Arc<KeptBackup>>,
    /// Whether there is room on the disk of all these.
    pub space: Arc<DiskSpace>,
    /// Writes the state to disk, at an orderly stop.
    pub close: Box<dyn FnOnce() -> io::Result<()> + Send>,
}

impl<S> std::fmt::Debug for NodeStorage<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeStorage({:?})", self.state)
    }
}

/// The store, which Raft writes the node's identity to, and the stop closes.
pub(super) fn storage(
    config: &Config,
    blocking: Blocking,
    opened: Opened,
    predecessor: Option<KeptBackup>,
) -> NodeStorage<raft::Storage<Wal, StateMachine, Snapshots>> {
    let id = config.id;
    let store = Arc::new(Mutex::new(Some(opened.store)));
    let floor = Arc::new(FloorFile::within(&config.data, blocking));
    let (identity_store, new_floor) = (store.clone(), floor.clone());
    let pristine = opened.pristine;
    let record_cluster = move |cluster| match &*identity_store.lock() {
        Some(store) => {
            // Before the record: a node that has the record and no floors has lost them. So has one
            // that lacks both, and has voted or applied something.
            if store.node_record()?.is_none() && pristine {
                let node = id;
                floor::create(&*new_floor, Owner { node, cluster })?;
            }
            store.write_node_record(NodeRecord {
                raft_id: id,
                cluster,
            })
        }
        None => Err(io::Error::other("the node is stopping")),
    };
    let close = move || {
        let store = store.lock().take();
        store.map_or(Ok(()), Store::close)
    };
    let snapshots = StoreSnapshots {
        state: opened.state.clone(),
        snapshots: opened.snapshots.clone(),
    };
    NodeStorage {
        snapshots: Some(Arc::new(snapshots)),
        raft: raft::Storage {
            log: opened.log,
            state_machine: opened.state_machine,
            snapshots: opened.snapshots,
            pristine,
            record_cluster: Arc::new(record_cluster),
        },
        state: Arc::new(opened.state),
        floor,
        quarantine: Arc::new(QuarantineFolder::within(&config.data, blocking)),
        predecessor: predecessor.map(Arc::new),
        space: opened.space,
        close: Box::new(close),
    }
}
