//! Acknowledged writes, read back: none may be gone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::time::timeout;

use super::load::Ack;
use super::target::{CLIENTS, Client, NODES, Target};

/// Longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Attempts for one write, each by the next node.
const ATTEMPTS: usize = 3 * NODES;
/// Longest time of all attempts for one write.
pub const LONGEST: Duration = Duration::from_secs(ANSWER_WITHIN.as_secs() * ATTEMPTS as u64);

/// What was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// Writes that are there.
    pub found: usize,
    /// Writes that were not asked for, because they were older than the cluster keeps them.
    pub too_old: usize,
}

/// Asks for each of these writes, and for one that never was, by each client: an answer that is
/// always yes shows nothing.
///
/// # Errors
/// When one is gone, when the one that never was is there, or when no node answers.
pub async fn read_back<T, W>(target: &T, acks: &[&Ack<W>]) -> anyhow::Result<Read>
where
    T: Target,
    T::Client: Client<Written = W>,
{
    let clients = (0..CLIENTS).map(|number| target.client(number));
    let mut clients = clients.collect::<anyhow::Result<Vec<_>>>()?;
    for client in &mut clients {
        let never = client.never_written();
        ensure!(
            !has(client, 0, &never).await?,
            "{}: a write that never was is said to be there, so that none can be checked",
            T::NAME
        );
    }
    let (mut read, mut gone) = (Read::default(), 0);
    for ack in acks {
        if T::KEPT_FOR.is_some_and(|kept| ack.span.ended.elapsed() > kept) {
            read.too_old += 1;
            continue;
        }
        let client = clients.get_mut(ack.client).context("such a client")?;
        match has(client, ack.node, &ack.written).await? {
            true => read.found += 1,
            false => gone += 1,
        }
    }
    ensure!(
        gone == 0,
        "{}: {gone} of {} acknowledged writes that were read back are gone",
        T::NAME,
        read.found + gone
    );
    Ok(read)
}

/// Asks by this node, and by the next ones if it does not answer.
async fn has<C: Client>(
    client: &mut C,
    first: usize,
    written: &C::Written,
) -> anyhow::Result<bool> {
    let mut last = None;
    for attempt in 0..ATTEMPTS {
        let node = (first + attempt) % NODES;
        match timeout(ANSWER_WITHIN, client.has(node, written)).await {
            Ok(Ok(has)) => return Ok(has),
            Ok(Err(why)) => last = Some(why),
            Err(_) => {}
        }
    }
    match last {
        Some(why) => Err(why.context("no node says whether a write is there")),
        None => bail!("no node says in time whether a write is there"),
    }
}

/// The last so many that were acknowledged before a time, and as many after it. `acks` are in the
/// order of their ends.
pub fn around<W>(acks: &[Ack<W>], at: Instant, count: usize) -> Vec<&Ack<W>> {
    let middle = acks.partition_point(|ack| ack.span.ended <= at);
    let from = middle.saturating_sub(count);
    acks.iter().take(middle + count).skip(from).collect()
}

