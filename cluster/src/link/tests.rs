//! Two ends over real loopback TCP.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use cameo_common::ids::{ClusterId, NodeId};

use super::*;

const CLUSTER: ClusterId = ClusterId([5; 32]);

struct Member;
impl Admission for Member {
    fn cluster(&self) -> Option<ClusterId> {
        Some(CLUSTER)
    }
    fn key_of(&self, _node: NodeId) -> KnownKey {
        KnownKey::Unknown
    }
}

fn identity(node: u64) -> Identity {
    Identity {
        node: NodeId(node),
        keys: Arc::new(NodeKeys::generate().unwrap()),
        secret: Arc::new(ClusterSecret::from_bytes(vec![1; 32]).unwrap()),
        admission: Arc::new(Member),
    }
}

/// Answers with the request; `hold` waits for `gate`, `count` with its number in order of arrival.
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

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn a_held_request_holds_up_no_other_and_gets_its_own_reply() {
    let (server, gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::Log);
    link.ready(soon()).await.unwrap();
    let held = link.start(b"hold").unwrap();
    for n in 0..100u8 {
        assert_eq!(link.call(&[n], soon()).await.unwrap(), [n].as_slice());
    }
    gate.add_permits(1);
    assert_eq!(held.until(soon()).await.unwrap(), b"hold".as_slice());
}

#[tokio::test]
async fn requests_are_served_in_the_order_they_were_started() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::Log);
    link.ready(soon()).await.unwrap();
    let started: Vec<_> = (0..1000).map(|_| link.start(b"count").unwrap()).collect();
    for (n, pending) in started.into_iter().enumerate() {
        let reply = pending.until(soon()).await.unwrap();
        assert_eq!(reply, (n as u64).to_le_bytes().as_slice());
    }
}

#[tokio::test]
async fn the_largest_frame_passes_and_a_larger_one_is_never_sent() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let links = links();
    let bulk = links.member(NodeId(2), &server.address().to_string(), Lane::Bulk);
    let largest = vec![7; MAX_BODY_BYTES];
    assert_eq!(bulk.call(&largest, soon()).await.unwrap(), largest);
    let error = bulk
        .call(&vec![7; MAX_BODY_BYTES + 1], soon())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::TooLarge(_)) && error.surely_not_done());
}

#[tokio::test]
async fn what_is_denied_was_not_done_and_what_ran_out_of_time_may_have_been() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let link = links().member(NodeId(2), &server.address().to_string(), Lane::App);
    let denied = link.call(b"deny", soon()).await.unwrap_err();
    assert!(matches!(&denied, CallError::Denied(why) if why == "not here"));
    assert!(denied.surely_not_done());
    let short = Instant::now() + Duration::from_millis(50);
    let late = link.call(b"hold", short).await.unwrap_err();
    assert!(matches!(late, CallError::TimedOut) && !late.surely_not_done());
}

#[tokio::test]
async fn a_lost_connection_fails_what_was_under_way_and_is_made_again() {
    let (first, _gate) = server("127.0.0.1:0").await;
    let address = first.address().to_string();
    let link = links().member(NodeId(2), &address, Lane::Log);
    link.ready(soon()).await.unwrap();
    let held = link.start(b"hold").unwrap();
    first.close().await;
    let lost = held.until(soon()).await.unwrap_err();
    assert!(matches!(lost, CallError::Lost) && !lost.surely_not_done());

    // Nobody there: refused at once or after a pause, and certainly not done.
    let error = link.call(b"again", soon()).await.unwrap_err();
    assert!(error.surely_not_done(), "{error}");

    let (_second, _gate) = server(&address).await;
    let end = soon();
    loop {
        match link.call(b"again", soon()).await {
            Ok(reply) => break assert_eq!(reply, b"again".as_slice()),
            Err(error) => assert!(error.surely_not_done() && Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_full_lane_does_not_hold_up_another() {
    let (server, gate) = server("127.0.0.1:0").await;
    let (links, address) = (links(), server.address().to_string());
    let log = links.member(NodeId(2), &address, Lane::Log);
    log.ready(soon()).await.unwrap();
    let held: Vec<_> = (0..MAX_IN_FLIGHT)
        .map(|_| log.start(b"hold").unwrap())
        .collect();
    let error = log.start(b"one more").unwrap_err();
    assert!(matches!(error, CallError::Busy) && error.surely_not_done());
    let beat = links.member(NodeId(2), &address, Lane::Beat);
    assert_eq!(
        beat.call(b"beat", soon()).await.unwrap(),
        b"beat".as_slice()
    );
    gate.add_permits(MAX_IN_FLIGHT);
    for pending in held {
        pending.until(soon()).await.unwrap();
    }
}

#[tokio::test]
async fn noise_and_silence_on_the_port_disturb_nobody() {
    let (server, _gate) = server("127.0.0.1:0").await;
    let address = server.address().to_string();
    let _silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut noise = tokio::net::TcpStream::connect(&address).await.unwrap();
    noise.write_all(&[0xff; 4096]).await.unwrap();
    let link = links().member(NodeId(2), &address, Lane::Beat);
    assert_eq!(
        link.call(b"beat", soon()).await.unwrap(),
        b"beat".as_slice()
    );
}

#[tokio::test]
async fn more_silent_connections_than_there_are_places_keep_no_member_out() {
    // given more of them than even members may have
    let (server, _gate) = server("127.0.0.1:0").await;
    let address = server.address().to_string();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    // then a member comes in all the same, although none of them has gone
    let link = links().member(NodeId(2), &address, Lane::Beat);
    assert_eq!(
        link.call(b"beat", soon()).await.unwrap(),
        b"beat".as_slice()
    );
    drop(silent);
}
