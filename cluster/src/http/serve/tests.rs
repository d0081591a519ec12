#![allow(clippy::unwrap_used)]

use axum::body::Bytes;
use axum::routing::{get, post};
use cameo_common::keys::SigningKey;
use cameo_tls::Expected;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::*;
use crate::link::TcpTransport;

/// Longer than any wait of a test that passes.
const DEADLINE: Duration = Duration::from_secs(30);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: node\r\n\r\n";

/// A served port: `/` says hello, `/slow` waits for `go`, and `POST /` wants a body.
struct Served {
    address: SocketAddr,
    /// A message for each call of `/slow` that has begun.
    begun: mpsc::UnboundedReceiver<()>,
    go: Arc<Notify>,
    end: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

async fn serve_with(change: impl FnOnce(&mut ServeLimits)) -> Served {
    serve_by(Security::Plain, change).await
}

async fn serve_by(security: Security, change: impl FnOnce(&mut ServeLimits)) -> Served {
    let mut limits = ServeLimits::default();
    change(&mut limits);
    let transport = TcpTransport::shared();
    let listener = transport.listen("127.0.0.1:0".to_owned()).await.unwrap();
    let port = HttpPort::new(listener, limits, security).unwrap();
    let address = port.address();
    let go = Arc::new(Notify::new());
    let until_go = Arc::clone(&go);
    let (begin, begun) = mpsc::unbounded_channel();
    let slow = get(move || async move {
        begin.send(()).unwrap();
        until_go.notified().await;
    });
    let body = post(async |body: Bytes| body);
    let router = Router::new()
        .route("/", get(async || "hello").merge(body))
        .route("/slow", slow);
    let (end, ends) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(port, router, async {
        let _ended = ends.await;
    }));
    Served {
        address,
        begun,
        go,
        end,
        serving,
    }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A call in progress.
    async fn slow(&mut self) -> TcpStream {
        let mut client = self.connect().await;
        let call = b"GET /slow HTTP/1.1\r\n\r\n";
        client.write_all(call).await.unwrap();
        let begun = timeout(DEADLINE, self.begun.recv()).await;
        begun.expect("the call begins").unwrap();
        client
    }

    /// Connections of which the node has accepted all.
    async fn idle(&self, number: usize) -> Vec<TcpStream> {
        let mut idle = Vec::new();
        for _ in 0..number {
            let mut client = self.connect().await;
            assert_eq!(reply(&mut client, GET).await.as_deref(), Some("hello"));
            idle.push(client);
        }
        idle
    }
}

/// Sends a request; the body of its reply, None when the connection is closed.
async fn reply(client: &mut TcpStream, request: &[u8]) -> Option<String> {
    client.write_all(request).await.ok()?;
    answer(client).await
}

async fn answer(client: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let whole = async {
        loop {
            let mut piece = [0; 1024];
            let count = client
                .read(&mut piece)
                .await
                .ok()
                .filter(|count| *count > 0)?;
            read.extend_from_slice(&piece[..count]);
            let text = String::from_utf8_lossy(&read).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split_once("content-length: ")?.1;
                let length: usize = length.lines().next()?.parse().ok()?;
                if body.len() >= length {
                    return Some(body.to_owned());
                }
            }
        }
    };
    timeout(DEADLINE, whole).await.expect("an answer in time")
}

async fn is_closed(client: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset closes it too.
    timeout(DEADLINE, client.read_to_end(&mut rest))
        .await
        .is_ok()
}

