//! A timing wheel: what is due is found without a look at what is not.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Width of a slot. What is due in it is found at its end.
pub(super) const SLOT: Duration = Duration::from_millis(100);

/// Items by the slot in which they are due. As many slots are there as have items.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    start: Instant,
    slots: BTreeMap<u128, Vec<T>>,
    /// The first slot that has not been taken.
    next: u128,
}

impl<T> Wheel<T> {
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            slots: BTreeMap::new(),
            next: 0,
        }
    }

    /// Adds an item that is due then, or in the next slot if that has passed.
    pub fn add(&mut self, item: T, due: Instant) {
        let slot = self.since_start(due).div_ceil(SLOT.as_nanos());
        let slot = slot.max(self.next);
        self.slots.entry(slot).or_default().push(item);
    }

    /// Removes and returns what is due.
    pub fn take_due(&mut self, now: Instant) -> Vec<T> {
        self.next = self.next.max(self.since_start(now) / SLOT.as_nanos() + 1);
        let later = self.slots.split_off(&self.next);
        let due = std::mem::replace(&mut self.slots, later);
        due.into_values().flatten().collect()
    }

    fn since_start(&self, at: Instant) -> u128 {
        at.saturating_duration_since(self.start).as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_found_once_when_it_is_due_and_a_slot_later_at_most() {
        let start = Instant::now();
        for millis in [0, 1, 99, 100, 101, 250, 15_000] {
            let due = start + Duration::from_millis(millis);
            let mut wheel = Wheel::new(start);
            wheel.add("item", due);
            if let Some(before) = millis.checked_sub(1) {
                let early = wheel.take_due(start + Duration::from_millis(before));
                assert!(early.is_empty(), "{millis} ms: found early");
            }
            assert_eq!(wheel.take_due(due + SLOT), ["item"], "{millis} ms");
            assert!(wheel.take_due(due + 9 * SLOT).is_empty(), "{millis} ms");
        }
    }

    #[test]
    fn what_was_due_before_is_found_at_the_next_look() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        assert!(wheel.take_due(start + 10 * SLOT).is_empty());
        wheel.add("late", start);
        assert!(wheel.take_due(start + 10 * SLOT).is_empty(), "this slot");
        assert_eq!(wheel.take_due(start + 11 * SLOT), ["late"]);
        assert!(wheel.slots.is_empty());
    }
}
