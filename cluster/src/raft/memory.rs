//! Log, state and snapshots in memory, for the simulator and for tests of the layers above the
//! storage.
//!
//! They live in a `MemoryDisk`, which outlives the node that uses it. Every write is durable at
//! once.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::io::{self, Cursor};
use std::ops::RangeBounds;
use std::sync::Arc;

use cameo_common::wire;
use futures_util::future::BoxFuture;
use futures_util::{Stream, TryStreamExt};
use openraft::entry::EntryPayload;
use openraft::storage::{
    EntryResponder, IOFlushed, LogState, RaftLogReader, RaftLogStorage, RaftSnapshotBuilder,
    RaftStateMachine,
};
use openraft::type_config::alias::{
    EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf,
};
use openraft::{OptionalSend, Snapshot};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

use super::engine::consensus::Storage;
use super::rpc::snapshots::{Receiving, SnapshotPort};
use crate::consensus_types::{ReplyBytes, TypeConfig};
use cameo_machine::{Change, MapView};

/// Applies an entry: from the rows, the index and the command to the changes and the reply.
pub type Decide = dyn Fn(&MapView, u64, &[u8]) -> (Vec<Change>, Vec<u8>) + Send + Sync;

/// A disk that never loses data.
#[derive(Clone)]
pub struct MemoryDisk {
    log: Arc<Mutex<Log>>,
    state: Arc<Mutex<State>>,
    decide: Arc<Decide>,
}

#[derive(Default)]
struct Log {
    vote: Option<VoteOf<TypeConfig>>,
    committed: Option<LogIdOf<TypeConfig>>,
    purged: Option<LogIdOf<TypeConfig>>,
    entries: BTreeMap<u64, EntryOf<TypeConfig>>,
}

#[derive(Default)]
struct State {
    content: Content,
    snapshot: Option<MemorySnapshot>,
}

#[derive(Default, Clone, Serialize, Deserialize)]
struct Content {
    applied: Option<LogIdOf<TypeConfig>>,
    membership: StoredMembershipOf<TypeConfig>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryDisk")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

impl MemoryDisk {
    /// An empty disk that applies entries with `decide`.
    pub fn new(decide: Arc<Decide>) -> Self {
        Self {
            log: Arc::default(),
            state: Arc::default(),
            decide,
        }
    }

    /// The storage of a node that starts on this disk.
    pub fn storage(&self) -> Storage<MemoryLog, MemoryState, MemorySnapshots> {
        let log = lock(&self.log);
        let pristine = log.vote.is_none()
            && log.entries.is_empty()
            && log.purged.is_none()
            && lock(&self.state).content.applied.is_none();
        Storage {
            log: MemoryLog(self.log.clone()),
            state_machine: MemoryState {
                state: self.state.clone(),
                decide: self.decide.clone(),
            },
            snapshots: MemorySnapshots,
            pristine,
            record_cluster: Arc::new(|_| Ok(())),
        }
    }

    /// The rows applied so far.
    pub fn rows(&self) -> MapView {
        MapView(lock(&self.state).content.rows.clone())
    }

    /// Index of the first entry still in the log.
    pub fn first_log_index(&self) -> Option<u64> {
        lock(&self.log).entries.keys().next().copied()
    }
}

/// The log half of a `MemoryDisk`.
#[derive(Clone)]
pub struct MemoryLog(Arc<Mutex<Log>>);

impl Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryLog")
    }
}

impl RaftLogReader<TypeConfig> for MemoryLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<EntryOf<TypeConfig>>, io::Error> {
        let log = lock(&self.0);
        Ok(log.entries.range(range).map(|(_, e)| e.clone()).collect())
    }

    async fn read_vote(&mut self) -> Result<Option<VoteOf<TypeConfig>>, io::Error> {
        Ok(lock(&self.0).vote)
    }
}

impl RaftLogStorage<TypeConfig> for MemoryLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = lock(&self.0);
        let last = log.entries.values().next_back().map(|entry| entry.log_id);
        Ok(LogState {
            last_purged_log_id: log.purged,
            last_log_id: last.or(log.purged),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &VoteOf<TypeConfig>) -> Result<(), io::Error> {
        lock(&self.0).vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(
        &mut self,
        committed: Option<LogIdOf<TypeConfig>>,
    ) -> Result<(), io::Error> {
        lock(&self.0).committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogIdOf<TypeConfig>>, io::Error> {
        Ok(lock(&self.0).committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: IOFlushed<TypeConfig>,
    ) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = EntryOf<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        {
            let mut log = lock(&self.0);
            for entry in entries {
                log.entries.insert(entry.log_id.index(), entry);
            }
        }
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogIdOf<TypeConfig>>) -> Result<(), io::Error> {
        let from = last.map_or(0, |last| last.index() + 1);
        lock(&self.0).entries.split_off(&from);
        Ok(())
    }

    async fn purge(&mut self, upto: LogIdOf<TypeConfig>) -> Result<(), io::Error> {
        let mut log = lock(&self.0);
        log.entries = log.entries.split_off(&(upto.index() + 1));
        log.purged = Some(upto);
        Ok(())
    }
}

/// The state half of a `MemoryDisk`.
#[derive(Clone)]
pub struct MemoryState {
    state: Arc<Mutex<State>>,
    decide: Arc<Decide>,
}

impl Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryState")
    }
}

