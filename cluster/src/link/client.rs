//! The client side: one lazy, pipelined connection per peer and lane, with reconnects.
//!
//! [`CallError`] tells whether a failed request may have been carried out. Connecting is a task of
//! its own, and continues when the caller that started it times out.

mod lane;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::ids::NodeId;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Identity;
use super::frame::MAX_BODY_BYTES;
use super::hello::Purpose;
use super::refusal::Refusal;
use super::tls::Tls;
use super::transport::Transport;
use crate::host::repeats::Repeats;
pub use lane::Lane;
pub use wire::PendingReply;
use wire::Wire;

/// Pause after a failed connection attempt; it doubles with each failure up to a maximum.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
/// The maximum while the node does not answer. Until then a node that has come back gets no vote
/// request, no heartbeat and no leadership, so it is about one election timeout.
const MAX_BACKOFF: Duration = Duration::from_millis(100);
/// The maximum while it refuses, which costs both ends a TLS handshake.
const MAX_BACKOFF_REFUSED: Duration = Duration::from_millis(500);

/// Why a call has no reply.
#[derive(Debug, Clone, Error)]
pub enum CallError {
    #[error("node not reachable: {0}")]
    Unreachable(String),
    #[error("node refused the connection: {0}")]
    Refused(Refusal),
    #[error("too many requests under way to this node")]
    Busy,
    #[error("a request of {0} bytes is too large")]
    TooLarge(usize),
    #[error("node does not serve this: {0}")]
    Denied(String),
    #[error("the connection was lost before the reply came")]
    Lost,
    #[error("no reply in time")]
    TimedOut,
}

impl CallError {
    /// Whether the peer did not and will not carry out the request.
    pub fn definitely_not_done(&self) -> bool {
        !matches!(self, CallError::Lost | CallError::TimedOut)
    }
}

/// The target of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The node that must answer.
    pub node: NodeId,
    /// `host:port` of its link listener.
    pub address: String,
    /// The purpose of the connection.
    pub purpose: Purpose,
    /// The key that it must have, where the membership has none for it. Without one, a node that
    /// joins knows no key: what it says there serves nobody else, and what it is told is proven.
    pub key: Option<[u8; 32]>,
}

/// All outgoing links of this node.
#[derive(Clone)]
pub struct Links {
    shared: Arc<Shared>,
    open: Arc<Mutex<HashMap<(NodeId, Lane), Link>>>,
}

struct Shared {
    identity: Identity,
    tls: Tls,
    transport: Arc<dyn Transport>,
    runtime: Handle,
    /// Of peers without a link: each has several lanes.
    unlinked: Repeats,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Links of {:?}", self.shared.identity)
    }
}

impl Links {
    /// Links whose connections are driven by `runtime`.
    pub fn new(
        identity: Identity,
        transport: Arc<dyn Transport>,
        runtime: Handle,
    ) -> std::io::Result<Self> {
        let tls = Tls::new(&identity.keys).map_err(std::io::Error::other)?;
        Ok(Self {
            shared: Arc::new(Shared {
                identity,
                tls,
                transport,
                runtime,
                unlinked: Repeats::default(),
            }),
            open: Arc::default(),
        })
    }

    /// The link to a member on a lane, shared by all callers. A changed address replaces it.
    pub fn member(&self, node: NodeId, address: &str, lane: Lane) -> Link {
        let dial = Dial {
            node,
            address: address.to_owned(),
            purpose: Purpose::Member,
            key: None,
        };
        let mut open = self.open.lock();
        match open.get(&(node, lane)) {
            Some(link) if link.inner.dial == dial => link.clone(),
            _ => {
                let link = self.dedicated(dial);
                open.insert((node, lane), link.clone());
                link
            }
        }
    }

    /// A link that is not shared, closed when its last clone is dropped.
    pub fn dedicated(&self, dial: Dial) -> Link {
        Link {
            inner: Arc::new(Inner {
                shared: self.shared.clone(),
                dial,
                state: watch::Sender::new(State::Idle),
            }),
        }
    }

    /// Closes every member link.
    pub fn close(&self) {
        self.open.lock().clear();
    }
}

/// A link to one peer on one lane.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    dial: Dial,
    state: watch::Sender<State>,
}

