//! The rounds of one side.

use std::time::Instant;

use anyhow::bail;

use super::gap::Gap;
use super::load::Ack;
use super::read_back::{Read, around, evenly, read_back};
use super::round::{Beside, kill_all, round};
use super::target::{Client, End, Target};

/// Writes that are read back after each round, on either side of the signal, and of those that were
/// acknowledged last before all nodes died.
const SAMPLE_AROUND: usize = 30;
/// Writes that are read back at the end, at most, beside the last ones.
const SAMPLE: usize = 1000;

/// The gaps of all rounds of a kind.
#[derive(Debug, Default)]
pub struct Gaps {
    pub gaps: Vec<Gap>,
    /// Of them, rounds in which this machine stalled, or others used it.
    pub disturbed: usize,
    /// Further rounds that were measured again instead.
    pub again: usize,
}

/// Which rounds of a kind are measured again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// Rounds of each side, at most.
    pub most: usize,
    /// Those that were disturbed, too, beside those that ended no leader.
    pub disturbed: bool,
}

/// What becomes of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Counts,
    Again,
    /// It has ended no leader, and there were too many of them.
    Invalid,
}

impl Again {
    fn verdict(self, again: usize, is_disturbed: bool, has_ended_leader: bool) -> Verdict {
        let may = again < self.most;
        match (has_ended_leader, is_disturbed && self.disturbed) {
            (false, _) if may => Verdict::Again,
            (false, _) => Verdict::Invalid,
            (true, true) if may => Verdict::Again,
            (true, _) => Verdict::Counts,
        }
    }
}

/// One side, with what its rounds have shown.
pub struct Series<T: Target> {
    pub target: T,
    pub killed: Gaps,
    pub stopped: Gaps,
    acks: Vec<Ack<<T::Client as Client>::Written>>,
}

/// What was read back at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBack {
    pub acknowledged: usize,
    pub read: Read,
}

impl<T: Target> Series<T> {
    pub fn new(target: T) -> Self {
        Self {
            target,
            killed: Gaps::default(),
            stopped: Gaps::default(),
            acks: Vec::new(),
        }
    }

    /// Ends the leader under load, starts it again, and reads back what was acknowledged last
    /// before and first after; again after a round that does not count.
    ///
    /// # Errors
    /// When an acknowledged write is gone, the cluster does not serve again, or too many rounds
    /// have ended no leader.
    pub async fn round(&mut self, how: End, beside: Beside<'_>, rule: Again) -> anyhow::Result<()> {
        loop {
            let round = round(&mut self.target, how, beside).await?;
            let sample = around(&round.acks, round.signalled, SAMPLE_AROUND);
            read_back(&self.target, &sample).await?;
            self.acks.extend(round.acks);
            let all = match how {
                End::Killed => &mut self.killed,
                End::Stopped => &mut self.stopped,
            };
            match rule.verdict(all.again, round.is_disturbed, round.has_ended_leader) {
                Verdict::Counts => {
                    all.gaps.push(round.gap);
                    all.disturbed += usize::from(round.is_disturbed);
                    return Ok(());
                }
                Verdict::Again => all.again += 1,
                Verdict::Invalid => bail!("{}: a round has ended no leader", T::NAME),
            }
        }
    }

    /// Kills all nodes under load, starts them, and reads back what was acknowledged last, and a
    /// sample of the rest, as far back as it can be.
    ///
    /// # Errors
    /// When an acknowledged write is gone, or the cluster does not serve again.
    pub async fn restart_all(&mut self) -> anyhow::Result<ReadBack> {
        self.acks.extend(kill_all(&mut self.target).await?);
        self.target.start_all().await?;
        let since = T::KEPT_FOR.and_then(|kept| Instant::now().checked_sub(kept));
        let last = self.acks.len().saturating_sub(SAMPLE_AROUND);
        let (earlier, last) = self.acks.split_at(last);
        // The newest first: the others may grow too old meanwhile.
        let mut sample: Vec<_> = last.iter().collect();
        sample.extend(evenly(earlier, since, SAMPLE));
        Ok(ReadBack {
            acknowledged: self.acks.len(),
            read: read_back(&self.target, &sample).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_does_not_count_is_measured_again_a_few_times() {
        let rule = Again {
            most: 2,
            disturbed: true,
        };
        for (again, is_disturbed, has_ended_leader, expected) in [
            (0, false, true, Verdict::Counts),
            (1, true, true, Verdict::Again),
            (2, true, true, Verdict::Counts),
            (1, false, false, Verdict::Again),
            (2, false, false, Verdict::Invalid),
        ] {
            let verdict = rule.verdict(again, is_disturbed, has_ended_leader);
            assert_eq!(
                verdict, expected,
                "{again} {is_disturbed} {has_ended_leader}"
            );
        }
        let quick = Again {
            disturbed: false,
            ..rule
        };
        assert_eq!(quick.verdict(0, true, true), Verdict::Counts);
        assert_eq!(quick.verdict(0, true, false), Verdict::Again);
    }
}
