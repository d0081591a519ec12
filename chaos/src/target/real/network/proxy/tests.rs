//! Rules on real sockets. This process is the node that opens links.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_harness::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Proxies;
use crate::faults::Link;
use crate::target::real::network::Rule;

const DEADLINE: Duration = Duration::from_secs(30);
/// More than what a proxy and the kernel keep between them at first.
const MUCH: usize = 1024 * 1024;
const CUT: Rule = Rule {
    cut: true,
    delay: Duration::ZERO,
    loss: 0,
    reorder: 0,
    bytes_per_second: None,
};

fn link(from: u64, to: u64) -> [Link; 1] {
    [Link {
        from: NodeId(from),
        to: NodeId(to),
    }]
}

fn is_now(proxies: &Proxies, node: u64) {
    let this = || Ok::<_, Infallible>(Some(std::process::id()));
    let Ok(()) = proxies.launch(NodeId(node), this);
}

/// A node that listens behind a proxy.
struct Listening {
    listener: TcpListener,
    advertised: SocketAddr,
}

impl Listening {
    async fn behind(proxies: &Proxies, node: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let to = listener.local_addr().expect("bound");
        let advertised = proxies.attach(NodeId(node), to).expect("a port");
        Self {
            listener,
            advertised,
        }
    }

    async fn dial(&self) -> TcpStream {
        let dialed = TcpStream::connect(self.advertised).await;
        dialed.expect("connected")
    }

    async fn accept(&self) -> TcpStream {
        let accepted = tokio::time::timeout(DEADLINE, self.listener.accept()).await;
        accepted.expect("in time").expect("accepted").0
    }

    /// Both ends of a new connection.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let dialed = self.dial().await;
        (dialed, self.accept().await)
    }
}

async fn sends(from: &mut TcpStream, to: &mut TcpStream, what: &[u8]) {
    from.write_all(what).await.expect("sent");
    assert_eq!(read(to, what.len()).await, what);
}

async fn read(from: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let read = tokio::time::timeout(DEADLINE, from.read_exact(&mut bytes)).await;
    read.expect("in time").expect("read");
    bytes
}

async fn read_end(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(DEADLINE, from.read_to_end(&mut bytes)).await;
    read.expect("in time").map(|_| bytes)
}

fn has_nothing(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0; 1]);
    read.is_err_and(|why| why.kind() == ErrorKind::WouldBlock)
}

async fn held(proxies: &Proxies, on: [Link; 1], at_least: u64) {
    let held = until("chunks to be held", DEADLINE, async || {
        (proxies.counts(&on).held >= at_least).then_some(())
    });
    held.await.expect("held");
}

#[tokio::test]
async fn given_a_cut_link_when_both_ends_send_then_it_stands_still_and_loses_nothing() {
    let proxies = Proxies::start(1).expect("a thread");
    is_now(&proxies, 1);
    let two = Listening::behind(&proxies, 2).await;
    let three = Listening::behind(&proxies, 3).await;
    let (mut asks, mut answers) = two.connect().await;
    let (mut other, mut other_end) = three.connect().await;
    sends(&mut asks, &mut answers, b"before").await;
    sends(&mut answers, &mut asks, b"before").await;

    proxies.set(&link(1, 2), CUT);
    let much: Vec<u8> = (0..MUCH).map(|at| (at % 251) as u8).collect();
    answers.write_all(b"answer").await.expect("sent");
    held(&proxies, link(1, 2), 1).await;
    let (mut back, mut there) = asks.into_split();
    let sent = much.clone();
    let sending = tokio::spawn(async move {
        there.write_all(&sent).await.expect("sent");
        there
    });
    held(&proxies, link(1, 2), 2).await;
    // The other link goes on meanwhile.
    sends(&mut other, &mut other_end, b"elsewhere").await;
    sends(&mut other_end, &mut other, b"elsewhere").await;
    assert!(has_nothing(&answers));
    let nothing = back.try_read(&mut [0; 1]).expect_err("nothing");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);

    proxies.set(&link(1, 2), Rule::default());
    assert!(read(&mut answers, MUCH).await == much, "all bytes in order");
    let mut answer = [0; 6];
    back.read_exact(&mut answer).await.expect("read");
    assert_eq!(&answer, b"answer");
    sending.await.expect("sent");
}

#[tokio::test]
async fn given_a_cut_link_when_it_is_opened_then_it_is_not_refused_and_not_there_before_it_heals() {
    let proxies = Proxies::start(1).expect("a thread");
    is_now(&proxies, 1);
    let two = Listening::behind(&proxies, 2).await;
    proxies.set(&link(1, 2), CUT);
    let given_up = two.dial().await;
    held(&proxies, link(1, 2), 1).await;
    drop(given_up);
    // Its end has been read.
    held(&proxies, link(1, 2), 2).await;
    let mut waits = two.dial().await;
    waits.write_all(b"hello").await.expect("sent");
    held(&proxies, link(1, 2), 4).await;
    assert!(has_nothing(&waits));

    proxies.set(&link(1, 2), Rule::default());
    // Who gave up never reaches the node.
    let mut accepted = two.accept().await;
    assert_eq!(read(&mut accepted, 5).await, b"hello");
    sends(&mut accepted, &mut waits, b"welcome").await;
}

