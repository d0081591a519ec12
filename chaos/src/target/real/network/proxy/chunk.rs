//! The fate of a chunk of a byte stream under a rule.

use std::time::Duration;

use crate::target::real::network::rule::Rule;

/// Bytes that are read at a time, at most.
pub(super) const CHUNK: usize = 16 * 1024;
/// Bytes of a packet's part of a stream, as on the interfaces of the namespaces.
pub(super) const SEGMENT: usize = 1448;
/// A kernel sends a lost packet again after this time at least, and then after twice that.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(200);
/// Beyond these, every packet arrives.
const MOST_RETRANSMISSIONS: u32 = 4;

/// What becomes of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// It goes on after this time.
    pub after: Duration,
    /// Packets of it that were lost, and sent again.
    pub lost: u64,
}

/// Decides for a chunk of `length` bytes on a link that is not cut. `chance` gives numbers below a
/// hundred; `busy` is how long the link still sends what it took before, and is moved on.
pub(super) fn fate(
    rule: &Rule,
    length: usize,
    busy: &mut Duration,
    mut chance: impl FnMut() -> u8,
) -> Fate {
    let mut after = rule.delay;
    if let Some(rate) = rule.bytes_per_second {
        let bytes = u32::try_from(length).unwrap_or(u32::MAX);
        *busy += Duration::from_secs(1) * bytes / rate.max(1);
        after += *busy;
    }
    let mut lost = 0;
    let mut missing = if rule.loss == 0 {
        0
    } else {
        length.div_ceil(SEGMENT)
    };
    for tries in 0..MOST_RETRANSMISSIONS {
        missing = (0..missing).filter(|_| chance() < rule.loss).count();
        if missing == 0 {
            break;
        }
        lost += u64::try_from(missing).unwrap_or(u64::MAX);
        after += FIRST_RETRANSMISSION * 2_u32.pow(tries);
    }
    Fate { after, lost }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rule: Rule, length: usize, busy: &mut Duration, chance: impl FnMut() -> u8) -> Fate {
        fate(&rule, length, busy, chance)
    }

    #[test]
    fn given_no_fault_when_a_chunk_comes_then_it_goes_on_at_once() {
        let now = Fate {
            after: Duration::ZERO,
            lost: 0,
        };
        let mut busy = Duration::ZERO;
        assert_eq!(of(Rule::default(), 16_384, &mut busy, || 0), now);
    }

    #[test]
    fn given_loss_when_packets_of_a_chunk_are_lost_then_it_waits_until_all_were_sent_again() {
        let rule = Rule {
            loss: 10,
            ..Rule::default()
        };
        // Of three packets the second is lost, and once more when it is sent again.
        let mut chances = [50, 9, 50, 0, 10].into_iter();
        let lost = of(rule, 3 * SEGMENT, &mut Duration::default(), || {
            chances.next().expect("five packets")
        });
        let twice = Fate {
            after: 3 * FIRST_RETRANSMISSION,
            lost: 2,
        };
        assert_eq!(lost, twice);
        let never_kept = of(rule, 1, &mut Duration::default(), || 0);
        assert_eq!(never_kept.lost, u64::from(MOST_RETRANSMISSIONS));
    }

    #[test]
    fn given_a_slow_link_when_chunks_follow_each_other_then_each_waits_for_those_before() {
        let rule = Rule {
            bytes_per_second: Some(10_000),
            delay: Duration::from_millis(5),
            ..Rule::default()
        };
        let mut busy = Duration::ZERO;
        let first = of(rule, 1000, &mut busy, || 0).after;
        let second = of(rule, 500, &mut busy, || 0).after;
        assert_eq!(first, Duration::from_millis(105));
        assert_eq!(second, Duration::from_millis(155));
    }
}