/// A snapshot's bytes.
#[derive(Clone)]
pub struct MemorySnapshot(Arc<Vec<u8>>);

impl Debug for MemorySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot of {} bytes", self.0.len())
    }
}

impl MemorySnapshot {
    fn of(content: &Content) -> io::Result<Self> {
        let bytes = wire::encode(content);
        Ok(Self(Arc::new(bytes)))
    }

    fn content(&self) -> io::Result<Content> {
        wire::decode(&self.0).map_err(io::Error::other)
    }

    fn with_meta(self) -> io::Result<SnapshotOf<TypeConfig, MemorySnapshot>> {
        let content = self.content()?;
        Ok(Snapshot {
            meta: SnapshotMetaOf::<TypeConfig> {
                last_log_id: content.applied,
                last_membership: content.membership,
            },
            snapshot: self,
        })
    }
}

impl RaftStateMachine<TypeConfig> for MemoryState {
    type SnapshotData = MemorySnapshot;
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogIdOf<TypeConfig>>, StoredMembershipOf<TypeConfig>), io::Error> {
        let content = &lock(&self.state).content;
        Ok((content.applied, content.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let mut reply = Vec::new();
            {
                let content = &mut lock(&self.state).content;
                content.applied = Some(entry.log_id);
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Membership(membership) => {
                        content.membership =
                            StoredMembershipOf::<TypeConfig>::new(Some(entry.log_id), membership);
                    }
                    EntryPayload::Normal(bytes) => {
                        let mut view = MapView(std::mem::take(&mut content.rows));
                        let (changes, answer) =
                            (self.decide)(&view, entry.log_id.index(), &bytes.0);
                        view.apply(&changes);
                        content.rows = view.0;
                        reply = answer;
                    }
                }
            }
            if let Some(responder) = responder {
                responder.send(ReplyBytes(reply));
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: MemorySnapshot,
    ) -> Result<(), io::Error> {
        let content = snapshot.content()?;
        let mut state = lock(&self.state);
        state.content = content;
        state.snapshot = Some(snapshot);
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, MemorySnapshot>>, io::Error> {
        let snapshot = lock(&self.state).snapshot.clone();
        snapshot.map(MemorySnapshot::with_meta).transpose()
    }
}

impl RaftSnapshotBuilder<TypeConfig> for MemoryState {
    type SnapshotData = MemorySnapshot;

    async fn build_snapshot(
        &mut self,
    ) -> Result<SnapshotOf<TypeConfig, MemorySnapshot>, io::Error> {
        let mut state = lock(&self.state);
        let snapshot = MemorySnapshot::of(&state.content)?;
        state.snapshot = Some(snapshot.clone());
        snapshot.with_meta()
    }
}

/// Access of the network to the snapshots of a `MemoryDisk`.
#[derive(Debug, Clone, Copy)]
pub struct MemorySnapshots;

impl SnapshotPort for MemorySnapshots {
    type Data = MemorySnapshot;

    fn open<'a>(
        &'a self,
        data: &'a MemorySnapshot,
    ) -> BoxFuture<'a, io::Result<(u64, Box<dyn AsyncRead + Send + Unpin>)>> {
        let bytes = data.0.to_vec();
        Box::pin(async move {
            let length = bytes.len() as u64;
            let reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(Cursor::new(bytes));
            Ok((length, reader))
        })
    }

    fn begin(&self, _len: u64) -> BoxFuture<'_, io::Result<Box<dyn Receiving<MemorySnapshot>>>> {
        Box::pin(async { Ok(Box::new(Received(Vec::new())) as Box<dyn Receiving<_>>) })
    }
}

struct Received(Vec<u8>);

impl Receiving<MemorySnapshot> for Received {
    fn write(&mut self, chunk: Vec<u8>) -> BoxFuture<'_, io::Result<()>> {
        self.0.extend_from_slice(&chunk);
        Box::pin(async { Ok(()) })
    }

    fn finish(
        self: Box<Self>,
    ) -> BoxFuture<'static, io::Result<SnapshotOf<TypeConfig, MemorySnapshot>>> {
        Box::pin(async move { MemorySnapshot(Arc::new(self.0)).with_meta() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use openraft::StorageError;
    use openraft::testing::log::{StoreBuilder, Suite};

    use super::*;

    struct Memory;

    impl StoreBuilder<TypeConfig, MemoryLog, MemoryState, ()> for Memory {
        async fn build(&self) -> Result<((), MemoryLog, MemoryState), StorageError<TypeConfig>> {
            let storage = MemoryDisk::new(Arc::new(|_, _, _| (Vec::new(), Vec::new()))).storage();
            Ok(((), storage.log, storage.state_machine))
        }
    }

    #[tokio::test]
    async fn log_and_state_pass_the_suite_of_openraft() {
        Suite::test_all(Memory).await.unwrap();
    }
}
