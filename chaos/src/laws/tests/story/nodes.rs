//! Nodes, and what happens to them.

use cameo_common::ids::NodeId;

use super::{Story, grant, hash};
use crate::history::{FaultArg, FloorSeen, Happened, Held, Key, Observed, Op, Operation, Struck};

impl Story {
    pub fn observe(&mut self, node: u64, observed: Observed) -> &mut Self {
        let (arg, out) = ((), Some(observed));
        self.add(
            Key::node(NodeId(node)),
            true,
            Op::Observe(Operation { arg, out }),
        )
    }

    /// A node keeps this many bytes for jobs.
    pub fn held(&mut self, node: u64, bytes: u64) -> &mut Self {
        let held = Held {
            inputs: bytes,
            pictures: 0,
        };
        let (arg, out) = ((), Some(held));
        self.add(
            Key::node(NodeId(node)),
            true,
            Op::Held(Operation { arg, out }),
        )
    }

    pub fn fault(&mut self, kind: &str, bit: bool) -> &mut Self {
        let arg = FaultArg {
            kind: kind.to_owned(),
            on: "node 1".to_owned(),
        };
        let seen = "it was looked for".to_owned();
        let out = Some(Struck { bit, seen });
        self.add(Key(String::new()), true, Op::Fault(Operation { arg, out }))
    }

    pub fn heal(&mut self) -> &mut Self {
        let (arg, out) = ((), Some(Happened {}));
        self.add(Key(String::new()), true, Op::Healed(Operation { arg, out }))
    }
}

/// What a node says of itself.
pub(in crate::laws::tests) fn observed(
    start: u64,
    term: u64,
    leader: u64,
    applied: u64,
) -> Observed {
    Observed {
        start,
        term,
        leader: Some(NodeId(leader)),
        leads: None,
        committed: applied,
        applied,
        state: Some((applied, hash(applied as u8))),
        log: Vec::new(),
        floors: Vec::new(),
    }
}

/// A node's observation with a floor of the grant.
pub(in crate::laws::tests) fn seen_floor(version: u64, released: u32) -> Observed {
    let floor = FloorSeen {
        grant: grant(),
        version,
        released,
    };
    Observed {
        floors: vec![floor],
        ..observed(1, 1, 1, 1)
    }
}
