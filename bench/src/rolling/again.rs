//! Rounds that are measured again, because something else had the machine.

/// How many rounds may still be measured again, and what became of the disturbed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    left: usize,
    /// Rounds that were measured again.
    pub again: usize,
    /// Disturbed rounds that count.
    pub disturbed: usize,
}

impl Again {
    /// None, as in a functional check.
    pub fn never() -> Self {
        Self::at_most(0)
    }

    pub fn at_most(left: usize) -> Self {
        Self {
            left,
            again: 0,
            disturbed: 0,
        }
    }

    /// Whether a round counts, or is measured again.
    pub fn counts(&mut self, is_disturbed: bool) -> bool {
        if is_disturbed && self.left > 0 {
            self.left -= 1;
            self.again += 1;
            return false;
        }
        self.disturbed += usize::from(is_disturbed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disturbed_round_is_measured_again_until_no_more_may_be() {
        let mut again = Again::at_most(1);
        let counts = [false, true, true, false].map(|disturbed| again.counts(disturbed));
        assert_eq!(counts, [true, false, true, true]);
        assert_eq!((again.again, again.disturbed), (1, 1));
    }
}
