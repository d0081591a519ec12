//! Tests of requests and transfers, each over both transports.

#![allow(clippy::unwrap_used)]

mod loss;
mod requests;
mod slow;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::ask::WORK_DEADLINE;
use super::*;

const BIG: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Question {
    Echo(String),
    /// Hash the body of this length.
    Hash(u64),
    /// Send the content from this offset on.
    Fetch {
        offset: u64,
    },
    /// Work until the test notifies `go_on`.
    Wait,
    /// Answer before the body has arrived.
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
