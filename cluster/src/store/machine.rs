//! The machine's interface to the store.

use std::sync::Arc;

use cameo_common::wire;
use cameo_machine::{Change, StateView};

use super::subscriptions::Touched;
use crate::host::rng::NodeRng;
use crate::host::signatures::RememberedSignatures;

/// The effect of one entry. `Decided::default()` has no changes and an empty reply.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Written in one batch with the entry's log id. Empty for a refusal.
    pub changes: Vec<Change>,
    /// The encoded reply for the proposer.
    pub reply: Vec<u8>,
    /// Told to those who wait for it.
    pub touched: Touched,
}

/// Decides entries. Pure: the same view and entry give the same decision on every node.
pub trait Machine: Send + Sync + 'static {
    /// Is told the entries that are decided next, in this order, for what costs less in a batch.
    /// It changes no decision.
    fn prepare(&self, _entries: &[&[u8]]) {}

    /// Whether this program can decide an entry.
    ///
    /// # Errors
    /// When it is of a later build: the text says what to do.
    fn check(&self, _entry: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// `view` has the effect of every entry before `index`; `entry` is the proposed bytes.
    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided;
}

/// Calls the machine and encodes its reply for the store.
#[derive(Debug)]
pub struct Decider {
    signatures: Arc<RememberedSignatures>,
    rng: NodeRng,
}

impl Decider {
    /// A decider that does not verify what this node has verified before. The random numbers are
    /// those of [`cameo_common::keys::verify_batch`].
    #[must_use]
    pub fn new(signatures: Arc<RememberedSignatures>, rng: NodeRng) -> Self {
        Self { signatures, rng }
    }
}

impl Machine for Decider {
    /// Verifies all signatures of the entries as one batch, so that they are remembered when the
    /// entries are decided. An entry is decoded twice then, which takes little beside a signature.
    fn prepare(&self, entries: &[&[u8]]) {
        let claims = entries
            .iter()
            .flat_map(|entry| cameo_machine::claims(entry));
        let mut rng = self.rng.generator();
        self.signatures.learn(claims.collect(), &mut rng);
    }

    fn check(&self, entry: &[u8]) -> Result<(), String> {
        cameo_machine::check_version(entry).map_err(|later| later.to_string())
    }

    fn decide(&self, view: &dyn StateView, index: u64, entry: &[u8]) -> Decided {
        let verifier = &*self.signatures;
        let decision = cameo_machine::decide_verified_by(verifier, view, index, entry);
        Decided {
            changes: decision.changes,
            reply: wire::encode(&decision.reply),
            touched: Touched {
                users: decision.touched,
                sessions: decision.sessions,
            },
        }
    }
}
