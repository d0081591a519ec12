//! The search for an order.
//!
//! Depth first, without recursion. An operation may come next when no operation that is still out
//! ended before it began. One that is possible and changes nothing, here or later, is taken at once
//! and never taken back: wherever else it could stand, it can stand here. So only writes are
//! branched over.
//!
//! The same holds of an operation whose outcome is unknown: from a state in which it changes
//! nothing it never will, so it counts as done. That keeps the memory small: ways that lead to the
//! same state, with the same answers given, differ in nothing then, whichever of the unknown
//! operations were used up on the way.
//!
//! Where an operation that has an end can have no place any more, whatever follows, nothing more is
//! tried.

use std::collections::HashSet;
use std::time::Instant;

use super::bits::Bits;
use super::hasher::BuildQuick;
use super::{Call, Linearized, Specification, Step, Stuck};

/// Steps between two looks at the clock.
const STEPS_A_LOOK: u32 = 512;

/// How many operations are looked at for one that has no place any more. The nearest reads tell
/// most, so it need not be many.
const AHEAD: usize = 64;

pub(super) struct Search<'a, S: Specification> {
    specification: &'a S,
    calls: &'a [Call<S::Op>],
    /// Positions of the operations with a return, by call.
    ended: Vec<usize>,
    /// Where each of them is in `ended`.
    place_of: Vec<usize>,
    /// Positions of the others, by call.
    open: Vec<usize>,
    /// The operation of the same client before each.
    before: Vec<Option<usize>>,
    placed: Bits,
    /// How many of `ended`, from the start, are placed.
    first: usize,
    order: Vec<usize>,
    seen: HashSet<(Bits, S::State), BuildQuick>,
    furthest: Option<Furthest<S::State>>,
}

/// A point that was reached, and not passed so far.
struct Furthest<State> {
    /// When the operation ended that had no place.
    ret: u64,
    op: usize,
    beside: Vec<usize>,
    state: State,
}

/// A decision: what may come next and is not tried yet.
struct Branch<State> {
    /// Writes that may come next, with the state after them.
    next: Vec<(usize, State)>,
    /// Length of the order, before anything of this branch.
    length: usize,
}

impl<'a, S: Specification> Search<'a, S> {
    pub(super) fn new(specification: &'a S, calls: &'a [Call<S::Op>]) -> Self {
        let mut by_call: Vec<usize> = (0..calls.len()).collect();
        by_call.sort_by_key(|&at| (calls[at].call, calls[at].ret.unwrap_or(u64::MAX)));
        let (ended, open): (Vec<usize>, _) =
            by_call.iter().partition(|&&at| calls[at].ret.is_some());
        let mut place_of = vec![usize::MAX; calls.len()];
        for (place, &at) in ended.iter().enumerate() {
            place_of[at] = place;
        }
        Self {
            place_of,
            specification,
            calls,
            ended,
            open,
            before: previous_of_client(calls, &by_call),
            placed: Bits::new(calls.len()),
            first: 0,
            order: Vec::new(),
            seen: HashSet::default(),
            furthest: None,
        }
    }

    pub(super) fn run(mut self, until: Instant) -> Linearized {
        let mut branches: Vec<Branch<S::State>> = Vec::new();
        let mut arrived = Some((self.specification.initial(), 0));
        let mut steps = 0_u32;
        loop {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(STEPS_A_LOOK) && Instant::now() >= until {
                return Linearized::OutOfTime;
            }
            if let Some((state, length)) = arrived.take() {
                let next = self.explore(&state);
                if self.first == self.ended.len() {
                    return Linearized::Yes(self.order);
                }
                // What leads nowhere is not tried again from another order.
                if self.seen.insert((self.placed.clone(), state)) {
                    branches.push(Branch { next, length });
                } else {
                    self.take_back(length);
                }
                continue;
            }
            let Some(branch) = branches.last_mut() else {
                return self.stuck();
            };
            match branch.next.pop() {
                Some((at, state)) => {
                    let length = self.order.len();
                    self.place(at);
                    if self.calls[at].ret.is_none() && self.rules_out_an_answer(&state) {
                        self.take_back(length);
                    } else {
                        arrived = Some((state, length));
                    }
                }
                None => {
                    let length = branch.length;
                    branches.pop();
                    self.take_back(length);
                }
            }
        }
    }

