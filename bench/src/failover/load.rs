//! Clients in a closed loop, and what was acknowledged to them.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::gap::Span;
use super::target::{Client, NODES};

/// How long the first client waits for an answer before it goes to the next node. etcd's followers
/// do not answer writes that the dead leader has lost, so that a client has to give them up.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// How much longer each further client waits: else all would ask at the same moments, and the gap
/// would be a multiple of the wait.
const ANSWER_STEP: Duration = Duration::from_millis(13);
/// Pause of a client that no node has served: without it, clients take the CPU that an election
/// needs.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes that another node has acknowledged to a client before it tries its own again: more than
/// in the time for which a gap is watched.
const RETURNS_AFTER: usize = 50;

/// An acknowledged write.
#[derive(Debug, Clone)]
pub struct Ack<W> {
    pub span: Span,
    pub client: usize,
    pub node: usize,
    pub written: W,
}

/// The load of one round.
#[derive(Debug)]
pub struct Load<W> {
    acks: RefCell<Vec<Ack<W>>>,
    over: Cell<bool>,
}

impl<W> Load<W> {
    pub fn new() -> Self {
        Self {
            acks: RefCell::new(Vec::new()),
            over: Cell::new(false),
        }
    }

    /// Lets each client end after its call.
    pub fn end(&self) {
        self.over.set(true);
    }

    pub fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Writes without a pause until the load ends: by a node of its own, and after an error or too
    /// long a wait at once by the next. After some writes there it tries its own again.
    pub async fn keep_writing(&self, number: usize, client: &mut impl Client<Written = W>) {
        let answer_within = ANSWER_WITHIN + ANSWER_STEP * number as u32;
        let own = number % NODES;
        let (mut node, mut failed, mut elsewhere) = (own, 0_usize, 0_usize);
        while !self.over.get() {
            let begun = Instant::now();
            let written = timeout(answer_within, client.write(node)).await;
            if let Ok(Ok(written)) = written {
                let ended = Instant::now();
                self.acks.borrow_mut().push(Ack {
                    span: Span { begun, ended },
                    client: number,
                    node,
                    written,
                });
                failed = 0;
                elsewhere += usize::from(node != own);
                if elsewhere == RETURNS_AFTER {
                    (node, elsewhere) = (own, 0);
                }
                continue;
            }
            node = (node + 1) % NODES;
            failed += 1;
            if failed.is_multiple_of(NODES) {
                sleep(PAUSE).await;
            }
        }
    }

    /// Whether each node has acknowledged so many writes.
    pub fn flows_by_all(&self, count: usize) -> bool {
        let acks = self.acks.borrow();
        let by = |node| acks.iter().filter(|ack| ack.node == node).count();
        (0..NODES).all(|node| by(node) >= count)
    }

    /// Whether so many writes were begun after this, and acknowledged.
    pub fn flows_since(&self, from: Instant, count: usize) -> bool {
        let acks = self.acks.borrow();
        acks.iter().filter(|ack| ack.span.begun >= from).count() >= count
    }

    /// The times of all acknowledged writes so far.
    pub fn spans(&self) -> Vec<Span> {
        self.acks.borrow().iter().map(|ack| ack.span).collect()
    }

    /// All acknowledged writes, by the order of their ends.
    pub fn into_acks(self) -> Vec<Ack<W>> {
        self.acks.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client to which each node answers after so many refusals, but one is silent.
    struct Scripted {
        calls: Vec<usize>,
        refusals: [usize; NODES],
    }

    impl Scripted {
        fn new(refusals: [usize; NODES]) -> Self {
            Self {
                calls: Vec::new(),
                refusals,
            }
        }
    }

    impl Client for Scripted {
        type Written = usize;

        async fn write(&mut self, node: usize) -> anyhow::Result<usize> {
            self.calls.push(node);
            if self.refusals[node] > 0 {
                self.refusals[node] -= 1;
                anyhow::bail!("refused");
            }
            if node == 1 {
                return std::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(self.calls.len())
        }

        fn never_written(&self) -> usize {
            0
        }

        async fn has(&mut self, _: usize, _: &usize) -> anyhow::Result<bool> {
            Ok(true)
        }
    }

    #[tokio::test]
    async fn given_a_dead_and_a_silent_node_then_a_client_goes_on_to_the_next() {
        // Given
        let began = Instant::now();
        let load = Load::new();
        let mut client = Scripted::new([usize::MAX, 0, 0]);

        // When
        let until_flows = async {
            let flows = async || load.flows_since(began, 2).then_some(());
            let flows = cameo_harness::until("writes", Duration::from_secs(60), flows).await;
            load.end();
            flows
        };
        let (_, flows) = tokio::join!(load.keep_writing(0, &mut client), until_flows);
        assert!(flows.is_ok());

        // Then it has tried each node once, and stayed where it was served
        assert_eq!(client.calls[..4], [0, 1, 2, 2]);
        assert!(!load.flows_by_all(1));
        let acks = load.into_acks();
        assert!(acks.len() >= 2 && acks.iter().all(|ack| (ack.client, ack.node) == (0, 2)));
        assert_eq!((acks[0].written, acks[1].written), (3, 4));
    }

    #[tokio::test]
    async fn given_a_failed_call_then_a_client_returns_to_its_own_node_after_some_writes() {
        // Given a client of the third node, which refuses once
        let began = Instant::now();
        let load = Load::new();
        let mut client = Scripted::new([0, 0, 1]);

        // When
        let until_home = async {
            let home = async || load.flows_since(began, RETURNS_AFTER + 2).then_some(());
            let home = cameo_harness::until("writes", Duration::from_secs(60), home).await;
            load.end();
            home
        };
        let (_, home) = tokio::join!(load.keep_writing(2, &mut client), until_home);
        assert!(home.is_ok());

        // Then
        let (away, back) = client.calls[1..].split_at(RETURNS_AFTER);
        assert_eq!(client.calls[0], 2);
        assert!(away.iter().all(|node| *node == 0), "{:?}", client.calls);
        assert!(back.iter().all(|node| *node == 2), "{:?}", client.calls);
    }
}
