//! Jobs.

use cameo_common::ids::{Hash, NodeId};

use super::{Story, Told, hash, key};
use crate::history::{JobEnd, Key, Op, Operation, PlaceArg, Placed, RunArg, Tamper};

impl Story {
    pub fn place(&mut self, job: &str, leader: u64, term: u64) -> &mut Self {
        let arg = PlaceArg {
            node: NodeId(1),
            client: key(1),
            input: hash(1),
            size: 100,
            exclude: Vec::new(),
        };
        let placed = Placed {
            worker: NodeId(2),
            leader: NodeId(leader),
            term,
            ticket: hash(9),
        };
        let key = Key(format!("job/{job}"));
        self.asked(key, arg, Told::Ok(placed), Op::Place)
    }

    pub fn run(&mut self, job: &str, tamper: Tamper, told: Told<Hash>) -> &mut Self {
        let arg = RunArg {
            worker: NodeId(2),
            ticket: hash(9),
            input: hash(1),
            term: 1,
            tamper,
        };
        self.asked(Key(format!("job/{job}")), arg, told, Op::Run)
    }

    pub fn end_job(&mut self, job: &str, end: JobEnd) -> &mut Self {
        let (arg, out) = ((), Some(end));
        let key = Key(format!("job/{job}"));
        self.add(key, true, Op::EndJob(Operation { arg, out }))
    }
}
