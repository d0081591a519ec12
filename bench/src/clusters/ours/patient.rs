//! A client that goes from node to node until one answers, as the product's client does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::ids::NodeId;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::Request;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::address_book::AddressBook;
use super::connection::Connection;
use super::people::Person;

/// Bound on one call with all its tries, as the product's client has it.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(15);
/// Bound on one node's answer, as the product's client has it.
const TRY_DEADLINE: Duration = Duration::from_millis(6_500);
/// Pause after each round over all nodes, doubled each time up to the longest; as there.
pub const FIRST_PAUSE: Duration = Duration::from_millis(40);
pub const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// A call, made for the connection that it is sent on.
pub type Call<'a> = &'a (dyn Fn(&Connection) -> anyhow::Result<Request<Full<Bytes>>> + Sync);

/// The outcome of a try at one node.
enum Try {
    Done(Bytes),
    /// A definite answer: no other node is asked.
    Refused(String),
    /// Another node is asked, with the same request id.
    GoOn(String),
}

/// A client with a connection to each node that it has called.
#[derive(Debug)]
pub struct Patient {
    person: Arc<Person>,
    book: Arc<AddressBook>,
    kept: BTreeMap<NodeId, Connection>,
    /// The place in the book of the node that has answered last.
    preferred: usize,
}

impl Patient {
    /// A client that calls the node at this place first, counted round.
    pub fn new(person: Arc<Person>, book: Arc<AddressBook>, first: usize) -> Self {
        Self {
            person,
            book,
            kept: BTreeMap::new(),
            preferred: first,
        }
    }

    /// Calls one node after another until one answers definitely.
    ///
    /// # Errors
    /// When one refuses, or none answers by the deadline.
    pub async fn call(&mut self, call: Call<'_>) -> anyhow::Result<Bytes> {
        let end = Instant::now() + COMMAND_DEADLINE;
        let mut pause = FIRST_PAUSE;
        let mut last = "no node was asked".to_owned();
        loop {
            for (place, node, to) in self.in_order() {
                if Instant::now() >= end {
                    break;
                }
                let kept = self.kept.remove(&node);
                let (kept, tried) = attempt(&self.person, to, kept, call, end).await;
                self.kept.extend(kept.map(|kept| (node, kept)));
                match tried {
                    Try::Done(body) => {
                        self.preferred = place;
                        return Ok(body);
                    }
                    Try::Refused(why) => bail!("node {node} refuses: {why}"),
                    Try::GoOn(why) => last = format!("node {node}: {why}"),
                }
            }
            if Instant::now() + pause >= end {
                bail!("no node answered within {COMMAND_DEADLINE:?}; {last}");
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The same of an answer in JSON.
    pub async fn ask<T: DeserializeOwned>(&mut self, call: Call<'_>) -> anyhow::Result<T> {
        let body = self.call(call).await?;
        serde_json::from_slice(&body).with_context(|| String::from_utf8_lossy(&body).into_owned())
    }

    /// Asks this many nodes at once, and then each further one, until there are `needed` answers
    /// that `take` accepts. A node that gives none costs nothing but its place.
    pub async fn gather<T>(
        &mut self,
        call: Call<'_>,
        needed: usize,
        take: impl Fn(&[u8]) -> Option<T>,
    ) -> Vec<T> {
        let end = Instant::now() + TRY_DEADLINE;
        let mut taken = Vec::new();
        let mut left = self.in_order().into_iter();
        while taken.len() < needed {
            let batch: Vec<_> = left.by_ref().take(needed - taken.len()).collect();
            if batch.is_empty() {
                break;
            }
            let asked = batch.into_iter().map(|(_, node, to)| {
                let (person, kept) = (&self.person, self.kept.remove(&node));
                async move { (node, attempt(person, to, kept, call, end).await) }
            });
            for (node, (kept, tried)) in join_all(asked.collect::<Vec<_>>()).await {
                self.kept.extend(kept.map(|kept| (node, kept)));
                if let Try::Done(body) = tried {
                    taken.extend(take(&body));
                }
            }
        }
        taken
    }

    pub fn descriptor(&self) -> cameo_common::cluster_descriptor::Descriptor {
        self.book.descriptor()
    }

    /// The nodes with their places in the book, the preferred one first. Connections to others are
    /// dropped.
    fn in_order(&mut self) -> Vec<(usize, NodeId, SocketAddr)> {
        let nodes = self.book.nodes();
        self.kept
            .retain(|kept, _| nodes.iter().any(|(node, _)| node == kept));
        let count = nodes.len().max(1);
        let turned = (0..nodes.len()).map(|turn| (self.preferred + turn) % count);
        let known = turned.filter_map(|at| nodes.get(at).map(|(node, to)| (at, *node, *to)));
        known.collect()
    }
}

/// One try at one node. A connection on which no answer came is not used again.
async fn attempt(
    person: &Person,
    to: SocketAddr,
    kept: Option<Connection>,
    call: Call<'_>,
    end: Instant,
) -> (Option<Connection>, Try) {
    let end = end.min(Instant::now() + TRY_DEADLINE);
    let exchange = async {
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(&person.device, to).await?,
        };
        let request = call(&connection)?;
        let (status, body) = connection.exchange(request).await?;
        anyhow::Ok((connection, status, body))
    };
    match timeout_at(end, exchange).await {
        Err(_) => (None, Try::GoOn("no answer in time".to_owned())),
        Ok(Err(error)) => (None, Try::GoOn(format!("{error:#}"))),
        Ok(Ok((connection, status, body))) if status.is_success() => {
            (Some(connection), Try::Done(body))
        }
        Ok(Ok((connection, status, body))) => {
            let why = format!("{status}: {}", String::from_utf8_lossy(&body));
            let tried = match goes_on(&body) {
                true => Try::GoOn(why),
                false => Try::Refused(why),
            };
            (Some(connection), tried)
        }
    }
}

/// Whether the product's client would go on to another node after this refusal, and not tell its
/// user.
fn goes_on(body: &[u8]) -> bool {
    let error = serde_json::from_slice::<ApiError>(body).ok();
    error.is_some_and(|error| {
        matches!(
            error.code,
            ErrorCode::NoQuorum
                | ErrorCode::Unavailable
                | ErrorCode::NotServed
                | ErrorCode::RolledBack
                | ErrorCode::OutcomeUnknown
                | ErrorCode::Internal
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_definite_refusal_is_told_and_any_other_is_asked_elsewhere() {
        let body = |code: &str| format!(r#"{{"schema":1,"code":"{code}","message":"no"}}"#);
        for code in ["no_quorum", "unavailable", "outcome_unknown", "internal"] {
            assert!(goes_on(body(code).as_bytes()), "{code}");
        }
        for code in ["used_up", "bad_deal", "forbidden"] {
            assert!(!goes_on(body(code).as_bytes()), "{code}");
        }
        assert!(!goes_on(b"not of the protocol"));
    }
}
