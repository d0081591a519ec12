//! The state of a `MemoryDisk`: in the process's memory, and written to the disk behind.

use std::fmt;
use std::io;
use std::sync::Arc;

use cameo_mutant::{Mutant, is_planted};
use futures_util::{FutureExt, Stream, StreamExt};
use openraft::OptionalSend;
use openraft::entry::EntryPayload;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use tokio::time::Instant;

use super::content::Content;
use super::snapshot::MemorySnapshot;
use super::sync::Syncer;
use crate::certificate::{Certificate, Checkpoints, StatePoint};
use crate::consensus_types::aliases::position;
use crate::consensus_types::{EntryBytes, ReplyBytes, TypeConfig};
use crate::raft::client::replica::{AppliedState, HashedState};
use crate::store::{Machine, Subscriptions, Touched, proposals};
use cameo_machine::{Change, LtHash, MapView, Rows, StateView};

/// Most entries that become visible together.
const BATCH_ENTRIES: usize = 64;

/// The state of one process. Clones share it.
#[derive(Clone)]
pub struct MemoryState {
    shared: Arc<Shared>,
}

struct Shared {
    machine: Arc<dyn Machine>,
    syncer: Syncer,
    live: RwLock<Live>,
    subscriptions: Arc<Subscriptions>,
    checkpoints: Checkpoints,
    /// The newest snapshot that waits for its certificate.
    pending: Mutex<Option<(StatePoint, MemorySnapshot)>>,
}

struct Live {
    content: Content,
    /// The hash of its rows, as the real store keeps it.
    sum: LtHash,
    /// Changes since the last drain, oldest first.
    undrained: Vec<Change>,
    /// Changes whose entry is drained already, where that bug is planted.
    apart: Vec<Change>,
    drained_at: Instant,
}

impl fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryState")
    }
}

impl MemoryState {
    pub(super) fn new(machine: Arc<dyn Machine>, syncer: Syncer, content: Content) -> Self {
        let live = Live {
            sum: content.sum(),
            content,
            undrained: Vec::new(),
            apart: Vec::new(),
            drained_at: Instant::now(),
        };
        Self {
            shared: Arc::new(Shared {
                machine,
                syncer,
                live: RwLock::new(live),
                subscriptions: Arc::default(),
                checkpoints: Checkpoints::default(),
                pending: Mutex::default(),
            }),
        }
    }

    /// Hands the whole state to the system, as an orderly stop does.
    pub fn drain(&self) {
        self.shared.drain(&mut self.shared.live.write());
    }

    pub(super) fn checkpoints(&self) -> &Checkpoints {
        &self.shared.checkpoints
    }

    /// Makes the snapshot of this state the current one; false when there is none any more.
    pub(super) async fn certify(
        &self,
        point: &StatePoint,
        certificate: Certificate,
    ) -> io::Result<bool> {
        let waiting = self.shared.pending.lock().take_if(|(at, _)| at == point);
        let Some((_, snapshot)) = waiting else {
            return Ok(false);
        };
        self.shared.syncer.sync_file().await?;
        self.shared.keep(&snapshot.certified_by(certificate));
        Ok(true)
    }
}

/// Adds a change that is about to be applied to the rows.
fn add_change(sum: &mut LtHash, rows: &MapView, change: &Change) {
    let (key, after) = match change {
        Change::Put { key, value } => (key, Some(value.as_slice())),
        Change::Delete { key } => (key, None),
    };
    sum.change(key, rows.0.get(key).map(Vec::as_slice), after);
}

fn index(content: &Content) -> u64 {
    content.applied.as_ref().map_or(0, |id| position(id).1)
}

impl Shared {
    fn drain(&self, live: &mut Live) {
        let mut platter = self.syncer.platter.lock();
        let drained = &mut platter.drained;
        let mut changes = std::mem::take(&mut live.undrained);
        if is_planted(Mutant::LastAppliedApart) {
            // The rows follow in the next write.
            std::mem::swap(&mut changes, &mut live.apart);
        }
        drained.rows.apply(&changes);
        drained.applied = live.content.applied;
        drained.membership.clone_from(&live.content.membership);
        live.drained_at = Instant::now();
    }

    fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) {
        self.machine.prepare(&proposals(&batch));
        let mut touched = Touched::default();
        let mut replies = Vec::with_capacity(batch.len());
        {
            let live = &mut *self.live.write();
            for (entry, responder) in batch {
                let content = &mut live.content;
                content.applied = Some(entry.log_id);
                let reply = match entry.payload {
                    EntryPayload::Blank => Vec::new(),
                    EntryPayload::Membership(membership) => {
                        content.membership =
                            StoredMembershipOf::<TypeConfig>::new(content.applied, membership);
                        Vec::new()
                    }
                    EntryPayload::Normal(EntryBytes(bytes)) => {
                        let at = entry.log_id.index();
                        let decided = self.machine.decide(&content.rows, at, &bytes);
                        for change in &decided.changes {
                            add_change(&mut live.sum, &content.rows, change);
                            content.rows.apply(std::slice::from_ref(change));
                        }
                        live.undrained.extend(decided.changes);
                        touched.add(decided.touched);
                        decided.reply
                    }
                };
                replies.extend(responder.map(|responder| (responder, reply)));
                if self.checkpoints.is_fixed(entry.log_id.index()) {
                    self.capture(live);
                }
            }
            if live.drained_at.elapsed() >= self.syncer.model.write_behind() {
                self.drain(live);
            }
        }
        self.subscriptions.tell(touched);
        for (responder, reply) in replies {
            responder.send(ReplyBytes(reply));
        }
    }

    /// Takes a snapshot at a fixed index, which waits for its certificate.
    fn capture(&self, live: &Live) {
        let snapshot = MemorySnapshot::of(&live.content);
        if let Some(point) = snapshot.point(&live.sum) {
            self.checkpoints.add(point);
            *self.pending.lock() = Some((point, snapshot));
            self.checkpoints.announce(point);
        }
    }

    fn keep(&self, snapshot: &MemorySnapshot) {
        let kept = &mut self.syncer.platter.lock().snapshot;
        if kept.as_ref().map(MemorySnapshot::applied) < Some(snapshot.applied()) {
            *kept = Some(snapshot.clone());
        }
    }
}

/// The latest state. No entry is applied while it lives.
struct View<'a>(RwLockReadGuard<'a, Live>);

impl StateView for View<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.content.rows.get(key)
    }

    fn read(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) {
        self.0.content.rows.read(key, read);
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        self.0.content.rows.scan(prefix, from, limit)
    }
}

impl AppliedState for MemoryState {
    fn view(&self) -> Box<dyn StateView + '_> {
        Box::new(View(self.shared.live.read()))
    }

    fn applied(&self) -> u64 {
        index(&self.shared.live.read().content)
    }

    fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.shared.subscriptions
    }

    fn hash(&self) -> HashedState {
        let live = self.shared.live.read();
        HashedState {
            applied: index(&live.content),
            hash: live.sum.hash(),
        }
    }

    fn failure(&self) -> Option<String> {
        self.shared.syncer.failure()
    }
}

impl RaftStateMachine<TypeConfig> for MemoryState {
    type SnapshotData = MemorySnapshot;
    type SnapshotBuilder = MemoryBuilder;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogIdOf<TypeConfig>>, StoredMembershipOf<TypeConfig>), io::Error> {
        let content = &self.shared.live.read().content;
        Ok((content.applied, content.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut entries = entries.fuse();
        while let Some(first) = entries.next().await {
            let mut batch = vec![first?];
            while batch.len() < BATCH_ENTRIES
                && let Some(Some(next)) = entries.next().now_or_never()
            {
                batch.push(next?);
            }
            self.shared.apply_batch(batch);
        }
        Ok(())
    }

    /// As the real store: without force, the newest snapshot if it is certified.
    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<MemoryBuilder> {
        if force {
            return Some(self.get_snapshot_builder().await);
        }
        let newest = self.shared.syncer.platter.lock().snapshot.clone()?;
        newest
            .is_certified()
            .then_some(MemoryBuilder::Certified(newest))
    }

    async fn get_snapshot_builder(&mut self) -> MemoryBuilder {
        MemoryBuilder::Local(self.clone())
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: MemorySnapshot,
    ) -> Result<(), io::Error> {
        self.shared.syncer.sync_file().await?;
        self.shared.keep(&snapshot);
        {
            let live = &mut *self.shared.live.write();
            live.content = snapshot.content();
            live.sum = live.content.sum();
            live.undrained.clear();
            live.apart.clear();
            live.drained_at = Instant::now();
            self.shared.syncer.platter.lock().drained = snapshot.content();
        }
        self.shared.subscriptions.tell_all();
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<SnapshotOf<TypeConfig, MemorySnapshot>>, io::Error> {
        let snapshot = self.shared.syncer.platter.lock().snapshot.clone();
        Ok(snapshot.map(MemorySnapshot::with_meta))
    }
}

/// What openraft calls the building of a snapshot.
#[derive(Debug)]
pub enum MemoryBuilder {
    /// It was taken at a fixed index, and is certified.
    Certified(MemorySnapshot),
    /// Takes one now, for this node alone.
    Local(MemoryState),
}

impl RaftSnapshotBuilder<TypeConfig> for MemoryBuilder {
    type SnapshotData = MemorySnapshot;

    async fn build_snapshot(
        &mut self,
    ) -> Result<SnapshotOf<TypeConfig, MemorySnapshot>, io::Error> {
        let shared = match self {
            Self::Certified(snapshot) => return Ok(snapshot.clone().with_meta()),
            Self::Local(state) => &state.shared,
        };
        let snapshot = MemorySnapshot::of(&shared.live.read().content);
        shared.syncer.sync_file().await?;
        shared.keep(&snapshot);
        Ok(snapshot.with_meta())
    }
}
