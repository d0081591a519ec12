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
use super::needed::NeededAnswers;
use super::waits::Waits;

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
    /// Waiting, after the grace.
    #[error(
        "this node's folder may be an older copy, and it waits for what other voters remember of it"
    )]
    MayBeCopy,
    #[error("this node has come back with an older copy of its folder and is quarantined")]
    Quarantined,
}

/// It opens once, and a proof closes it for the rest of the process.
pub(crate) struct Gate {
    /// This process, so that its own statements are told from those of earlier ones.
    pub incarnation: u64,
    /// What was on the disk at its start.
    pub found: Marks,
    /// Its folder may be a copy of the one in which it took part last.
    may_be_copy: bool,
    heard: Mutex<Heard>,
    state: watch::Sender<Option<Closed>>,
    proof: watch::Sender<Option<Marker>>,
}

/// Voters that have answered.
struct Heard {
    from: BTreeSet<NodeId>,
    needed: NeededAnswers,
    grace_is_over: bool,
}

impl Heard {
    fn is_enough(&self) -> bool {
        self.missing() == 0
    }

    fn missing(&self) -> usize {
        self.needed.missing(&self.from, self.grace_is_over)
    }
}

impl Gate {
    /// Of a node that has had no vote yet, or that waits for the answers of others.
    pub fn new(incarnation: u64, found: Marks, needed: NeededAnswers) -> Self {
        let needed = match forgets_on_purpose() {
            true => NeededAnswers::default(),
            false => needed,
        };
        let waits = !needed.is_empty();
        Self::in_state(incarnation, found, needed, waits.then_some(Closed::Waiting))
    }

    /// Of a node whose folder may be a copy: it has no grace.
    pub fn of_copy(incarnation: u64, found: Marks, needed: NeededAnswers) -> Self {
        Self {
            may_be_copy: true,
            ..Self::new(incarnation, found, needed.without_grace())
        }
    }

    /// Of a node whose folder was quarantined before.
    pub fn quarantined(incarnation: u64, found: Marks) -> Self {
        let closed = Some(Closed::Quarantined);
        Self::in_state(incarnation, found, NeededAnswers::default(), closed)
    }

    fn in_state(
        incarnation: u64,
        found: Marks,
        needed: NeededAnswers,
        state: Option<Closed>,
    ) -> Self {
        Self {
            incarnation,
            found,
            may_be_copy: false,
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

    /// What it waits for, of these other voters.
    pub fn waits(&self, others: impl IntoIterator<Item = NodeId>) -> Option<Waits> {
        let closed = self.closed()?;
        let may_be_copy = match closed {
            Closed::Waiting => false,
            Closed::MayBeCopy => true,
            Closed::Quarantined => return None,
        };
        let heard = self.heard.lock();
        let voters = others.into_iter().filter(|id| !heard.from.contains(id));
        Some(Waits {
            voters: voters.collect(),
            answers_missing: heard.missing(),
            may_be_copy,
        })
    }

    /// Waits while the answers of others are missing, and not longer than the grace where the
    /// folder may be a copy.
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

    /// After [`GRACE`]: a majority with this node is enough from now on, unless its folder may be a
    /// copy.
    pub fn end_grace(&self) {
        let mut heard = self.heard.lock();
        heard.grace_is_over = true;
        if self.may_be_copy {
            self.state.send_if_modified(|state| {
                let waits = *state == Some(Closed::Waiting);
                if waits {
                    *state = Some(Closed::MayBeCopy);
                }
                waits
            });
        } else if self.open_if(heard.is_enough()) {
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
            let waits = matches!(state, Some(Closed::Waiting | Closed::MayBeCopy));
            let opens = is_enough && waits;
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
            found = %self.found,
            told = %earlier.reached,
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
mod tests;
