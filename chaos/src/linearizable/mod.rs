//! A check for linearizability: Wing and Gong's search, with Lowe's memory of what was tried.
//!
//! A history of one object is linearizable when its operations can be put in one order that keeps
//! every real-time precedence and in which each answer is the specification's. Operations whose
//! outcome is unknown may take effect at any time after their call, or never. Sources: Wing and
//! Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for Linearizability"
//! (2017).

mod bits;
mod hasher;
mod search;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

pub use hasher::{BuildQuick, Quick};

/// What an operation does to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<S> {
    /// The outcome is not possible in this state.
    Impossible,
    /// Nor in any state that can follow. If the operation has an end, the search need not go on
    /// then. A specification that does not know says `Impossible`.
    Never,
    /// Possible, and the operation changes neither this state nor any that can follow it: a read, a
    /// refusal, a repetition. An operation that would change a later state has to say `Changed`
    /// here too, with an equal state.
    Same,
    /// Possible, with this state after it.
    Changed(S),
}

/// A sequential object.
pub trait Specification {
    type State: Clone + Eq + Hash + Debug;
    type Op: Debug;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The effect of an operation with its outcome. Of one whose outcome is unknown: what it does
    /// when it takes effect, whatever its answer.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Step<Self::State>;
}

/// One operation on an object.
#[derive(Debug, Clone)]
pub struct Call<Op> {
    /// Operations of one client follow each other, also at equal times.
    pub client: u64,
    pub call: u64,
    /// None: it may take effect at any time, or never.
    pub ret: Option<u64>,
    pub op: Op,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linearized {
    /// An order, by position in the given operations. Those with an unknown outcome that are not
    /// in it never took effect, or changed nothing.
    Yes(Vec<usize>),
    /// There is none.
    No(Stuck),
    /// The time was over before the search was.
    OutOfTime,
}

/// The point that no order gets past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The operation that has no place.
    pub op: usize,
    /// Operations that were open or had just ended when it was, and could not help.
    pub beside: Vec<usize>,
    /// A state in which it was tried last.
    pub state: String,
}

/// Whether a history is linearizable. At equal times a call counts as before a return, so that
/// operations which touch are concurrent, unless one client made both.
pub fn check<S: Specification>(
    specification: &S,
    calls: &[Call<S::Op>],
    until: Instant,
) -> Linearized {
    search::Search::new(specification, calls).run(until)
}
