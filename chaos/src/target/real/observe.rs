//! Observations: the nodes' own words about themselves while a run goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{NodeStatus, StateHash, paths};
use cameo_common::ids::{Hash, NodeId};
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::member::Member;
use super::world::World;
use crate::history::{Key, Observed, Op, Operation};

/// Time between two looks at a node.
const EVERY: Duration = Duration::from_millis(200);
/// Each such look asks for the hash of the state too.
const HASH_EACH: u64 = 10;
/// Rows of observations get client numbers from here, one a node: those of the workload count from
/// 0 upwards.
const CLIENTS: u64 = 1 << 40;

/// The newest status of each node, with when it came.
#[derive(Debug, Default)]
pub struct Seen(Mutex<BTreeMap<NodeId, (Instant, NodeStatus)>>);

impl Seen {
    /// The leader of the newest term that was seen lately.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        let seen = self.0.lock();
        let lately = seen.values().filter(|(at, _)| at.elapsed() < 5 * EVERY);
        let newest = lately.max_by_key(|(_, status)| (status.term, status.leader.is_some()))?;
        newest.1.leader
    }
}

/// Looks at all nodes, the newcomers too, until it is dropped.
pub async fn observe(world: Arc<World>) {
    let mut rounds = interval(EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let busy = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let mut looks = tokio::task::JoinSet::new();
    for round in 0_u64.. {
        rounds.tick().await;
        while looks.try_join_next().is_some() {}
        for member in world.members.all() {
            // A node that does not answer is not asked again meanwhile.
            if !busy.lock().insert(member.id) {
                continue;
            }
            let (world, busy) = (world.clone(), busy.clone());
            looks.spawn(async move {
                look(&world, &member, round % HASH_EACH == 0).await;
                busy.lock().remove(&member.id);
            });
        }
    }
}

/// Records what a node says of itself, if it answers.
pub async fn look(world: &World, member: &Member, with_state: bool) {
    let call = world.elapsed();
    let start = member.starts();
    let Some(status) = member.ask::<NodeStatus>(paths::STATUS).await else {
        return;
    };
    if status.term == 0 {
        // It has not opened its log yet: no word about it.
        return;
    }
    let state = if with_state {
        member.ask::<StateHash>(paths::STATE_HASH).await
    } else {
        None
    };
    if member.starts() != start {
        // It may be the word of either process.
        return;
    }
    let seen = (Instant::now(), status.clone());
    world.seen.0.lock().insert(member.id, seen);
    record(
        world,
        member.id,
        start,
        &status,
        state.map(|state| (state.applied, state.hash)),
        call,
    );
}

fn record(
    world: &World,
    node: NodeId,
    start: u64,
    status: &NodeStatus,
    state: Option<(u64, Hash)>,
    call: crate::history::Micros,
) {
    let observed = Observed {
        start,
        term: status.term,
        leader: status.leader,
        leads: Some(status.leader == Some(node)),
        committed: status.committed,
        applied: status.applied,
        state,
        log: Vec::new(),
        floors: Vec::new(),
    };
    let op = Op::Observe(Operation {
        arg: (),
        out: Some(observed),
    });
    world.record(CLIENTS + node.0, Key::node(node), op, call);
}
