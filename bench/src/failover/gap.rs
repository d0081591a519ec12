//! The write gap, from the times of acknowledged writes.

use std::time::{Duration, Instant};

/// An acknowledged write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub begun: Instant,
    pub ended: Instant,
}

/// For how long writes stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The longest time between two acknowledgements in a row, of which the latter came after the
    /// signal.
    pub longest: Duration,
    /// From the signal to the first acknowledgement of a write that was begun after it.
    pub to_first_write: Duration,
}

/// The gap at a signal. None unless a write was acknowledged before it, and one begun after it.
pub fn gap(writes: &[Span], signalled: Instant) -> Option<Gap> {
    let mut ends: Vec<Instant> = writes.iter().map(|write| write.ended).collect();
    ends.sort_unstable();
    let first = ends.first().filter(|first| **first <= signalled)?;
    let pairs = std::iter::once(first).chain(&ends).zip(&ends);
    let around = pairs.filter(|(_, later)| **later > signalled);
    let begun_after = writes.iter().filter(|write| write.begun >= signalled);
    Some(Gap {
        longest: around.map(|(earlier, later)| *later - *earlier).max()?,
        to_first_write: begun_after.map(|write| write.ended).min()? - signalled,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// The gap of writes from and to these milliseconds, with a signal at the hundredth.
    fn gap_of(writes: &[(u64, u64)]) -> Option<Gap> {
        let start = Instant::now();
        let span = |(begun, ended): &(u64, u64)| Span {
            begun: start + ms(*begun),
            ended: start + ms(*ended),
        };
        let writes: Vec<Span> = writes.iter().map(span).collect();
        gap(&writes, start + ms(100))
    }

    #[test]
    fn given_a_pause_around_the_signal_then_it_is_the_gap() {
        // Given writes of two clients, whose acknowledgements are in no order
        let writes = [(0, 5), (5, 98), (98, 430), (3, 90), (101, 420), (420, 425)];
        let expected = Gap {
            longest: ms(420 - 98),
            to_first_write: ms(320),
        };
        assert_eq!(gap_of(&writes), Some(expected));
    }

    #[test]
    fn given_an_answer_to_an_earlier_write_after_the_signal_then_the_gap_begins_with_it() {
        let gap = gap_of(&[(0, 95), (96, 103), (104, 400)]);
        let expected = Gap {
            longest: ms(297),
            to_first_write: ms(300),
        };
        assert_eq!(gap, Some(expected));
    }

    #[test]
    fn given_a_longer_pause_before_the_signal_then_it_does_not_count() {
        let gap = gap_of(&[(0, 1), (1, 99), (100, 112), (112, 120)]);
        assert_eq!(gap.map(|gap| gap.longest), Some(ms(13)));
    }

    #[test]
    fn given_a_handover_later_than_the_signal_then_its_pause_is_the_gap() {
        let gap = gap_of(&[(0, 99), (100, 102), (102, 104), (104, 119), (119, 121)]);
        let expected = Gap {
            longest: ms(15),
            to_first_write: ms(2),
        };
        assert_eq!(gap, Some(expected));
    }

    #[test]
    fn given_no_write_on_one_side_of_the_signal_then_there_is_no_gap() {
        assert_eq!(gap_of(&[]), None);
        assert_eq!(gap_of(&[(0, 99)]), None);
        assert_eq!(gap_of(&[(101, 120)]), None);
        assert_eq!(gap_of(&[(0, 99), (99, 400)]), None);
    }
}
