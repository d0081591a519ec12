//! The gate of a voter: it takes part in consensus once enough voters have answered what they
//! remember of it, and never when one of them shows that it has come back below that.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::statements::{Marks, NodeProgress};
use cameo_mutant::{Mutant, is_planted};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;

use super::marker::Marker;
use super::needed::Needed;

/// How long a node waits for voters that do not answer: a peer may be down, and the cluster has to
/// go on without it. One that is up answers in the time of a connection.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

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
pub enum Closed {
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
    heard: Mutex<Heard>,
    state: watch::Sender<Option<Closed>>,
    proof: watch::Sender<Option<Marker>>,
}

/// Voters that have answered.
struct Heard {
    from: BTreeSet<NodeId>,
    needed: Needed,
    grace_is_over: bool,
}

impl Heard {
    fn is_enough(&self) -> bool {
        let needed = match self.grace_is_over {
            true => self.needed.after_grace,
            false => self.needed.usually,
        };
        self.from.len() >= needed
    }
}

impl Gate {
    /// Of a node that has had no vote yet, or that waits for the answers of others.
    pub fn new(incarnation: u64, found: Marks, needed: Needed) -> Self {
        let needed = match forgets_on_purpose() {
            true => Needed::NONE,
            false => needed,
        };
        let waits = needed.usually > 0;
        Self::in_state(incarnation, found, needed, waits.then_some(Closed::Waiting))
    }

    /// Of a node whose folder was quarantined before.
    pub fn quarantined(incarnation: u64, found: Marks) -> Self {
        let closed = Some(Closed::Quarantined);
        Self::in_state(incarnation, found, Needed::NONE, closed)
    }

