//! Conditions of links that the network itself does not have, and how often faults met traffic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// After this long TCP sends a lost segment again.
const RETRANSMIT: Duration = Duration::from_millis(200);

/// Conditions of all links. Clones share them.
#[derive(Clone)]
pub(super) struct Conditions(Arc<Mutex<State>>);

struct State {
    rng: StdRng,
    links: BTreeMap<(String, String), Condition>,
    met: u64,
}

/// Of what one machine sends to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// Segments of a hundred that are lost, and sent again.
    pub loss: u8,
    pub bytes_per_second: Option<u32>,
    /// Connections that the one opens to the other carry nothing.
    pub no_opening: bool,
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Sent,
    /// Later writes of the connection wait for this long.
    Late(Duration),
    Broken,
}

impl Conditions {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            links: BTreeMap::new(),
            met: 0,
        })))
    }

    /// Sets these links, and counts from now on how much traffic meets them.
    pub(super) fn set(&self, links: impl IntoIterator<Item = (String, String)>, to: Condition) {
        let mut state = self.0.lock();
        state.met = 0;
        state.links = links.into_iter().map(|link| (link, to)).collect();
    }

    /// How many writes and connections have met a condition since these links were set.
    pub(super) fn met(&self) -> u64 {
        self.0.lock().met
    }

    /// Ends all conditions; returns how many writes and connections met them.
    pub(super) fn clear(&self) -> u64 {
        let mut state = self.0.lock();
        state.links.clear();
        std::mem::take(&mut state.met)
    }

    /// Whether `from` may open a connection to `to`.
    pub(super) fn may_open(&self, from: &str, to: &str) -> bool {
        let mut state = self.0.lock();
        let Some(condition) = state.of(from, to) else {
            return true;
        };
        state.met += 1;
        !condition.no_opening
    }

    /// What becomes of `bytes` that `from` writes to `to` over a connection that the one or the
    /// other has opened.
    pub(super) fn write(&self, from: &str, to: &str, opened: bool, bytes: usize) -> Fate {
        let mut state = self.0.lock();
        if state.links.is_empty() {
            return Fate::Sent;
        }
        // A connection belongs to the link in whose direction it was opened.
        let opening = match opened {
            true => state.of(from, to),
            false => state.of(to, from),
        };
        if opening.is_some_and(|condition| condition.no_opening) {
            state.met += 1;
            return Fate::Broken;
        }
        let Some(condition) = state.of(from, to) else {
            return Fate::Sent;
        };
        state.met += 1;
        if condition.loss > 0 && state.rng.random_range(0..100) < condition.loss {
            return Fate::Late(RETRANSMIT);
        }
        match condition.bytes_per_second {
            Some(rate) => Fate::Late(Duration::from_secs(bytes as u64) / rate.max(1)),
            None => Fate::Sent,
        }
    }
}

impl State {
    fn of(&self, from: &str, to: &str) -> Option<Condition> {
        if self.links.is_empty() {
            return None;
        }
        self.links.get(&(from.to_owned(), to.to_owned())).copied()
    }
}
