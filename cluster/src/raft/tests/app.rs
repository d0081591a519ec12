//! Stand-ins of the test cluster for the layers above Raft.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use cameo_common::ids::{Millis, NodeId};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::host::clock::{SystemClock, WallClock};
use crate::raft::*;
use crate::store::{Decided, Machine};
use cameo_machine::{Change, StateView};

/// With which a command begins that changes nothing.
pub const REFUSED: &[u8] = b"refused: ";

/// With which a command begins that is a link of the chain of descriptors.
pub const LINK: &[u8] = b"link: ";

/// The command is a key, the row's value is the log time, and the reply is the key.
pub struct KeyAndTime;
impl Machine for KeyAndTime {
    fn decide(&self, _view: &dyn StateView, _index: u64, entry: &[u8]) -> Decided {
        let (time, key) = entry.split_at(8);
        let put = Change::Put {
            key: key.to_vec(),
            value: time.to_vec(),
        };
        let is_refused = key.starts_with(REFUSED);
        Decided {
            changes: if is_refused { Vec::new() } else { vec![put] },
            reply: key.to_vec(),
            ..Decided::default()
        }
    }
}

/// The pass of every worker that is to be admitted.
pub const PASS: &[u8] = b"pass";
/// A pass that the operator has signed, and that the state has bound to another node.
pub const USED_PASS: &[u8] = b"used pass";
/// One that the applied state refuses already.
pub const WITHDRAWN_PASS: &[u8] = b"withdrawn pass";

pub struct Gate;
impl WorkerGate for Gate {
    fn is_signed(&self, pass: &[u8], _genesis: &Genesis) -> bool {
        [PASS, USED_PASS, WITHDRAWN_PASS].contains(&pass)
    }

    fn admission(&self, pass: &[u8], _node: NodeId, _key: &[u8; 32]) -> Option<Vec<u8>> {
        Some(pass.to_vec())
    }

    fn refusal(&self, command: &[u8]) -> Option<String> {
        (command == WITHDRAWN_PASS).then(|| "withdrawn by the operator".to_owned())
    }

    fn outcome(&self, reply: &[u8]) -> Result<(), String> {
        match reply {
            PASS => Ok(()),
            _ => Err("used for another node".into()),
        }
    }
}

/// With which a command begins that rests on a node's word.
pub const NODES_WORD: &[u8] = b"on my word: ";

pub struct TimeFirst;
impl Stamp for TimeFirst {
    fn stamp(&self, command: Vec<u8>, log_time: Millis, _version: u16) -> Vec<u8> {
        [&log_time.0.to_le_bytes()[..], &command].concat()
    }

    fn newest_version(&self) -> u16 {
        0
    }

    fn version_of(&self, _entry: &[u8]) -> Option<u16> {
        Some(0)
    }

    fn time_of(&self, entry: &[u8]) -> Option<Millis> {
        let (time, _) = entry.split_first_chunk()?;
        Some(Millis(u64::from_le_bytes(*time)))
    }

    fn is_signed(&self, command: &[u8]) -> bool {
        !command.starts_with(NODES_WORD)
    }
}

/// A clock that can be set wrong.
#[derive(Default)]
pub struct SkewedClock(pub AtomicI64);
impl WallClock for SkewedClock {
    fn unix_millis(&self) -> Millis {
        let Millis(now) = SystemClock.unix_millis();
        Millis(now.saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }
}

pub struct ReportOf(pub NodeId);
impl ReportSource for ReportOf {
    fn report(&self) -> Vec<u8> {
        format!("load of {}", self.0).into_bytes()
    }
}

/// Reports by the nodes they came from.
#[derive(Default)]
pub struct Reports(pub Mutex<BTreeMap<NodeId, Vec<u8>>>);
impl ReportSink for Reports {
    fn receive(&self, from: NodeId, report: &[u8], _clock: Millis, _at: Instant) {
        self.0.lock().unwrap().insert(from, report.to_vec());
    }
}

pub struct Echo(pub NodeId);
impl AppService for Echo {
    fn serve(&self, from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        let me = self.0;
        Box::pin(async move {
            let body = String::from_utf8(body).unwrap();
            format!("{me} got {body} from {from}").into_bytes()
        })
    }
}