enum State {
    Idle,
    Connecting,
    Up(Arc<Wire>),
    Down {
        why: CallError,
        failures: u32,
        until: Instant,
    },
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dial { node, address, .. } = &self.inner.dial;
        write!(f, "Link to node {node} at {address}")
    }
}

impl Link {
    /// Sends a request and waits for its reply; connects first if necessary.
    pub async fn call(&self, body: &[u8], deadline: Instant) -> Result<Bytes, CallError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(CallError::TooLarge(body.len()));
        }
        let wire = self.connected(deadline).await?;
        wire.start(body)?.until(deadline).await
    }

    /// Queues a request on a connection that is up, without waiting, in the order of the calls.
    pub fn start(&self, body: &[u8]) -> Result<PendingReply, CallError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(CallError::TooLarge(body.len()));
        }
        match &*self.inner.state.borrow() {
            State::Up(wire) => wire.start(body),
            State::Down { why, .. } => Err(why.clone()),
            _ => Err(CallError::Unreachable("not connected".into())),
        }
    }

    /// Waits for a connection.
    pub async fn ready(&self, deadline: Instant) -> Result<(), CallError> {
        self.connected(deadline).await.map(|_| ())
    }

    async fn connected(&self, deadline: Instant) -> Result<Arc<Wire>, CallError> {
        let mut states = self.inner.state.subscribe();
        loop {
            self.connect_if_down();
            match &*states.borrow_and_update() {
                State::Up(wire) => return Ok(wire.clone()),
                State::Down { why, .. } => return Err(why.clone()),
                State::Idle | State::Connecting => {}
            }
            match timeout_at(deadline, states.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(CallError::Unreachable("the link was closed".into())),
                Err(_) => {
                    return Err(CallError::Unreachable(format!(
                        "no connection to {} in time",
                        self.inner.dial.address
                    )));
                }
            }
        }
    }

    fn connect_if_down(&self) {
        let mut attempt = None;
        self.inner.state.send_if_modified(|state| {
            let failures = match state {
                State::Idle => 0,
                State::Up(wire) if wire.is_closed() => 0,
                State::Down {
                    failures, until, ..
                } if *until <= Instant::now() => *failures,
                _ => return false,
            };
            *state = State::Connecting;
            attempt = Some(failures);
            true
        });
        if let Some(failures) = attempt {
            let inner = Arc::downgrade(&self.inner);
            let (shared, dial) = (self.inner.shared.clone(), self.inner.dial.clone());
            self.inner.shared.runtime.spawn(async move {
                let result =
                    Wire::connect(&shared.identity, &shared.tls, &*shared.transport, &dial).await;
                if let Some(inner) = inner.upgrade() {
                    inner
                        .state
                        .send_replace(outcome(result, failures, &dial, &shared.unlinked));
                }
            });
        }
    }
}

fn outcome(
    result: Result<Wire, CallError>,
    failures: u32,
    dial: &Dial,
    unlinked: &Repeats,
) -> State {
    match result {
        Ok(wire) => State::Up(Arc::new(wire)),
        Err(why) => {
            // During bootstrap each request has its own link, and the node's stage has the reason.
            if failures == 0
                && dial.purpose == Purpose::Member
                && let Some(repeated) = unlinked.due(format!("{} {why}", dial.node))
            {
                let (node, address) = (dial.node.0, &dial.address);
                tracing::info!(node, address, %why, repeated, "no link");
            }
            State::Down {
                failures: failures.saturating_add(1),
                until: Instant::now() + backoff(failures, &why),
                why,
            }
        }
    }
}

/// Pause after this error, when so many attempts had failed before.
fn backoff(failures: u32, why: &CallError) -> Duration {
    let most = match why {
        CallError::Refused(_) => MAX_BACKOFF_REFUSED,
        _ => MAX_BACKOFF,
    };
    FIRST_BACKOFF.saturating_mul(1 << failures.min(8)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_node_that_is_down_then_it_is_dialled_ten_times_a_second() {
        let down = CallError::Unreachable("refused".into());
        let refused = CallError::Refused(Refusal::Malformed);
        let pauses = |why| [0, 1, 3, 4, 6, u32::MAX].map(|n| backoff(n, why).as_millis());
        assert_eq!(pauses(&down), [10, 20, 80, 100, 100, 100]);
        assert_eq!(pauses(&refused), [10, 20, 80, 160, 500, 500]);
    }
}
