//! Both transports keep the same promises; each test runs over each of them.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::ask::{ACK_DEADLINE, WORK_DEADLINE};
use super::frame::{MESSAGE_LIMIT, SILENCE};
use super::transfer::CHUNK;
use super::transport::CONNECT_DEADLINE;
use super::*;

const BIG: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Question {
    Echo(String),
    /// Hash the body after this.
    Hash(u64),
    /// The content from this offset on; the connection is cut when told so.
    Fetch {
        offset: u64,
    },
    /// Work until the test lets go.
    Wait,
    /// Say no before the body has come.
    Refuse(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reply {
    Echo(String),
    Hash([u8; 32]),
    Content { content: Content, body: u64 },
    No,
}

impl PeerMessage for Question {
    fn body_length(&self) -> u64 {
        match self {
            Question::Hash(length) | Question::Refuse(length) => *length,
            _ => 0,
        }
    }
}

impl PeerMessage for Reply {
    fn body_length(&self) -> u64 {
        match self {
            Reply::Content { body, .. } => *body,
            _ => 0,
        }
    }
}

#[derive(Default)]
struct Answering {
    reject: bool,
    content: Bytes,
    waiting: Notify,
    go_on: Notify,
    finished: AtomicBool,
}

impl Handler<Question, Reply> for Answering {
    fn admits(&self, _device: &DeviceKey) -> bool {
        !self.reject
    }

    async fn handle(
        &self,
        _from: DeviceKey,
        question: Question,
        body: Option<ReceivedBody>,
    ) -> Answer<Reply> {
        Answer::message(match question {
            Question::Echo(text) => Reply::Echo(text),
            Question::Hash(_) => match body.unwrap().collect(BIG as u64).await {
                Ok(bytes) => Reply::Hash(*blake3::hash(&bytes).as_bytes()),
                Err(_) => Reply::No,
            },
            Question::Fetch { offset } => {
                let source = Source::of_bytes(self.content.clone()).unwrap();
                let body = source.body_from(offset).await.unwrap().unwrap();
                let message = Reply::Content {
                    content: source.content(),
                    body: body.length(),
                };
                return Answer::with_body(message, body);
            }
            Question::Wait => {
                self.waiting.notify_one();
                self.go_on.notified().await;
                self.finished.store(true, Ordering::SeqCst);
                Reply::No
            }
            Question::Refuse(_) => Reply::No,
        })
    }
}

/// Two devices on one network, and a server on the second.
struct Pair {
    asker: Arc<dyn PeerTransport>,
    server: Arc<dyn PeerTransport>,
    serving: JoinHandle<()>,
    handler: Arc<Answering>,
    network: Option<Arc<MemoryNetwork>>,
}

impl Pair {
    async fn iroh(handler: Answering) -> Self {
        Self::new(listen(1).await, listen(2).await, handler, None)
    }

    async fn memory(handler: Answering) -> Self {
        let network = MemoryNetwork::new();
        let (asker, server) = (network.bind([1; 32]), network.bind([2; 32]));
        Self::new(asker, server, handler, Some(network))
    }

    async fn both(handler: impl Fn() -> Answering) -> [Self; 2] {
        [Self::memory(handler()).await, Self::iroh(handler()).await]
    }

    fn new(
        asker: Arc<dyn PeerTransport>,
        server: Arc<dyn PeerTransport>,
        handler: Answering,
        network: Option<Arc<MemoryNetwork>>,
    ) -> Self {
        let handler = Arc::new(handler);
        let serving = tokio::spawn(serve(Arc::clone(&server), Arc::clone(&handler)));
        Self {
            asker,
            server,
            serving,
            handler,
            network,
        }
    }

    fn address(&self) -> PeerAddress {
        PeerAddress {
            device: self.server.device(),
            direct: self.server.local_addresses(),
        }
    }

    async fn ask(
        &self,
        question: Question,
        body: Option<Body>,
    ) -> Result<(Reply, Option<ReceivedBody>), AskError> {
        let address = self.address();
        ask(&*self.asker, &address, &question, body, WORK_DEADLINE).await
    }
}

async fn listen(seed: u8) -> Arc<IrohTransport> {
    let binding = IrohBinding {
        seed: Zeroizing::new([seed; 32]),
        bind: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        advertise_loopback: true,
    };
    IrohTransport::bind(binding).await.unwrap()
}

fn content(length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    blake3::Hasher::new()
        .update(b"content")
        .finalize_xof()
        .fill(&mut bytes);
    bytes.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered() {
    for pair in Pair::both(Answering::default).await {
        for text in ["", "how do you do", &"x".repeat(60_000)] {
            let (reply, body) = pair.ask(Question::Echo(text.into()), None).await.unwrap();
            assert_eq!(reply, Reply::Echo(text.into()));
            assert!(body.is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_bound_to_all_interfaces_is_reached_over_loopback_when_told_so() {
    let everywhere = |advertise_loopback, seed| {
        IrohTransport::bind(IrohBinding {
            seed: Zeroizing::new([seed; 32]),
            bind: Vec::new(),
            advertise_loopback,
        })
    };
    let quiet = everywhere(false, 3).await.unwrap();
    assert!(
        quiet
            .local_addresses()
            .iter()
            .all(|address| !address.ip().is_loopback())
    );
    let server = everywhere(true, 4).await.unwrap();
    let loopback: Vec<_> = server
        .local_addresses()
        .into_iter()
        .filter(|address| address.ip().is_loopback())
        .collect();
    assert_eq!(loopback.len(), 1);
    let pair = Pair::new(quiet, server, Answering::default(), None);
    let address = PeerAddress {
        device: pair.server.device(),
        direct: loopback,
    };
    let question = Question::Echo("here".into());
    let (reply, _) = ask::<_, Reply>(&*pair.asker, &address, &question, None, ACK_DEADLINE)
        .await
        .unwrap();
    assert_eq!(reply, Reply::Echo("here".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn big_bodies_arrive_bit_by_bit_both_ways() {
    let content = content(BIG);
    let handler = || Answering {
        content: content.clone(),
        ..Answering::default()
    };
    for pair in Pair::both(handler).await {
        let question = Question::Hash(BIG as u64);
        let (reply, _) = pair
            .ask(question, Some(Body::bytes(content.clone())))
            .await
            .unwrap();
        assert_eq!(reply, Reply::Hash(*blake3::hash(&content).as_bytes()));

        let directory = tempfile::tempdir().unwrap();
        let mut partial =
            Partial::open(directory.path(), Content::of(&content), BIG as u64).unwrap();
        let (_, body) = pair.ask(Question::Fetch { offset: 0 }, None).await.unwrap();
        let mut steps = Vec::new();
        let progress = |done| steps.push(done);
        partial.receive(body.unwrap(), progress).await.unwrap();
        let target = directory.path().join("carrier.png");
        partial.finish(target.clone()).await.unwrap();
        assert!(std::fs::read(target).unwrap() == content);
        assert_eq!(steps.len() as u64, BIG as u64 / CHUNK);
        assert_eq!(steps.last(), Some(&(BIG as u64)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_transfer_goes_on_where_it_ended() {
    let content = content(BIG);
    let handler = || Answering {
        content: content.clone(),
        ..Answering::default()
    };
    for pair in Pair::both(handler).await {
        let directory = tempfile::tempdir().unwrap();
        let open = || Partial::open(directory.path(), Content::of(&content), BIG as u64).unwrap();
        let mut partial = open();
        let (_, body) = pair.ask(Question::Fetch { offset: 0 }, None).await.unwrap();
        // The asker goes away after two chunks, in the middle of the third.
        let (two, mut seen) = tokio::sync::watch::channel(0);
        let receiving = partial.receive(body.unwrap(), |done| drop(two.send(done)));
        tokio::select! {
            biased;
            _ = seen.wait_for(|done| *done >= 2 * CHUNK) => {}
            _ = receiving => panic!("8 MB came in one step"),
        }
        drop(partial);

        let mut partial = open();
        let offset = partial.offset();
        assert!((2 * CHUNK..BIG as u64).contains(&offset), "offset {offset}");
        let (reply, body) = pair.ask(Question::Fetch { offset }, None).await.unwrap();
        let Reply::Content { body: sent, .. } = reply else {
            panic!("{reply:?}")
        };
        assert!(sent < BIG as u64);
        partial.receive(body.unwrap(), |_| {}).await.unwrap();
        let target = directory.path().join("carrier.png");
        partial.finish(target.clone()).await.unwrap();
        assert!(std::fs::read(target).unwrap() == content);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_comes_back_before_the_body_has_gone() {
    for pair in Pair::both(Answering::default).await {
        let length = 64 * BIG as u64;
        let endless = Body::reader(length, tokio::io::repeat(7));
        let (reply, _) = pair
            .ask(Question::Refuse(length), Some(endless))
            .await
            .unwrap();
        assert_eq!(reply, Reply::No);
    }
}

/// What the asker hears when these bytes are all he sends.
async fn answer_to(pair: &Pair, bytes: &[u8]) -> Option<transport::Refusal> {
    let mut exchange = pair
        .asker
        .connect(&pair.address(), CONNECT_DEADLINE)
        .await
        .unwrap();
    exchange.writer.write_all(bytes).await.unwrap();
    exchange.writer.shutdown().await.unwrap();
    match frame::read_frame(&mut exchange.reader).await {
        Err(FrameError::Io(error)) => transport::Refusal::of(&error),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_not_exactly_right_are_refused() {
    let good = frame::encode(&Question::Echo("ada".into())).unwrap();
    let mut trailing_in_stream = good.clone();
    trailing_in_stream.push(0);
    let mut trailing_in_frame = trailing_in_stream.clone();
    trailing_in_frame[0] += 1;
    let oversized = (MESSAGE_LIMIT as u32 + 1).to_le_bytes().to_vec();
    let unknown = vec![1, 0, 0, 0, 99];
    let ping = vec![0; 4];
    for pair in Pair::both(Answering::default).await {
        assert_eq!(answer_to(&pair, &good).await, None);
        for bad in [
            &trailing_in_stream,
            &trailing_in_frame,
            &oversized,
            &unknown,
            &ping,
        ] {
            let answer = answer_to(&pair, bad).await;
            assert_eq!(answer, Some(transport::Refusal::Malformed), "{bad:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_goes_on_after_its_length_is_refused() {
    for pair in Pair::both(Answering::default).await {
        let mut bytes = frame::encode(&Question::Hash(3)).unwrap();
        bytes.extend(b"abcd");
        let mut exchange = pair
            .asker
            .connect(&pair.address(), CONNECT_DEADLINE)
            .await
            .unwrap();
        exchange.writer.write_all(&bytes).await.unwrap();
        exchange.writer.shutdown().await.unwrap();
        let reply = loop {
            match frame::read_frame(&mut exchange.reader).await.unwrap() {
                frame::Frame::Ping => {}
                frame::Frame::Message(bytes) => break frame::decode::<Reply>(&bytes).unwrap(),
            }
        };
        assert_eq!(reply, Reply::No);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_not_admitted_is_told_so() {
    let handler = || Answering {
        reject: true,
        ..Answering::default()
    };
    for pair in Pair::both(handler).await {
        let answer = pair.ask(Question::Echo("let me in".into()), None).await;
        assert!(matches!(answer, Err(AskError::Rejected)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_device_at_the_address_is_not_taken_for_the_peer() {
    for pair in Pair::both(Answering::default).await {
        let someone_else = PeerAddress {
            device: match pair.network {
                Some(_) => [9; 32],
                None => listen(9).await.device(),
            },
            direct: pair.server.local_addresses(),
        };
        let question = Question::Echo("who are you".into());
        let answer =
            ask::<_, Reply>(&*pair.asker, &someone_else, &question, None, ACK_DEADLINE).await;
        assert!(matches!(answer, Err(AskError::WrongIdentity)), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_has_gone_is_unreachable_within_the_deadline() {
    for pair in Pair::both(Answering::default).await {
        let address = pair.address();
        pair.server.close().await;
        pair.serving.await.unwrap();
        drop(pair.server);
        let question = Question::Echo("anyone".into());
        let deadline = Duration::from_secs(1);
        let asked = ask::<_, Reply>(&*pair.asker, &address, &question, None, deadline).await;
        let error = asked.unwrap_err();
        assert!(matches!(error, AskError::Unreachable(_)), "{error:?}");
        assert!(error.is_offline());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_is_not_taken_for_death() {
    for pair in Pair::both(Answering::default).await {
        let go_on = async {
            pair.handler.waiting.notified().await;
            // Not a synchronisation: this is how long the work takes.
            tokio::time::sleep(SILENCE + SILENCE / 5).await;
            pair.handler.go_on.notify_one();
        };
        let (answer, ()) = tokio::join!(pair.ask(Question::Wait, None), go_on);
        assert_eq!(answer.unwrap().0, Reply::No);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_when_the_asker_has_gone() {
    for pair in Pair::both(Answering::default).await {
        tokio::select! {
            biased;
            answer = pair.ask(Question::Wait, None) => panic!("{answer:?}"),
            () = pair.handler.waiting.notified() => {}
        }
        pair.handler.go_on.notify_one();
        tokio::time::timeout(Duration::from_secs(20), async {
            while !pair.handler.finished.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn a_device_that_dies_silently_in_memory_is_noticed() {
    let pair = Pair::memory(Answering::default()).await;
    let kill = async {
        pair.handler.waiting.notified().await;
        let network = pair.network.as_ref().unwrap();
        network.kill(&pair.server.device());
    };
    let (answer, ()) = tokio::join!(pair.ask(Question::Wait, None), kill);
    assert!(matches!(answer, Err(AskError::Lost(_))), "{answer:?}");
}

const CHILD: &str = "CAMEO_TEST_PEER_CHILD";

/// Not a test of its own: the process that the next test kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_serves_until_it_is_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let pair = Pair::iroh(Answering::default()).await;
    println!(
        "\naddress {}",
        serde_json::to_string(&pair.address()).unwrap()
    );
    pair.handler.waiting.notified().await;
    println!("\nworking");
    std::io::stdout().flush().unwrap();
    pair.serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_noticed_while_it_owes_an_answer() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg("peer::tests::child_that_serves_until_it_is_killed")
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address: PeerAddress = lines
        .by_ref()
        .find_map(|line| serde_json::from_str(line.unwrap().strip_prefix("address ")?).ok())
        .unwrap();
    let asker = listen(1).await;
    let killing = tokio::task::spawn_blocking(move || {
        lines
            .by_ref()
            .find(|line| line.as_ref().unwrap() == "working");
        child.kill().unwrap();
        child.wait().unwrap();
        std::time::Instant::now()
    });
    let asked = ask::<_, Reply>(&*asker, &address, &Question::Wait, None, WORK_DEADLINE).await;
    let noticed = std::time::Instant::now();
    assert!(matches!(asked, Err(AskError::Lost(_))), "{asked:?}");
    let after = noticed.duration_since(killing.await.unwrap());
    println!("noticed {} ms after the kill", after.as_millis());
}
