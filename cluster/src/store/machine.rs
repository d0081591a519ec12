//! The machine's interface to the store.

use std::sync::Arc;

use cameo_common::wire;
use cameo_machine::{Change, StateView};

use crate::host::signatures::RememberedSignatures;

/// The effect of one entry. `Decided::default()` has no changes and an empty reply.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Written in one batch with the entry's log id. Empty for a refusal.
    pub changes: Vec<Change>,
    /// The encoded reply for the proposer.
    pub reply: Vec<u8>,
    /// Users whose event rows changed: their event streams are notified.
    pub touched: Vec<String>,
}

/// Decides entries. Pure: the same view and entry give the same decision on every node.
pub trait Machine: Send + Sync + 'static {
    /// `view` has the effect of every entry before `index`; `entry` is the proposed bytes.
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided;
}

/// Calls the machine and encodes its reply for the store.
#[derive(Debug, Clone, Default)]
pub struct Decider {
    signatures: Arc<RememberedSignatures>,
}

impl Decider {
    /// A decider that does not verify what this node has verified before.
    #[must_use]
    pub fn new(signatures: Arc<RememberedSignatures>) -> Self {
        Self { signatures }
    }
}

impl Machine for Decider {
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided {
        let decision = cameo_machine::decide_verified_by(&*self.signatures, view, index, entry);
        Decided {
            changes: decision.changes,
            reply: wire::encode(&decision.reply),
            touched: decision.touched.iter().map(ToString::to_string).collect(),
        }
    }
}
