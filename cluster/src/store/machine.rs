//! The machine's interface to the store.

use std::sync::Arc;

use cameo_common::wire;
use cameo_machine::{Change, StateView};
use parking_lot::Mutex;

use crate::host::rng::NodeRng;
use crate::host::signatures::{RememberedSignatures, Verdicts};

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
    /// Is told the entries that are decided next, in this order, for what costs less in a batch.
    /// It changes no decision.
    fn prepare(&self, _entries: &[&[u8]]) {}

    /// `view` has the effect of every entry before `index`; `entry` is the proposed bytes.
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided;
}

/// Calls the machine and encodes its reply for the store.
#[derive(Debug)]
pub struct Decider {
    signatures: Arc<RememberedSignatures>,
    rng: NodeRng,
    /// Of the entries that are decided next.
    verdicts: Mutex<Verdicts>,
}

impl Decider {
    /// A decider that does not verify what this node has verified before. The random numbers are
    /// those of [`cameo_common::keys::verify_batch`].
    #[must_use]
    pub fn new(signatures: Arc<RememberedSignatures>, rng: NodeRng) -> Self {
        Self {
            signatures,
            rng,
            verdicts: Mutex::default(),
        }
    }
}

impl Machine for Decider {
    /// Verifies all signatures of the entries as one batch. An entry is decoded twice then, which
    /// takes little beside a signature.
    fn prepare(&self, entries: &[&[u8]]) {
        let claims = entries
            .iter()
            .flat_map(|entry| cameo_machine::claims(entry));
        let mut rng = self.rng.generator();
        let verdicts = self.signatures.verify_batch(claims.collect(), &mut rng);
        *self.verdicts.lock() = verdicts;
    }

    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided {
        let verdicts = self.verdicts.lock();
        let verifier = verdicts.or_by(&self.signatures);
        let decision = cameo_machine::decide_verified_by(&verifier, view, index, entry);
        Decided {
            changes: decision.changes,
            reply: wire::encode(&decision.reply),
            touched: decision.touched.iter().map(ToString::to_string).collect(),
        }
    }
}
