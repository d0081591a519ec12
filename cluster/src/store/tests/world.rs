//! A store in a temporary directory, with a simple machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cameo_common::ids::NodeId;
use futures_util::stream;
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};

use crate::consensus_types::EntryBytes;
use crate::consensus_types::aliases::{CommittedLeaderId, Entry, LogId, Vote};
use crate::store::layout::DirectoryError;
use crate::store::{Decided, Machine, OpenError, Opened, Options, Store, Touched};
use cameo_machine::{Change, StateView};

/// "key=value" puts, "key" deletes, "key+" appends the index to the value. The reply is the
/// previous value.
pub struct TextMachine;

impl Machine for TextMachine {
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided {
        let text = std::str::from_utf8(entry).unwrap();
        let (key, change) = if let Some((key, value)) = text.split_once('=') {
            let value = value.as_bytes().to_vec();
            (
                key,
                Change::Put {
                    key: key.into(),
                    value,
                },
            )
        } else if let Some(key) = text.strip_suffix('+') {
            let mut value = view.get(key.as_bytes()).unwrap_or_default();
            value.extend(format!("{index},").bytes());
            (
                key,
                Change::Put {
                    key: key.into(),
                    value,
                },
            )
        } else {
            (text, Change::Delete { key: text.into() })
        };
        Decided {
            reply: view.get(key.as_bytes()).unwrap_or_default(),
            changes: vec![change],
            touched: Touched {
                users: key.parse().into_iter().collect(),
                sessions: Vec::new(),
            },
        }
    }
}

/// Options without drains at intervals.
pub fn options() -> Options {
    Options {
        drain_every: Duration::from_secs(3600),
        snapshot_retry: Duration::from_millis(20),
        boot_id: Some("boot-a".to_owned()),
        ..Options::default()
    }
}

pub struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Retries while the directory is locked. Other tests of this process start programs, which
    /// inherit all open files until they have executed: also the lock of a directory that was
    /// closed meanwhile.
    pub fn open(&self) -> Opened {
        self.open_or_refused().unwrap()
    }

    pub fn open_or_refused(&self) -> Result<Opened, OpenError> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match self.try_open(options()) {
                Err(OpenError::Directory(DirectoryError::Locked(_)))
                    if Instant::now() < deadline =>
                {
                    std::thread::yield_now();
                }
                opened => return opened,
            }
        }
    }

    pub fn try_open(&self, options: Options) -> Result<Opened, OpenError> {
        Store::open(&self.dir(), Arc::new(TextMachine), options)
    }

    /// The newest log file.
    pub fn log_file(&self) -> PathBuf {
        newest(&self.dir().join("wal"), ".wal")
    }

    pub fn snapshot_file(&self) -> PathBuf {
        newest(&self.dir().join("snapshots"), ".snap")
    }

    pub fn state_dir(&self) -> PathBuf {
        let name = std::fs::read_to_string(self.dir().join("CURRENT")).unwrap();
        self.dir().join(name.trim())
    }
}

fn newest(folder: &Path, suffix: &str) -> PathBuf {
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .max()
        .unwrap()
}

pub fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId { term }, index)
}

pub fn blank(term: u64, index: u64) -> Entry {
    Entry::new_blank(log_id(term, index))
}

pub fn command(term: u64, index: u64, text: &str) -> Entry {
    Entry {
        log_id: log_id(term, index),
        payload: EntryPayload::Normal(EntryBytes(text.as_bytes().to_vec())),
    }
}

/// Entries `from..to` of term 1; each appends its index to the row "all".
pub fn append_indexes(from: u64, to: u64) -> Vec<Entry> {
    (from..to).map(|index| command(1, index, "all+")).collect()
}

pub async fn append(opened: &mut Opened, entries: Vec<Entry>) {
    opened.log.blocking_append(entries).await.unwrap();
}

pub async fn apply(opened: &mut Opened, entries: Vec<Entry>) {
    let stream = stream::iter(entries.into_iter().map(|entry| Ok((entry, None))));
    opened.state_machine.apply(stream).await.unwrap();
}

/// Appends, commits and applies, as openraft does.
pub async fn commit(opened: &mut Opened, entries: Vec<Entry>) {
    let last = entries.last().unwrap().log_id;
    append(opened, entries.clone()).await;
    RaftLogStorage::save_committed(&mut opened.log, Some(last))
        .await
        .unwrap();
    apply(opened, entries).await;
}

pub async fn vote(opened: &mut Opened, term: u64) {
    opened
        .log
        .save_vote(&Vote::new(term, NodeId(1)))
        .await
        .unwrap();
}

/// Stops a node that holds these.
pub fn close(opened: Opened) -> std::io::Result<()> {
    let Opened {
        store,
        log,
        state_machine,
        state,
        snapshots,
        ..
    } = opened;
    drop((log, state_machine, state, snapshots));
    store.close()
}

/// Writes the overlay to sled, and flushes sled to the kernel.
pub fn drain(opened: &Opened) {
    let shared = &opened.state.shared;
    shared.drain_signal.request();
    assert!(shared.generation().wait_written(Duration::from_secs(20)));
    shared.generation().flush().unwrap();
}

pub fn row(opened: &Opened, key: &str) -> Option<String> {
    let value = opened.state.view().get(key.as_bytes());
    value.map(|value| String::from_utf8(value).unwrap())
}
