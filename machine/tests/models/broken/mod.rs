//! Faulty machines: each is the machine's own `decide` with one fault around it. A model that does
//! not notice its fault would prove nothing.

pub mod delivery;
pub mod views;

use cameo_common::wire;
use cameo_machine::{Decision, Entry, Op, StateView};

/// Kinds of rows, as `machine/src/rows` numbers them on disk.
mod kind {
    pub const LOG_TIME: u8 = 0x01;
    pub const CURRENT_RIGHTS: u8 = 0x21;
    pub const GRANT_USAGE: u8 = 0x22;
    pub const VIEW: u8 = 0x30;
    pub const STREAM: u8 = 0x40;
    pub const MAIL_AT: u8 = 0x42;
    pub const MAIL: u8 = 0x43;
}

/// The operation of an entry.
fn op(entry: &[u8]) -> Op {
    wire::decode::<Entry>(entry).unwrap().command.op
}

/// Without the changes of rows of some kinds.
fn without(mut decision: Decision, kinds: &[u8]) -> Decision {
    decision
        .changes
        .retain(|change| !kinds.contains(&key(change)[0]));
    decision
}

fn key(change: &cameo_machine::Change) -> &[u8] {
    match change {
        cameo_machine::Change::Put { key, .. } | cameo_machine::Change::Delete { key } => key,
    }
}

/// A state in which rows of one kind read as something else.
struct Doctored<'a> {
    base: &'a dyn StateView,
    kind: u8,
    /// What is read instead of a row's value.
    reads: &'a dyn Fn(Vec<u8>) -> Option<Vec<u8>>,
}

impl StateView for Doctored<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.base.get(key)?;
        if key[0] == self.kind {
            (self.reads)(value)
        } else {
            Some(value)
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> cameo_machine::Rows {
        self.base.scan(prefix, from, limit)
    }
}