/// At most so many of those that were acknowledged since a time, evenly spread.
pub fn evenly<W>(acks: &[Ack<W>], since: Option<Instant>, count: usize) -> Vec<&Ack<W>> {
    let is_kept = |ack: &&Ack<W>| since.is_none_or(|since| ack.span.ended >= since);
    let kept: Vec<_> = acks.iter().filter(is_kept).collect();
    let step = kept.len().div_ceil(count.max(1)).max(1);
    kept.into_iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::super::gap::Span;
    use super::super::target::End;
    use super::*;

    /// A cluster that says the same of every write but those below a number, which are gone.
    struct Scripted {
        first: u64,
        says_yes_to_all: bool,
    }

    struct Asker(u64, bool);

    impl Target for Scripted {
        type Client = Asker;
        const NAME: &'static str = "scripted";
        const KEPT_FOR: Option<Duration> = Some(Duration::from_secs(60));
        const ELECTS_WITHIN: Duration = Duration::ZERO;

        fn processes(&self) -> anyhow::Result<Vec<u32>> {
            Ok(Vec::new())
        }
        async fn leader(&self) -> anyhow::Result<usize> {
            Ok(0)
        }
        async fn term(&self) -> anyhow::Result<u64> {
            Ok(1)
        }
        async fn end(&mut self, _: usize, _: End) -> anyhow::Result<()> {
            Ok(())
        }
        async fn restart(&mut self, _: usize) -> anyhow::Result<()> {
            Ok(())
        }
        async fn kill_all(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
        async fn start_all(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
        fn client(&self, _: usize) -> anyhow::Result<Asker> {
            Ok(Asker(self.first, self.says_yes_to_all))
        }
    }

    impl Client for Asker {
        type Written = u64;

        async fn write(&mut self, _: usize) -> anyhow::Result<u64> {
            Ok(0)
        }
        fn never_written(&self) -> u64 {
            u64::MAX
        }
        async fn has(&mut self, node: usize, written: &u64) -> anyhow::Result<bool> {
            // The first node is dead.
            ensure!(node != 0, "refused");
            Ok(self.1 || (self.0..u64::MAX).contains(written))
        }
    }

    async fn read_from(target: &Scripted) -> Result<Read, String> {
        read_since(target, Instant::now()).await
    }

    async fn read_since(target: &Scripted, start: Instant) -> Result<Read, String> {
        let acks = acks(start, 5);
        let all: Vec<_> = acks.iter().collect();
        let read = read_back(target, &all).await;
        read.map_err(|why| why.to_string())
    }

    #[tokio::test]
    async fn given_writes_that_are_no_longer_kept_then_they_are_not_asked_for() {
        // Given a cluster that has forgotten all, and writes of a minute ago
        let forgetful = Scripted {
            first: u64::MAX,
            says_yes_to_all: false,
        };
        let Some(start) = Instant::now().checked_sub(Duration::from_secs(61)) else {
            return;
        };
        let too_old = Read {
            found: 0,
            too_old: 5,
        };
        assert_eq!(read_since(&forgetful, start).await, Ok(too_old));
    }

    #[tokio::test]
    async fn given_a_lost_write_then_reading_back_fails() {
        let cluster = |first, says_yes_to_all| Scripted {
            first,
            says_yes_to_all,
        };
        let all = Read {
            found: 5,
            too_old: 0,
        };
        assert_eq!(read_from(&cluster(0, false)).await, Ok(all));
        let gone = "scripted: 2 of 5 acknowledged writes that were read back are gone";
        assert_eq!(read_from(&cluster(2, false)).await, Err(gone.to_owned()));
    }

    #[tokio::test]
    async fn given_a_cluster_that_says_yes_to_all_then_reading_back_fails() {
        let cluster = Scripted {
            first: 0,
            says_yes_to_all: true,
        };
        let why = read_from(&cluster).await.err().unwrap_or_default();
        assert!(why.contains("never was"), "{why}");
    }

    /// Writes that end a millisecond after each other.
    fn acks(start: Instant, count: u64) -> Vec<Ack<u64>> {
        let ack = |written| Ack {
            span: Span {
                begun: start,
                ended: start + Duration::from_millis(written),
            },
            client: 0,
            node: 0,
            written,
        };
        (0..count).map(ack).collect()
    }

    fn written(acks: &[&Ack<u64>]) -> Vec<u64> {
        acks.iter().map(|ack| ack.written).collect()
    }

    #[test]
    fn the_writes_around_a_time_are_as_many_on_both_sides_as_there_are() {
        let start = Instant::now();
        let acks = acks(start, 10);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(written(&around(&acks, at(4), 2)), [3, 4, 5, 6]);
        assert_eq!(written(&around(&acks, at(0), 2)), [0, 1, 2]);
        assert_eq!(written(&around(&acks, at(50), 2)), [8, 9]);
        assert!(around(&acks[..0], at(4), 2).is_empty());
    }

    #[test]
    fn a_sample_is_spread_over_all_writes_that_are_kept() {
        let start = Instant::now();
        let acks = acks(start, 100);
        assert_eq!(written(&evenly(&acks, None, 4)), [0, 25, 50, 75]);
        let since = Some(start + Duration::from_millis(90));
        assert_eq!(written(&evenly(&acks, since, 5)), [90, 92, 94, 96, 98]);
        assert_eq!(evenly(&acks, since, 50).len(), 10);
        assert!(evenly(&acks[..0], None, 5).is_empty());
    }
}
