//! Queue of future events, ordered by time, then by insertion.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Debug)]
pub struct EventQueue<E> {
    entries: BinaryHeap<Entry<E>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: u64,
    number: u64,
    event: E,
}

impl<E> EventQueue<E> {
    pub fn new() -> Self {
        Self {
            entries: BinaryHeap::new(),
            entered: 0,
        }
    }

    pub fn schedule(&mut self, at: u64, event: E) {
        let number = self.entered;
        self.entered += 1;
        self.entries.push(Entry { at, number, event });
    }

    pub fn next(&mut self) -> Option<(u64, E)> {
        let Entry { at, event, .. } = self.entries.pop()?;
        Some((at, event))
    }
}

impl<E> Entry<E> {
    fn key(&self) -> (u64, u64) {
        (self.at, self.number)
    }
}

/// Reversed, since the heap returns the greatest entry first.
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_event_comes_first_and_equal_ones_in_their_order() {
        let mut events = EventQueue::new();
        for (at, event) in [(5, 'd'), (1, 'a'), (3, 'b'), (3, 'c')] {
            events.schedule(at, event);
        }
        let order: String = std::iter::from_fn(|| events.next().map(|(_, event)| event)).collect();
        assert_eq!(order, "abcd");
    }
}
