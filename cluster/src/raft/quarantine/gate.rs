//! The gate of a voter: it takes part in consensus once enough voters have answered what they
//! remember of it, and never when one of them shows that it has come back below that.

use std::collections::BTreeSet;

use cameo_common::ids::NodeId;
use cameo_common::statements::{Marks, NodeProgress};
use cameo_mutant::{Mutant, is_planted};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;

/// Bugs that forget what was durable, on purpose. A node with one would be quarantined for it
/// before the law that is to notice it has seen anything.
const FORGETFUL: [Mutant; 4] = [
    Mutant::FsyncDropped,
    Mutant::VoteNotPersisted,
    Mutant::TornTailAccepted,
    Mutant::FloorNotSynced,
];

/// Why this node takes no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Closed {
    #[error("this node waits for what other voters remember of it")]
    Waiting,
    #[error("this node has come back with an older copy of its folder and is quarantined")]
    Quarantined,
}

/// It opens once, and a proof closes it for the rest of the process.
pub(crate) struct Gate {
    /// This process, so that its own statements are told from those of earlier ones.
    pub incarnation: u64,
    /// What was on the disk at its start.
    pub found: Marks,
    /// Other voters whose answers it waits for.
    needed: usize,
    heard: Mutex<BTreeSet<NodeId>>,
    state: watch::Sender<Option<Closed>>,
}

impl Gate {
    /// A node that has had no vote yet needs no answers.
    pub fn new(incarnation: u64, found: Marks, needed: usize) -> Self {
        let needed = if forgets_on_purpose() { 0 } else { needed };
        Self {
            incarnation,
            found,
            needed,
            heard: Mutex::default(),
            state: watch::Sender::new((needed > 0).then_some(Closed::Waiting)),
        }
    }

    /// Why it is closed, if it is.
    pub fn closed(&self) -> Option<Closed> {
        *self.state.borrow()
    }

    pub fn is_quarantined(&self) -> bool {
        self.closed() == Some(Closed::Quarantined)
    }

    /// Waits while the answers of others are missing.
    pub async fn decided(&self) -> Result<(), Closed> {
        let mut state = self.state.subscribe();
        let decided = state.wait_for(|state| *state != Some(Closed::Waiting));
        // The sender is in `self`.
        match decided.await.ok().and_then(|state| *state) {
            None => Ok(()),
            Some(closed) => Err(closed),
        }
    }

    /// Waits until it is open, perhaps for ever.
    pub async fn opens(&self) {
        let mut state = self.state.subscribe();
        // The sender is in `self`.
        let _open = state.wait_for(Option::is_none).await;
    }

    /// A voter has said what it remembers of this node: verified words of this node itself.
    pub fn hear(&self, from: NodeId, of_me: Option<&NodeProgress>) {
        let earlier = of_me.filter(|progress| progress.incarnation != self.incarnation);
        if let Some(earlier) = earlier
            && let Some(what) = self.found.below(&earlier.reached)
            && !forgets_on_purpose()
        {
            self.quarantine(from, what, earlier);
            return;
        }
        let mut heard = self.heard.lock();
        heard.insert(from);
        let enough = heard.len() >= self.needed;
        self.state.send_if_modified(|state| {
            let opens = enough && *state == Some(Closed::Waiting);
            if opens {
                *state = None;
            }
            opens
        });
    }

    fn quarantine(&self, from: NodeId, what: &str, earlier: &NodeProgress) {
        if self.state.send_replace(Some(Closed::Quarantined)) == Some(Closed::Quarantined) {
            return;
        }
        tracing::error!(
            node = from.0,
            what,
            found = ?self.found,
            told = ?earlier.reached,
            "this node has come back with an older copy of its folder: another voter has its \
             signature that it had come further. It is quarantined: it releases nothing, confirms \
             nothing, and neither votes nor appends. Stop it, and put its newest folder back, or \
             keep it stopped as one whose disk is lost"
        );
    }
}

fn forgets_on_purpose() -> bool {
    FORGETFUL.into_iter().any(is_planted)
}

#[cfg(test)]
mod tests {
    use cameo_common::ids::ClusterId;
    use cameo_common::keys::PublicKey;

    use super::*;

    const FOUND: Marks = Marks {
        floor: 5,
        term: 3,
        log: 70,
    };

    fn told(incarnation: u64, reached: Marks) -> NodeProgress {
        NodeProgress {
            node: PublicKey([1; 32]),
            cluster: ClusterId([2; 32]),
            incarnation,
            found: Marks::default(),
            reached,
        }
    }

    #[test]
    fn a_gate_opens_when_enough_voters_remember_nothing_above() {
        let gate = Gate::new(9, FOUND, 2);
        gate.hear(NodeId(2), None);
        gate.hear(NodeId(2), None);
        assert_eq!(gate.closed(), Some(Closed::Waiting));
        gate.hear(NodeId(3), Some(&told(8, FOUND)));
        assert_eq!(gate.closed(), None);
        assert_eq!(Gate::new(9, FOUND, 0).closed(), None);
    }

    #[test]
    fn attack_a_node_that_has_come_back_below_what_it_had_told_is_quarantined_for_good() {
        for above in [
            Marks { floor: 6, ..FOUND },
            Marks { term: 4, ..FOUND },
            Marks { log: 71, ..FOUND },
        ] {
            // Also by a voter that answers when another one has opened the gate.
            let gate = Gate::new(9, FOUND, 1);
            gate.hear(NodeId(2), None);
            assert_eq!(gate.closed(), None);
            gate.hear(NodeId(3), Some(&told(8, above)));
            gate.hear(NodeId(4), None);
            assert!(gate.is_quarantined(), "{above:?}");
        }
    }

    #[test]
    fn what_this_process_has_told_itself_is_no_earlier_progress() {
        let gate = Gate::new(9, FOUND, 1);
        gate.hear(NodeId(2), Some(&told(9, Marks { log: 500, ..FOUND })));
        assert_eq!(gate.closed(), None);
    }
}
