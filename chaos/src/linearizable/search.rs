//! The search for an order.
//!
//! Depth first, without recursion. An operation may come next when no operation that is still out
//! ended before it began. One that is possible and changes nothing, here or later, is taken at once
//! and never taken back: wherever else it could stand, it can stand here. So only writes are
//! branched over.

use std::collections::HashSet;
use std::time::Instant;

use super::bits::Bits;
use super::hasher::BuildQuick;
use super::{Call, Linearized, Specification, Step, Stuck};

/// Steps between two looks at the clock.
const STEPS_A_LOOK: u32 = 512;

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
    furthest: Option<(u64, Stuck)>,
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
                    arrived = Some((state, length));
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
        loop {
            let mut next = Vec::new();
            let (candidates, bound) = self.candidates();
            let mut placed = false;
            for &at in &candidates {
                match self.specification.step(state, &self.calls[at].op) {
                    Step::Impossible => {}
                    Step::Same if self.calls[at].ret.is_some() => {
                        self.place(at);
                        placed = true;
                    }
                    // It may as well never take effect.
                    Step::Same => {}
                    Step::Changed(after) => next.push((at, after)),
                }
            }
            if !placed {
                self.note(bound, &candidates, state);
                // Popped from the end: what ended first is tried first, the unknown last.
                next.sort_by_key(|(at, _)| {
                    std::cmp::Reverse(self.calls[*at].ret.unwrap_or(u64::MAX))
                });
                return next;
            }
        }
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
    /// that had to come next.
    fn note(&mut self, bound: Option<usize>, candidates: &[usize], state: &S::State) {
        let Some((op, ret)) = bound.and_then(|at| Some((at, self.calls[at].ret?))) else {
            return;
        };
        if self.furthest.as_ref().is_none_or(|(end, _)| ret > *end) {
            let beside = candidates.iter().copied().filter(|&at| at != op).collect();
            let state = format!("{state:?}");
            self.furthest = Some((ret, Stuck { op, beside, state }));
        }
    }

    fn stuck(self) -> Linearized {
        match self.furthest {
            Some((_, stuck)) => Linearized::No(stuck),
            // Nothing has ended, so nothing can be wrong.
            None => Linearized::Yes(self.order),
        }
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
