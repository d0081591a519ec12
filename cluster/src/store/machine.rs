//! The machine as the store takes it.

use cameo_common::wire;
use cameo_machine::{Change, StateView};

/// What one entry does: `Decided::default()` changes nothing and replies with nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Written in one batch with the entry's log id. Empty for a refusal.
    pub changes: Vec<Change>,
    /// What the proposer gets back, encoded.
    pub reply: Vec<u8>,
    /// Users whose event rows changed: their event streams wake up.
    pub touched: Vec<String>,
}

/// Decides entries. Pure: the same view and entry give the same decision on every node.
pub trait Machine: Send + Sync + 'static {
    /// `view` holds the effect of every entry before `index`; `entry` is what was proposed.
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided;
}

/// Has the machine decide, and hands its decision to the store.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decider;

impl Machine for Decider {
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided {
        let decision = cameo_machine::decide(view, index, entry);
        Decided {
            changes: decision.changes,
            reply: wire::encode(&decision.reply),
            touched: decision.touched.iter().map(ToString::to_string).collect(),
        }
    }
}
