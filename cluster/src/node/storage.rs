//! The node's data folder: opening, the parts for Raft, and closing.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;

use cameo_common::ids::NodeId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::start_error::StartError;
use crate::config::Config;
use crate::host::thread_priority;
use crate::raft;
use crate::store::{Decider, NodeRecord, Opened, Options, Snapshots, StateMachine, Store, Wal};

pub(super) fn make_folder(config: &Config) -> Result<(), StartError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
        .map_err(|error| StartError::Data {
            path: config.data.display().to_string(),
            error,
        })
}

pub(super) async fn open_store(config: &Config) -> Result<Opened, StartError> {
    let data = config.data.clone();
    let (sender, opened) = oneshot::channel();
    std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(move || {
            // The threads that write and sync the log are started here, and inherit the priority.
            thread_priority::raise();
            // Ignored when the node has stopped starting.
            let _ = sender.send(Store::open(&data, Arc::new(Decider), Options::default()));
        })
        .map_err(|error| StartError::System(error.to_string()))?;
    opened
        .await
        .map_err(|_| StartError::System("opening the store failed".to_owned()))?
        .map_err(StartError::from)
}

/// The store while it is open. Raft writes the node's identity to it; the stop closes it.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenStore(Arc<Mutex<Option<Store>>>);

impl OpenStore {
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Store>> {
        self.0.lock()
    }
}

type RaftStorage = raft::Storage<Wal, StateMachine, Snapshots>;

/// The store's parts for Raft, and the handle that closes the store.
pub(super) fn storage(id: NodeId, opened: Opened) -> (OpenStore, RaftStorage) {
    let store = OpenStore::default();
    *store.lock() = Some(opened.store);
    let identity_store = store.clone();
    let record_cluster = move |cluster| match &*identity_store.lock() {
        Some(store) => store.write_node_record(NodeRecord {
            raft_id: id,
            cluster,
        }),
        None => Err(io::Error::other("the node is stopping")),
    };
    let storage = raft::Storage {
        log: opened.log,
        state_machine: opened.state_machine,
        snapshots: opened.snapshots,
        pristine: opened.pristine,
        record_cluster: Arc::new(record_cluster),
    };
    (store, storage)
}