    fn in_state(incarnation: u64, found: Marks, needed: Needed, state: Option<Closed>) -> Self {
        Self {
            incarnation,
            found,
            heard: Mutex::new(Heard {
                from: BTreeSet::new(),
                needed,
                grace_is_over: false,
            }),
            state: watch::Sender::new(state),
            proof: watch::Sender::new(None),
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
            && !is_planted(Mutant::QuarantineIgnored)
        {
            self.quarantine(from, what, earlier);
            return;
        }
        let mut heard = self.heard.lock();
        heard.from.insert(from);
        self.open_if(heard.is_enough());
    }

    /// After [`GRACE`]: a majority with this node is enough from now on.
    pub fn end_grace(&self) {
        let mut heard = self.heard.lock();
        heard.grace_is_over = true;
        if self.open_if(heard.is_enough()) {
            tracing::warn!(
                answered = ?heard.from,
                "this node takes part before all those have answered who may remember more of it: \
                 they do not answer. Should one of them show later that its folder is an older \
                 copy, it is quarantined then"
            );
        }
    }

    /// Says whether it has opened now.
    fn open_if(&self, is_enough: bool) -> bool {
        self.state.send_if_modified(|state| {
            let opens = is_enough && *state == Some(Closed::Waiting);
            if opens {
                *state = None;
            }
            opens
        })
    }

    /// Waits for a proof that quarantines this process, perhaps for ever.
    pub async fn proven(&self) -> Marker {
        let mut proof = self.proof.subscribe();
        loop {
            if let Some(proof) = *proof.borrow_and_update() {
                return proof;
            }
            // The sender is in `self`.
            let _ = proof.changed().await;
        }
    }

    fn quarantine(&self, from: NodeId, what: &str, earlier: &NodeProgress) {
        if self.state.send_replace(Some(Closed::Quarantined)) == Some(Closed::Quarantined) {
            return;
        }
        self.proof.send_replace(Some(Marker {
            from,
            found: self.found,
            told: earlier.reached,
        }));
        tracing::error!(
            node = from.0,
            what,
            found = ?self.found,
            told = ?earlier.reached,
            "this node has come back with an older copy of its folder: another voter has its \
             signature that it had come further. It is quarantined: it releases nothing, confirms \
             nothing, and neither votes nor appends, also when it is started again. Stop it, and \
             put its newest folder in the place of this one, or keep it stopped as one whose disk \
             is lost"
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

    fn of_three() -> Gate {
        Gate::new(9, FOUND, Needed::among(3, 2))
    }

    fn above() -> NodeProgress {
        told(8, Marks { log: 71, ..FOUND })
    }

    #[test]
    fn a_gate_opens_when_all_who_may_remember_more_have_answered() {
        for (voters, threshold, answers) in [(3, 2, 2), (5, 3, 3)] {
            let gate = Gate::new(9, FOUND, Needed::among(voters, threshold));
            for from in 2..2 + answers {
                assert_eq!(gate.closed(), Some(Closed::Waiting), "{from} of {voters}");
                // The same voter's answer counts once.
                gate.hear(NodeId(2), None);
                gate.hear(NodeId(from), Some(&told(8, FOUND)));
            }
            assert_eq!(gate.closed(), None);
        }
        assert_eq!(Gate::new(9, FOUND, Needed::NONE).closed(), None);
    }

    #[test]
    fn after_the_grace_a_majority_with_the_node_is_enough() {
        for (voters, threshold, answers) in [(3, 2, 1), (5, 3, 2)] {
            // given as many answers as make a majority, or one fewer
            let gate = Gate::new(9, FOUND, Needed::among(voters, threshold));
            let alone = Gate::new(9, FOUND, Needed::among(voters, threshold));
            for from in 2..2 + answers {
                gate.hear(NodeId(from), None);
            }
            for from in 2..1 + answers {
                alone.hear(NodeId(from), None);
            }
            assert_eq!(gate.closed(), Some(Closed::Waiting));
            // when the grace is over, then the one opens, and the other with the answer it lacked.
            gate.end_grace();
            alone.end_grace();
            assert_eq!(gate.closed(), None);
            assert_eq!(alone.closed(), Some(Closed::Waiting));
            alone.hear(NodeId(9), None);
            assert_eq!(alone.closed(), None);
        }
    }

    #[test]
    fn attack_a_forgetful_peer_that_answers_first_lets_no_older_folder_in() {
        let gate = of_three();
        // when one that remembers nothing, or less, answers before one that remembers
        for forgetful in [None, Some(told(8, FOUND))] {
            gate.hear(NodeId(2), forgetful.as_ref());
            assert_eq!(gate.closed(), Some(Closed::Waiting));
        }
        gate.hear(NodeId(3), Some(&above()));
        // then it has taken part at no time, nor does it after the grace.
        gate.end_grace();
        assert!(gate.is_quarantined());
    }

    #[tokio::test]
    async fn a_proof_after_the_grace_closes_the_gate_and_is_given_for_the_marker() {
        let gate = of_three();
        gate.hear(NodeId(2), None);
        gate.end_grace();
        assert_eq!(gate.closed(), None);
        gate.hear(NodeId(3), Some(&above()));
        assert!(gate.is_quarantined());
        let proof = gate.proven().await;
        assert_eq!((proof.from, proof.found), (NodeId(3), FOUND));
    }

    #[test]
    fn attack_a_folder_that_was_quarantined_stays_so_whatever_the_peers_answer() {
        let gate = Gate::quarantined(9, FOUND);
        gate.hear(NodeId(2), None);
        gate.hear(NodeId(3), Some(&told(8, FOUND)));
        gate.end_grace();
        assert!(gate.is_quarantined());
    }

    #[test]
    fn attack_a_node_that_has_come_back_below_what_it_had_told_is_quarantined_for_good() {
        for above in [
            Marks { floor: 6, ..FOUND },
            Marks { term: 4, ..FOUND },
            Marks { log: 71, ..FOUND },
        ] {
            // Also by a voter that answers when others have opened the gate.
            let gate = Gate::new(9, FOUND, Needed::among(5, 3));
            for from in [2, 3, 4] {
                gate.hear(NodeId(from), None);
            }
            assert_eq!(gate.closed(), None);
            gate.hear(NodeId(5), Some(&told(8, above)));
            gate.hear(NodeId(4), None);
            assert!(gate.is_quarantined(), "{above:?}");
        }
    }

    #[test]
    fn what_this_process_has_told_itself_is_no_earlier_progress() {
        let gate = of_three();
        gate.hear(NodeId(3), None);
        gate.hear(NodeId(2), Some(&told(9, Marks { log: 500, ..FOUND })));
        assert_eq!(gate.closed(), None);
    }
}