#[tokio::test]
async fn attack_idle_connections_of_one_source_do_not_make_the_api_deaf() {
    // given one source with all the connections that there are, most of them without a request
    let node = serve_with(|limits| (limits.connections, limits.from_one_source) = (8, 4)).await;
    let mut idle = node.idle(20).await;
    let mut slow = node.connect().await;
    slow.write_all(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n12")
        .await
        .unwrap();
    // when the same source calls again, then it is answered
    let mut call = node.connect().await;
    assert_eq!(reply(&mut call, GET).await.as_deref(), Some("hello"));
    // and so the oldest idle ones are closed
    assert!(is_closed(&mut idle[0]).await);
    // but not the one whose request is arriving
    assert_eq!(
        reply(&mut slow, b"3456789").await.as_deref(),
        Some("123456789")
    );
}

#[tokio::test]
async fn attack_half_heads_and_half_bodies_do_not_make_the_api_deaf() {
    let node = serve_with(|limits| (limits.connections, limits.from_one_source) = (4, 4)).await;
    let mut half = Vec::new();
    for request in [
        &b"GET / HTTP/1.1\r\nho"[..],
        b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n12",
    ] {
        for _ in 0..8 {
            let mut client = node.connect().await;
            // It may be closed already.
            let _sent = client.write_all(request).await;
            half.push(client);
        }
    }
    let mut call = node.connect().await;
    assert_eq!(reply(&mut call, GET).await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_connection_that_is_being_answered_is_not_evicted() {
    // given the share of a source, all of it calls in progress
    let mut node = serve_with(|limits| limits.from_one_source = 2).await;
    let mut slow = [node.slow().await, node.slow().await];
    // when the source connects again, then it is refused
    let mut refused = node.connect().await;
    assert_eq!(reply(&mut refused, GET).await, None);
    // and the calls are answered
    for client in &mut slow {
        node.go.notify_one();
        assert_eq!(answer(client).await.as_deref(), Some(""));
    }
}

#[tokio::test]
async fn attack_a_head_that_does_not_arrive_ends_its_connection() {
    let node = serve_with(|limits| limits.head = Duration::from_millis(50)).await;
    // given a connection without a word, one with half a head, and one that is idle after a reply
    let mut silent = node.connect().await;
    let mut half = node.connect().await;
    half.write_all(b"GET / HT").await.unwrap();
    let mut idle = node.idle(1).await.remove(0);
    for client in [&mut silent, &mut half, &mut idle] {
        assert!(is_closed(client).await);
    }
}

#[tokio::test]
async fn attack_a_client_that_reads_nothing_ends_its_connection() {
    let node = serve_with(|limits| limits.write_stall = Duration::from_millis(50)).await;
    let mut client = node.connect().await;
    // when it sends requests for ever, and takes no reply
    let body = vec![b'x'; 64 << 10];
    let mut request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
    request.push_str(&String::from_utf8(body).unwrap());
    let refused = async { while client.write_all(request.as_bytes()).await.is_ok() {} };
    // then it is closed
    timeout(DEADLINE, refused).await.expect("the end");
}

#[tokio::test]
async fn an_end_closes_what_is_idle_and_finishes_the_calls_in_progress() {
    let mut node = serve_with(|_| {}).await;
    let mut idle = node.idle(1).await.remove(0);
    let mut half = node.connect().await;
    half.write_all(b"GET / HT").await.unwrap();
    let mut slow = node.slow().await;
    // when the end comes while one call is in progress
    let (go, serving) = (node.go, node.serving);
    node.end.send(()).unwrap();
    assert!(is_closed(&mut idle).await && is_closed(&mut half).await);
    go.notify_one();
    // then that call is answered, and nothing is left
    assert_eq!(answer(&mut slow).await.as_deref(), Some(""));
    timeout(DEADLINE, serving).await.expect("the end").unwrap();
}

fn tls() -> Security {
    let key = Arc::new(SigningKey::from_seed([1; 32]));
    let config = cameo_tls::server(key, cameo_tls::API_ALPN).unwrap();
    Security::Tls(TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn attack_handshakes_that_do_not_go_on_do_not_make_the_api_deaf() {
    // given one source with all the places, each of them in the middle of a handshake
    let few = |limits: &mut ServeLimits| (limits.connections, limits.from_one_source) = (8, 4);
    let node = serve_by(tls(), few).await;
    let mut half = Vec::new();
    for _ in 0..20 {
        let mut client = node.connect().await;
        // The first bytes of a record. It may be closed already.
        let _sent = client.write_all(&[0x16, 0x03, 0x01, 0x02]).await;
        half.push(client);
    }
    // when a client comes with a whole one, then it is answered
    let key = Arc::new(SigningKey::from_seed([2; 32]));
    let expected = Expected::This(SigningKey::from_seed([1; 32]).public());
    let config = cameo_tls::client(key, expected, cameo_tls::API_ALPN).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let name = "127.0.0.1".try_into().unwrap();
    let connecting = connector.connect(name, node.connect().await);
    let mut client = timeout(DEADLINE, connecting).await.unwrap().unwrap();
    client.write_all(GET).await.unwrap();
    let mut head = [0; 15];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    // and so the oldest one is closed
    assert!(is_closed(&mut half[0]).await);
}

#[tokio::test]
async fn attack_a_handshake_that_does_not_end_ends_its_connection() {
    let node = serve_by(tls(), |limits| limits.handshake = Duration::from_millis(50)).await;
    let mut silent = node.connect().await;
    let mut half = node.connect().await;
    half.write_all(&[0x16, 0x03]).await.unwrap();
    for client in [&mut silent, &mut half] {
        assert!(is_closed(client).await);
    }
}
