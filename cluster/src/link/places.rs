//! Places for connections, shared fairly between groups: sources, or nodes.
//!
//! A new connection always gets a place where an older one of its own group, or of the group with
//! the most, can give up its own. What is useful is young (a handshake takes milliseconds) or has
//! few places; a dead peer's connection is the oldest of its node.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use tokio::sync::oneshot;

/// The places, by group.
#[derive(Debug)]
pub(super) struct Places<G> {
    limit: usize,
    groups: HashMap<G, VecDeque<Taken>>,
    /// Number of the last place that was taken.
    sequence: u64,
}

/// A place that is taken, until its connection drops the receiver.
#[derive(Debug)]
struct Taken {
    sequence: u64,
    evict: oneshot::Sender<()>,
}

impl<G: Copy + Eq + Hash> Places<G> {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            groups: HashMap::new(),
            sequence: 0,
        }
    }

    /// Takes a place for a connection of a group that may have `share` of them. The receiver
    /// resolves when another one gets it; dropping it frees the place. None when each group has
    /// one place at most and none is free.
    pub fn take(&mut self, group: G, share: usize) -> Option<oneshot::Receiver<()>> {
        self.forget_ended();
        if self.taken_by(&group) >= share {
            self.evict_oldest(group);
        } else if self.groups.values().map(VecDeque::len).sum::<usize>() >= self.limit {
            self.evict_oldest(self.largest()?);
        }
        self.sequence += 1;
        let sequence = self.sequence;
        let (evict, evicted) = oneshot::channel();
        let taken = Taken { sequence, evict };
        self.groups.entry(group).or_default().push_back(taken);
        Some(evicted)
    }

    fn taken_by(&self, group: &G) -> usize {
        self.groups.get(group).map_or(0, VecDeque::len)
    }

    fn forget_ended(&mut self) {
        self.groups.retain(|_, taken| {
            taken.retain(|one| !one.evict.is_closed());
            !taken.is_empty()
        });
    }

    /// The group with the most places, more than one; of equal ones that with the oldest.
    fn largest(&self) -> Option<G> {
        let oldest = |taken: &VecDeque<Taken>| taken.front().map(|one| u64::MAX - one.sequence);
        let groups = self.groups.iter().filter(|(_, taken)| taken.len() > 1);
        let largest = groups.max_by_key(|(_, taken)| (taken.len(), oldest(taken)));
        largest.map(|(group, _)| *group)
    }

    fn evict_oldest(&mut self, group: G) {
        if let Some(oldest) = self.groups.get_mut(&group).and_then(VecDeque::pop_front) {
            // Its connection may have ended meanwhile.
            let _evicted = oldest.evict.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn is_evicted(place: &mut oneshot::Receiver<()>) -> bool {
        place.try_recv().is_ok()
    }

    #[test]
    fn a_group_with_its_share_gives_up_its_own_oldest_place() {
        let mut places = Places::new(10);
        let mut other = places.take('b', 2).unwrap();
        let mut first = places.take('a', 2).unwrap();
        let mut second = places.take('a', 2).unwrap();
        let _third = places.take('a', 2).unwrap();
        assert!(is_evicted(&mut first));
        assert!(!is_evicted(&mut second) && !is_evicted(&mut other));
    }

    #[test]
    fn without_a_free_place_the_largest_group_gives_one_up() {
        let mut places = Places::new(3);
        let mut early = places.take('b', 3).unwrap();
        let mut many = [(); 2].map(|()| places.take('a', 3).unwrap());
        let _late = places.take('c', 3).unwrap();
        assert!(is_evicted(&mut many[0]));
        assert!(!is_evicted(&mut many[1]) && !is_evicted(&mut early));
        // and none is taken from groups that have one
        assert!(places.take('d', 3).is_none());
        // until one ends
        drop(early);
        assert!(places.take('d', 3).is_some());
    }
}
