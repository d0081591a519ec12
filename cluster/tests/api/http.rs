//! A minimal HTTP/1.1 client over TLS, so that the tests see the exact bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::keys::SigningKey;
use cameo_tls::{API_ALPN, Expected};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The code of an `ApiError`.
    pub fn code(&self) -> String {
        assert!(self.status >= 400, "{} {}", self.status, self.json());
        self.json()["code"].as_str().unwrap().to_owned()
    }

    pub fn read<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn head(method: &str, path: &str, headers: &[(&str, String)], length: usize) -> String {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// The key of a device that nobody knows.
fn nobody() -> SigningKey {
    SigningKey::from_seed([0x5a; 32])
}

async fn connect(url: &str, device: &SigningKey) -> TlsStream<TcpStream> {
    let address = url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let device = Arc::new(SigningKey::from_seed(*device.seed()));
    let config = cameo_tls::client(device, Expected::Any, API_ALPN).unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(DEADLINE, connecting).await.unwrap().unwrap()
}

/// A request of nobody's device.
pub async fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> Answer {
    send_as(&nobody(), url, method, path, headers, body).await
}

pub async fn send_as(
    device: &SigningKey,
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> Answer {
    exchange(device, url, method, path, headers, body, body.len()).await
}

/// Sends a request whose head announces a body, without the body.
pub async fn announce(
    device: &SigningKey,
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    length: usize,
) -> Answer {
    exchange(device, url, method, path, headers, b"", length).await
}

async fn exchange(
    device: &SigningKey,
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &[u8],
    length: usize,
) -> Answer {
    let mut exchange = Exchange::begin(device, url, method, path, headers, length).await;
    exchange.upload(body).await;
    exchange.answer().await
}

/// A request in progress.
pub struct Exchange(TlsStream<TcpStream>);

impl Exchange {
    /// Sends the head, which announces a body of this length.
    pub async fn begin(
        device: &SigningKey,
        url: &str,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        length: usize,
    ) -> Self {
        let mut stream = connect(url, device).await;
        let close = ("connection", "close".to_owned());
        let headers = [headers, &[close]].concat();
        let head = head(method, path, &headers, length);
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Sends a part of the body. A node may reply and close before it has read all of it.
    pub async fn upload(&mut self, bytes: &[u8]) {
        let _closed = self.0.write_all(bytes).await;
    }

    pub async fn answer(self) -> Answer {
        timeout(DEADLINE, self.read())
            .await
            .expect("an answer in time")
    }

    async fn read(mut self) -> Answer {
        let mut raw = Vec::new();
        let _reset = self.0.read_to_end(&mut raw).await;
        answer(&raw)
    }
}

/// A read in the clear.
pub async fn read_plain(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let close = ("connection", "close".to_owned());
    let head = head("GET", path, &[close], 0);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut raw));
    read.await.expect("an answer in time").unwrap();
    answer(&raw)
}

fn answer(raw: &[u8]) -> Answer {
    let end = raw
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a whole head");
    let head = String::from_utf8(raw[..end].to_vec()).unwrap();
    let head = head.to_lowercase();
    let body = match head.contains("transfer-encoding: chunked") {
        true => dechunk(&raw[end + 4..]),
        false => raw[end + 4..].to_vec(),
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}

/// The body of a chunked encoding.
fn dechunk(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|two| two == b"\r\n");
        let line = line.expect("a body with an end");
        let length = std::str::from_utf8(&chunks[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..][..length]);
        chunks = &chunks[line + 2 + length + 2..];
    }
}

/// An event stream, read line by line.
pub struct Stream {
    stream: TlsStream<TcpStream>,
    seen: String,
}

impl Stream {
    pub async fn open(device: &SigningKey, url: &str, path: &str) -> Self {
        let mut stream = connect(url, device).await;
        let head = head("GET", path, &[], 0);
        stream.write_all(head.as_bytes()).await.unwrap();
        Self {
            stream,
            seen: String::new(),
        }
    }

    /// The next line with this prefix, without the prefix.
    pub async fn line(&mut self, prefix: &str) -> String {
        timeout(DEADLINE, self.find(prefix))
            .await
            .unwrap_or_else(|_| panic!("no line {prefix:?} in {:?}", self.seen))
    }

    async fn find(&mut self, prefix: &str) -> String {
        loop {
            let mut from = 0;
            while let Some(end) = self.seen[from..].find('\n') {
                let line = self.seen[from..from + end].trim_end().to_owned();
                from += end + 1;
                if let Some(rest) = line.strip_prefix(prefix) {
                    self.seen.drain(..from);
                    return rest.to_owned();
                }
            }
            let mut chunk = [0; 4096];
            let read = self.stream.read(&mut chunk).await.unwrap();
            assert!(
                read > 0,
                "the stream ended without {prefix:?}: {:?}",
                self.seen
            );
            self.seen
                .push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
    }

    /// Waits for the end of the stream, the empty chunk.
    pub async fn end(mut self) {
        assert_eq!(self.line("0").await, "");
    }
}
