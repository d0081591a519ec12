//! Tests of client and server over loopback TCP.

#![allow(clippy::unwrap_used)]

mod bounds;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use cameo_common::ids::{ClusterId, NodeId};

use super::*;

const CLUSTER: ClusterId = ClusterId([5; 32]);

struct Member;
impl KnownMembers for Member {
    fn cluster(&self) -> Option<ClusterId> {
        Some(CLUSTER)
    }
    fn key_of(&self, node: NodeId) -> KnownKey {
        KnownKey::Is(keys(node.0).public())
    }
}

/// A node's keys, derived from its number.
fn keys(node: u64) -> NodeKeys {
    let mut seeds = [9; 64];
    seeds[..8].copy_from_slice(&node.to_le_bytes());
    NodeKeys::from_seeds(&seeds)
}

fn identity(node: u64) -> Identity {
    Identity {
        node: NodeId(node),
        keys: Arc::new(keys(node)),
        secret: None,
        members: Arc::new(Member),
    }
}

/// Replies with the request; `hold` waits for `gate`, `count` gets a number in order of arrival.
struct Echo {
    gate: Arc<Semaphore>,
    counted: AtomicU64,
}

impl Service for Echo {
    fn serve(&self, caller: &Caller, body: Bytes) -> BoxFuture<'static, Answer> {
        assert_eq!((caller.node, caller.purpose), (NodeId(1), Purpose::Member));
        let gate = self.gate.clone();
        let number = match &body[..] {
            b"count" => Some(self.counted.fetch_add(1, Ordering::Relaxed)),
            _ => None,
        };
        Box::pin(async move {
            match (&body[..], number) {
                (b"hold", _) => {
                    gate.acquire().await.unwrap().forget();
                    Answer::Reply(body.to_vec())
                }
                (b"deny", _) => Answer::Denied("not here".into()),
                (_, Some(number)) => Answer::Reply(number.to_le_bytes().to_vec()),
                _ => Answer::Reply(body.to_vec()),
            }
        })
    }
}

async fn server(listen: &str) -> (Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let service = Echo {
        gate: gate.clone(),
        counted: AtomicU64::new(0),
    };
    let server = Server::start(identity(2), &TcpTransport, listen.into(), Arc::new(service));
    (server.await.unwrap(), gate)
}

fn links() -> Links {
    Links::new(identity(1), TcpTransport::shared(), Handle::current()).unwrap()
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn a_slow_request_does_not_delay_others_and_gets_its_own_reply() {
    let (server, gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::Log);
    link.ready(deadline()).await.unwrap();
    let held = link.start(b"hold").unwrap();
    for n in 0..100u8 {
        assert_eq!(link.call(&[n], deadline()).await.unwrap(), [n].as_slice());
    }
    gate.add_permits(1);
    assert_eq!(held.until(deadline()).await.unwrap(), b"hold".as_slice());
}

#[tokio::test]
async fn requests_are_served_in_the_order_of_their_start() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::Log);
    link.ready(deadline()).await.unwrap();
    let started: Vec<_> = (0..1000).map(|_| link.start(b"count").unwrap()).collect();
    for (n, pending) in started.into_iter().enumerate() {
        let reply = pending.until(deadline()).await.unwrap();
        assert_eq!(reply, (n as u64).to_le_bytes().as_slice());
    }
}

#[tokio::test]
async fn the_largest_frame_passes_and_a_larger_one_is_not_sent() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let links = links();
    let bulk = links.member(NodeId(2), &server.address().to_string(), Lane::Bulk);
    let largest = vec![7; MAX_BODY_BYTES];
    assert_eq!(bulk.call(&largest, deadline()).await.unwrap(), largest);
    let error = bulk
        .call(&vec![7; MAX_BODY_BYTES + 1], deadline())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::TooLarge(_)) && error.definitely_not_done());
}

#[tokio::test]
async fn a_denied_request_was_not_done_and_a_timed_out_one_may_have_been() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::App);
    let denied = link.call(b"deny", deadline()).await.unwrap_err();
    assert!(matches!(&denied, CallError::Denied(why) if why == "not here"));
    assert!(denied.definitely_not_done());
    let short = Instant::now() + Duration::from_millis(50);
    let late = link.call(b"hold", short).await.unwrap_err();
    assert!(matches!(late, CallError::TimedOut) && !late.definitely_not_done());
}

#[tokio::test]
async fn a_lost_connection_fails_its_requests_and_is_reopened() {
    let (first, _gate) = server("127.0.0.1:0").await;
    let address = first.address().to_string();
    let link = links().member(NodeId(2), &address, Lane::Log);
    link.ready(deadline()).await.unwrap();
    let held = link.start(b"hold").unwrap();
    first.close().await;
    let lost = held.until(deadline()).await.unwrap_err();
    assert!(matches!(lost, CallError::Lost) && !lost.definitely_not_done());

    // Without a listener the request fails at once or after the backoff, and was not done.
    let error = link.call(b"again", deadline()).await.unwrap_err();
    assert!(error.definitely_not_done(), "{error}");

    let (_second, _gate) = server(&address).await;
    let end = deadline();
    loop {
        match link.call(b"again", deadline()).await {
            Ok(reply) => break assert_eq!(reply, b"again".as_slice()),
            Err(error) => assert!(
                error.definitely_not_done() && Instant::now() < end,
                "{error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_asked_for_comes_up_although_nobody_waits() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::Log);
    assert!(link.ready(deadline()).now_or_never().is_none());
    let end = deadline();
    while let Err(error) = link.start(b"first") {
        assert!(Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_full_lane_does_not_delay_another() {
    let (server, gate) = server("127.0.0.1:0").await;
    let (links, address) = (links(), server.address().to_string());
    let log = links.member(NodeId(2), &address, Lane::Log);
    log.ready(deadline()).await.unwrap();
    let held: Vec<_> = (0..MAX_IN_FLIGHT)
        .map(|_| log.start(b"hold").unwrap())
        .collect();
    let error = log.start(b"one more").unwrap_err();
    assert!(matches!(error, CallError::Busy) && error.definitely_not_done());
    let beat = links.member(NodeId(2), &address, Lane::Heartbeat);
    assert_eq!(
        beat.call(b"beat", deadline()).await.unwrap(),
        b"beat".as_slice()
    );
    gate.add_permits(MAX_IN_FLIGHT);
    for pending in held {
        pending.until(deadline()).await.unwrap();
    }
}

#[tokio::test]
async fn attack_random_bytes_do_not_affect_members() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let address = server.address().to_string();
    let _silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut noise = tokio::net::TcpStream::connect(&address).await.unwrap();
    noise.write_all(&[0xff; 4096]).await.unwrap();
    let link = links().member(NodeId(2), &address, Lane::Heartbeat);
    assert_eq!(
        link.call(b"beat", deadline()).await.unwrap(),
        b"beat".as_slice()
    );
}

#[tokio::test]
async fn attack_silent_connections_above_the_limit_do_not_keep_members_out() {
    // given more silent connections than the limit of authenticated ones
    let (server, _gate) = server("127.0.0.1:0").await;
    let address = server.address().to_string();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    // then a member connects, although all of them are still open
    let link = links().member(NodeId(2), &address, Lane::Heartbeat);
    assert_eq!(
        link.call(b"beat", deadline()).await.unwrap(),
        b"beat".as_slice()
    );
    drop(silent);
}
