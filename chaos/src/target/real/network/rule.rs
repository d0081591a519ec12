//! Rules for what a link carries.

use std::time::Duration;

/// Longest wait for a throttled link; what would wait longer is lost, as at a full router.
pub(super) const LONGEST_QUEUE: Duration = Duration::from_millis(800);
/// A packet that others overtake waits this much longer than they do.
const OVERTAKEN_BY: Duration = Duration::from_millis(12);

/// The state of a link. By default it carries everything at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rule {
    /// It carries nothing.
    pub cut: bool,
    pub delay: Duration,
    /// Packets of a hundred that are lost.
    pub loss: u8,
    /// Packets of a hundred that others overtake.
    pub reorder: u8,
    pub bytes_per_second: Option<u32>,
}

/// What a rule has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub lost: u64,
    pub held: u64,
}

impl Counts {
    /// Packets or chunks that a fault has touched.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.lost + self.held
    }
}

/// What becomes of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    /// Delivered after this time.
    After(Duration),
}

impl Rule {
    /// Decides for a packet of `length` bytes. `chance` gives numbers below a hundred; `busy` is
    /// how long the link still sends what it took before, and is moved on.
    pub(super) fn decide(
        &self,
        length: usize,
        busy: &mut Duration,
        mut chance: impl FnMut() -> u8,
    ) -> Fate {
        if self.cut || (self.loss > 0 && chance() < self.loss) {
            return Fate::Lost;
        }
        let mut after = self.delay;
        if let Some(rate) = self.bytes_per_second {
            if *busy > LONGEST_QUEUE {
                return Fate::Lost;
            }
            let bytes = u32::try_from(length).unwrap_or(u32::MAX);
            *busy += Duration::from_secs(1) * bytes / rate.max(1);
            after += *busy;
        }
        if self.reorder > 0 && chance() < self.reorder {
            after += OVERTAKEN_BY;
        }
        Fate::After(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_no_fault_when_a_packet_comes_then_it_goes_on_at_once() {
        let mut busy = Duration::ZERO;
        let fate = Rule::default().decide(1500, &mut busy, || 0);
        assert_eq!(fate, Fate::After(Duration::ZERO));
    }

    #[test]
    fn given_a_cut_or_lossy_link_when_a_packet_comes_then_it_is_lost() {
        let cut = Rule {
            cut: true,
            ..Rule::default()
        };
        assert_eq!(cut.decide(1, &mut Duration::default(), || 99), Fate::Lost);
        let lossy = Rule {
            loss: 10,
            ..Rule::default()
        };
        assert_eq!(lossy.decide(1, &mut Duration::default(), || 9), Fate::Lost);
        let kept = lossy.decide(1, &mut Duration::default(), || 10);
        assert_eq!(kept, Fate::After(Duration::ZERO));
    }

    #[test]
    fn given_a_throttled_link_when_much_is_sent_then_it_queues_and_then_is_lost() {
        let slow = Rule {
            bytes_per_second: Some(10_000),
            ..Rule::default()
        };
        let mut busy = Duration::ZERO;
        let first = slow.decide(1000, &mut busy, || 0);
        assert_eq!(first, Fate::After(Duration::from_millis(100)));
        let second = slow.decide(1000, &mut busy, || 0);
        assert_eq!(second, Fate::After(Duration::from_millis(200)));
        busy = LONGEST_QUEUE + Duration::from_millis(1);
        assert_eq!(slow.decide(1, &mut busy, || 0), Fate::Lost);
    }

    #[test]
    fn given_a_reordering_link_when_one_is_chosen_then_the_next_overtakes_it() {
        let rule = Rule {
            reorder: 50,
            ..Rule::default()
        };
        let held = rule.decide(1, &mut Duration::default(), || 49);
        let next = rule.decide(1, &mut Duration::default(), || 50);
        assert_eq!(
            (held, next),
            (Fate::After(OVERTAKEN_BY), Fate::After(Duration::ZERO))
        );
    }
}
