#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicU64, Ordering};

use cameo_common::ids::{Hash, JobId};

use super::*;
use crate::jobs::tests::report;

mod choice;
mod terms;

const LEADER: NodeId = NodeId(1);
const CLIENT: PublicKey = PublicKey([8; 32]);
const HEARTBEAT: Duration = Duration::from_millis(30);
const TERM: u64 = 4;

struct Fixture {
    dispatcher: Dispatcher,
    now: Instant,
    decisions: Arc<Mutex<Vec<Decision>>>,
    sequence: u64,
}

/// A leader with the followers 2 and 3, who have not reported yet.
fn leading() -> Fixture {
    let decisions = Arc::new(Mutex::new(Vec::new()));
    let (log, sequence) = (Arc::clone(&decisions), AtomicU64::new(0));
    let local_report =
        move || Report::encode(&report(1, 1 + sequence.fetch_add(1, Ordering::SeqCst)));
    let key = Arc::new(SigningKey::from_seed([1; 32]));
    let dispatcher = Dispatcher::new(LEADER, key, local_report, HEARTBEAT)
        .on_decision(move |decision| log.lock().push(decision.clone()));
    dispatcher.set_term(Some(TERM));
    Fixture {
        dispatcher,
        now: Instant::now(),
        decisions,
        sequence: 0,
    }
}

impl Fixture {
    fn receive(&mut self, node: u64, change: impl FnOnce(&mut Report)) {
        self.sequence += 1;
        let mut report = report(node * 100, self.sequence);
        report.backlog_cpu_ms = 0;
        report.usable_millicores = 1000;
        change(&mut report);
        self.dispatcher
            .record_report(NodeId(node), &report.encode(), self.now);
    }

    fn place(&self, request: &PlaceJob) -> Result<Placed, PlaceError> {
        let placed =
            self.dispatcher
                .place_all(std::slice::from_ref(request), CLIENT, &self.context(), 7)?;
        placed.into_iter().next().unwrap()
    }

    fn place_all(&self, requests: &[PlaceJob]) -> Vec<Result<Placed, PlaceError>> {
        let placed = self
            .dispatcher
            .place_all(requests, CLIENT, &self.context(), 7);
        placed.unwrap()
    }

    fn context(&self) -> PlacementContext {
        let member = |node| PlacementMember {
            node: NodeId(node),
            key: PublicKey([node as u8; 32]),
            url: format!("https://node-{node}"),
            voter: true,
        };
        PlacementContext {
            now: self.now,
            unix: Millis(1_000_000),
            cluster: ClusterId([5; 32]),
            term: TERM,
            members: [1, 2, 3].map(member).to_vec(),
        }
    }
}

impl Fixture {
    fn decided(&self) -> Decision {
        self.decisions.lock().last().unwrap().clone()
    }

    /// CPU time reserved on a node. Reads it with a job that excludes all nodes, so that nothing is
    /// placed.
    fn reserved(&self, node: impl Into<NodeId>) -> u64 {
        let node = node.into();
        let mut probe = job(99);
        probe.exclude = [1, 2, 3].map(NodeId).to_vec();
        assert!(busy(self.place(&probe)));
        let candidates = self.decided().input.candidates;
        let candidate = candidates.iter().find(|candidate| candidate.node == node);
        candidate.unwrap().reserved_cpu_ms
    }
}

fn job(n: u8) -> PlaceJob {
    PlaceJob {
        job: JobId([n; 16]),
        input: Hash([n; 32]),
        size: 1_000_000,
        exclude: Vec::new(),
    }
}

fn busy(result: Result<Placed, PlaceError>) -> bool {
    matches!(result, Err(PlaceError::Busy { .. }))
}