    /// Places everything that changes nothing, and returns the writes that may come next, the most
    /// promising last.
    fn explore(&mut self, state: &S::State) -> Vec<(usize, S::State)> {
        let mut next = Vec::new();
        // The state stays the same here, so a step is tried once, though ever more may come next.
        let mut tried = Bits::new(self.calls.len());
        loop {
            let (candidates, bound) = self.candidates();
            let mut placed = false;
            for &at in candidates.iter().filter(|&&at| !tried.has(at)) {
                match self.specification.step(state, &self.calls[at].op) {
                    Step::Impossible => {}
                    Step::Never if self.calls[at].ret.is_none() => {}
                    Step::Never => {
                        self.note(Some(at), candidates, state);
                        return Vec::new();
                    }
                    Step::Same => {
                        self.place(at);
                        // Nothing waits for one that has no end.
                        placed |= self.calls[at].ret.is_some();
                    }
                    Step::Changed(after) => next.push((at, after)),
                }
            }
            if !placed {
                self.note(bound, candidates, state);
                // Popped from the end: what ended first is tried first, the unknown last.
                next.sort_by_key(|(at, _)| {
                    std::cmp::Reverse(self.calls[*at].ret.unwrap_or(u64::MAX))
                });
                return next;
            }
            for at in candidates {
                tried.insert(at);
            }
        }
    }

    /// Whether one of the answers to come has no place any more. It is asked at once when something
    /// was tried that need not take effect at all: later it would be found out in many states.
    fn rules_out_an_answer(&self, state: &S::State) -> bool {
        let ended = self.ended[self.first..].iter();
        let mut out = ended.filter(|&&at| !self.placed.has(at)).take(AHEAD);
        out.any(|&at| self.specification.step(state, &self.calls[at].op) == Step::Never)
    }

    /// The operations that may come next, and the one of them that ends first.
    fn candidates(&self) -> (Vec<usize>, Option<usize>) {
        let mut found = Vec::new();
        let mut bound: Option<usize> = None;
        let end = |at: usize| self.calls[at].ret.unwrap_or(u64::MAX);
        for &at in &self.ended[self.first..] {
            if self.placed.has(at) {
                continue;
            }
            if bound.is_some_and(|first| self.calls[at].call > end(first)) {
                break;
            }
            if self.follows(at) {
                found.push(at);
            }
            if bound.is_none_or(|first| end(at) < end(first)) {
                bound = Some(at);
            }
        }
        let last = bound.map_or(u64::MAX, end);
        for &at in &self.open {
            if self.calls[at].call > last {
                break;
            }
            if !self.placed.has(at) && self.follows(at) {
                found.push(at);
            }
        }
        (found, bound)
    }

    /// Whether the client's operation before this one is placed.
    fn follows(&self, at: usize) -> bool {
        self.before[at].is_none_or(|before| self.placed.has(before))
    }

    fn place(&mut self, at: usize) {
        self.placed.insert(at);
        self.order.push(at);
        self.skip_placed();
    }

    fn skip_placed(&mut self) {
        while self
            .ended
            .get(self.first)
            .is_some_and(|&at| self.placed.has(at))
        {
            self.first += 1;
        }
    }

    fn take_back(&mut self, length: usize) {
        for at in self.order.drain(length..) {
            self.placed.remove(at);
            self.first = self.first.min(self.place_of[at]);
        }
    }

    /// Remembers the operation that no order has placed so far: the one that ended last of those
    /// that had to come next, or never can.
    fn note(&mut self, missing: Option<usize>, candidates: Vec<usize>, state: &S::State) {
        let Some((op, ret)) = missing.and_then(|at| Some((at, self.calls[at].ret?))) else {
            return;
        };
        let known = self.furthest.as_ref();
        if known.is_none_or(|furthest| ret > furthest.ret) {
            self.furthest = Some(Furthest {
                ret,
                op,
                beside: candidates,
                state: state.clone(),
            });
        }
    }

    fn stuck(self) -> Linearized {
        let Some(furthest) = self.furthest else {
            // Nothing has ended, so nothing can be wrong.
            return Linearized::Yes(self.order);
        };
        let Furthest { op, mut beside, .. } = furthest;
        beside.retain(|&at| at != op);
        Linearized::No(Stuck {
            op,
            beside,
            state: format!("{:?}", furthest.state),
        })
    }
}

/// The operation of the same client before each one that has ended. An unknown outcome is its
/// client's last.
fn previous_of_client<Op>(calls: &[Call<Op>], by_call: &[usize]) -> Vec<Option<usize>> {
    let mut last = std::collections::HashMap::new();
    let mut before = vec![None; calls.len()];
    for &at in by_call {
        let previous = last.insert(calls[at].client, at);
        before[at] = previous.filter(|&previous| calls[previous].ret.is_some());
    }
    before
}
