//! Records what nodes say of themselves, and what their logs hold.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_cluster::floor;
use cameo_cluster::raft::{AppliedState as _, Role};
use cameo_common::ids::{GrantId, NodeId};

use super::cluster::Cluster;
use super::machine::Machine;
use crate::history::{FloorSeen, Key, Micros, Observed, Op, Operation, Recorder, Row};

/// Time between two observations of a node.
const EVERY: Duration = Duration::from_millis(250);
/// Observer numbers begin here, away from those of clients.
const OBSERVER: u64 = 1 << 32;
/// Entries that are read once more after a restart.
const AGAIN: u64 = 50;

/// Version and releases of each grant.
type Floors = BTreeMap<GrantId, (u64, u32)>;

pub(super) struct Observer {
    recorder: Recorder,
    next: Duration,
    seen: BTreeMap<NodeId, Seen>,
    floors: BTreeMap<NodeId, Floors>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    start: u64,
    /// Log entries up to here.
    log: u64,
    /// The applied index of the last hash.
    hashed: u64,
}

/// The floors on a machine's disk, as the next process would find them.
fn floors_on(machine: &Machine) -> Floors {
    let bytes = machine.disk.floor().unwrap_or_default();
    // None before the node has its cluster.
    let found = floor::contents(&bytes).map(|found| found.grants);
    let found = found.unwrap_or_default();
    let seen = found.into_iter();
    seen.map(|(grant, floor)| (grant, (floor.version, floor.released)))
        .collect()
}

/// Those that are new, other or gone.
fn changed(before: &Floors, now: &Floors) -> Vec<FloorSeen> {
    let gone = before.keys().filter(|grant| !now.contains_key(grant));
    let gone = gone.map(|grant| (grant, &(0, 0)));
    let others = now.iter();
    let others = others.filter(|(grant, floor)| before.get(grant) != Some(floor));
    others
        .chain(gone)
        .map(|(grant, &(version, released))| FloorSeen {
            grant: Key::grant(grant),
            version,
            released,
        })
        .collect()
}

impl Observer {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            next: Duration::ZERO,
            seen: BTreeMap::new(),
            floors: BTreeMap::new(),
        }
    }

    /// Observes all nodes if it is time.
    pub(super) fn step(&mut self, cluster: &Cluster) {
        if cluster.sim.elapsed() >= self.next {
            self.next = cluster.sim.elapsed() + EVERY;
            self.observe_all(cluster);
        }
    }

    /// Observes all nodes.
    pub(super) fn observe_all(&mut self, cluster: &Cluster) {
        let now = Micros(cluster.sim.elapsed().as_micros() as u64);
        // What a liar says of itself is nothing known.
        let machines = cluster.machines.values();
        let believed = machines.filter(|machine| {
            !cluster.lies.is_liar(machine.id) && !cluster.is_kept_out(machine.id)
        });
        for machine in believed {
            if let Some(observed) = self.observe(machine) {
                let what = format!(
                    "node {} term {} committed {} applied {}",
                    machine.id, observed.term, observed.committed, observed.applied
                );
                cluster.tell(&what);
                self.recorder.record(&Row {
                    client: OBSERVER + machine.id.0,
                    key: Key::node(machine.id),
                    op: Op::Observe(Operation {
                        arg: (),
                        out: Some(observed),
                    }),
                    call: now,
                    ret: Some(now),
                });
            }
        }
    }

    fn observe(&mut self, machine: &Machine) -> Option<Observed> {
        let process = machine.process()?;
        let status = process.raft.status();
        let seen = self.seen.entry(machine.id).or_default();
        if seen.start != machine.starts() {
            *seen = Seen {
                start: machine.starts(),
                log: seen.log.saturating_sub(AGAIN),
                hashed: 0,
            };
        }
        let log = machine.disk.entries(seen.log + 1, status.committed);
        seen.log = seen.log.max(status.committed);
        let applied = process.state.applied();
        let hashed = (applied != seen.hashed).then(|| process.state.hash());
        if let Some(hashed) = &hashed {
            seen.hashed = hashed.applied;
        }
        let now = floors_on(machine);
        let before = self.floors.entry(machine.id).or_default();
        let floors = changed(before, &now);
        *before = now;
        Some(Observed {
            start: seen.start,
            term: status.term,
            leader: status.leader,
            leads: Some(status.role == Role::Leader),
            committed: status.committed,
            applied: status.applied,
            state: hashed.map(|hashed| (hashed.applied, hashed.hash)),
            log,
            floors,
        })
    }
}
