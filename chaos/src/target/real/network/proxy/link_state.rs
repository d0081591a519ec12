//! The state of one link: its rule, and what that has done.

use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::chunk::{CHUNK, SEGMENT, fate};
use crate::target::real::network::rule::{Counts, LONGEST_QUEUE, Rule};

/// The two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the node that has opened it.
    There,
    Back,
}

/// A link: all connections that one node has opened to another.
#[derive(Debug)]
pub(super) struct LinkState {
    rule: watch::Sender<Rule>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    rng: StdRng,
    counts: Counts,
    /// When each direction has sent what it took before.
    busy_until: [Option<Instant>; 2],
}

impl LinkState {
    /// A link that carries everything at once. `seed` decides which packets are lost.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rule: watch::Sender::new(Rule::default()),
            inner: Mutex::new(Inner {
                rng: StdRng::seed_from_u64(seed),
                counts: Counts::default(),
                busy_until: [None; 2],
            }),
        }
    }

    pub(super) fn set(&self, rule: Rule) {
        let mut inner = self.inner.lock();
        inner.busy_until = [None; 2];
        self.rule.send_replace(rule);
    }

    pub(super) fn counts(&self) -> Counts {
        self.inner.lock().counts
    }

    /// Takes a chunk, and says when it may go on; if the link is cut then, it waits longer.
    pub(super) fn take(&self, way: Way, length: usize) -> Instant {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let rule = *self.rule.borrow();
        let Inner {
            rng,
            counts,
            busy_until,
        } = &mut *inner;
        if rule.cut {
            counts.held += 1;
            return now;
        }
        let until = &mut busy_until[way as usize];
        let mut busy = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let fate = fate(&rule, length, &mut busy, || rng.random_range(0..100));
        *until = Some(now + busy);
        match (fate.lost, fate.after) {
            (0, Duration::ZERO) => counts.passed += 1,
            (0, _) => counts.held += 1,
            (lost, _) => counts.lost += lost,
        }
        now + fate.after
    }

    /// Until the link is not cut.
    pub(super) async fn carries(&self) {
        let mut rule = self.rule.subscribe();
        // Its sender is this value, which is borrowed.
        let _carries = rule.wait_for(|rule| !rule.cut).await;
    }

    /// Bytes that are to be read at a time: a slow link sends a packet after another.
    pub(super) fn at_a_time(&self) -> usize {
        match self.rule.borrow().bytes_per_second {
            Some(_) => SEGMENT,
            None => CHUNK,
        }
    }

    /// Until a slow link has sent most of what it took: its senders wait, as those of a full queue
    /// slow down.
    pub(super) async fn has_room(&self, way: Way) {
        let mut rule = self.rule.subscribe();
        loop {
            let until = self.inner.lock().busy_until[way as usize];
            let Some(until) = until.and_then(|until| until.checked_sub(LONGEST_QUEUE)) else {
                return;
            };
            if until <= Instant::now() {
                return;
            }
            tokio::select! {
                () = sleep_until(until) => {}
                // Another rule has another queue.
                _changed = rule.changed() => {}
            }
        }
    }
}