#[tokio::test]
async fn given_a_one_way_cut_when_both_open_links_then_those_of_the_other_go_on() {
    let proxies = Proxies::start(1).expect("a thread");
    let one = Listening::behind(&proxies, 1).await;
    let two = Listening::behind(&proxies, 2).await;
    is_now(&proxies, 1);
    let (mut of_one, end_of_one) = two.connect().await;
    is_now(&proxies, 2);
    let (mut of_two, mut end_of_two) = one.connect().await;

    proxies.set(&link(1, 2), CUT);
    of_one.write_all(b"nothing").await.expect("sent");
    held(&proxies, link(1, 2), 1).await;
    sends(&mut of_two, &mut end_of_two, b"there").await;
    sends(&mut end_of_two, &mut of_two, b"back").await;
    assert!(has_nothing(&end_of_one));
    assert_eq!(proxies.counts(&link(2, 1)).touched(), 0);
}

#[tokio::test]
async fn given_delay_and_then_loss_when_much_is_sent_then_it_is_touched_and_arrives_in_order() {
    let proxies = Proxies::start(7).expect("a thread");
    is_now(&proxies, 1);
    let two = Listening::behind(&proxies, 2).await;
    let (mut asks, mut answers) = two.connect().await;
    let delayed = Rule {
        delay: Duration::from_millis(20),
        ..Rule::default()
    };
    proxies.set(&link(1, 2), delayed);
    for part in [b"first.", b"second", b"third."] {
        sends(&mut asks, &mut answers, part).await;
    }
    let counts = proxies.counts(&link(1, 2));
    assert!(counts.held >= 3 && counts.lost == 0, "{counts:?}");

    let lossy = Rule {
        loss: 20,
        ..Rule::default()
    };
    proxies.set(&link(1, 2), lossy);
    let much: Vec<u8> = (0..MUCH).map(|at| (at % 241) as u8).collect();
    let sent = much.clone();
    let sending = tokio::spawn(async move {
        asks.write_all(&sent).await.expect("sent");
        asks
    });
    let lost = until("packets to be lost", DEADLINE, async || {
        (proxies.counts(&link(1, 2)).lost > 0).then_some(())
    });
    lost.await.expect("lost");
    proxies.set(&link(1, 2), Rule::default());
    assert!(read(&mut answers, MUCH).await == much, "all bytes in order");
    sending.await.expect("sent");
}

#[tokio::test]
async fn given_a_connection_when_an_end_ends_it_then_the_other_sees_the_same_end() {
    let proxies = Proxies::start(1).expect("a thread");
    is_now(&proxies, 1);
    let two = Listening::behind(&proxies, 2).await;

    let (mut asks, mut answers) = two.connect().await;
    asks.write_all(b"last words").await.expect("sent");
    asks.shutdown().await.expect("ended");
    let read = read_end(&mut answers).await.expect("ended in order");
    assert_eq!(read, b"last words");
    sends(&mut answers, &mut asks, b"half open").await;
    drop(answers);
    assert_eq!(read_end(&mut asks).await.expect("ended in order"), b"");

    let (asks, mut answers) = two.connect().await;
    asks.set_zero_linger().expect("set");
    drop(asks);
    let reset = read_end(&mut answers).await.expect_err("reset");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);

    let (mut asks, answers) = two.connect().await;
    answers.set_zero_linger().expect("set");
    drop(answers);
    let reset = read_end(&mut asks).await.expect_err("reset");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn given_a_node_that_does_not_run_when_it_is_dialed_then_that_is_reset_and_not_silent() {
    let proxies = Proxies::start(1).expect("a thread");
    is_now(&proxies, 1);
    let Listening {
        listener,
        advertised,
    } = Listening::behind(&proxies, 2).await;
    drop(listener);
    let mut dialed = TcpStream::connect(advertised).await.expect("connected");
    let reset = read_end(&mut dialed).await.expect_err("reset");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn given_a_process_that_is_no_node_when_links_are_cut_then_it_is_not_struck() {
    let proxies = Proxies::start(1).expect("a thread");
    let two = Listening::behind(&proxies, 2).await;
    proxies.set(&[link(1, 2), link(2, 2)].concat(), CUT);
    let (mut asks, mut answers) = two.connect().await;
    sends(&mut asks, &mut answers, b"a command").await;
}

#[tokio::test]
async fn given_cut_links_when_the_proxies_are_dropped_then_all_connections_and_ports_are_gone() {
    let proxies = Proxies::start(1).expect("a thread");
    is_now(&proxies, 1);
    let two = Listening::behind(&proxies, 2).await;
    let (mut asks, mut answers) = two.connect().await;
    proxies.set(&link(1, 2), CUT);
    asks.write_all(b"held").await.expect("sent");
    held(&proxies, link(1, 2), 1).await;
    drop(proxies);
    assert!(
        read_end(&mut answers)
            .await
            .is_ok_and(|read| read.is_empty())
    );
    assert!(read_end(&mut asks).await.is_ok_and(|read| read.is_empty()));
    let refused = TcpStream::connect(two.advertised).await;
    assert_eq!(
        refused.expect_err("refused").kind(),
        ErrorKind::ConnectionRefused
    );
}
