//! The HTTP listeners: TLS of the one for clients, bounds on connections, and on the time that each
//! may take.

mod connections;
mod limits;
mod request;
#[cfg(test)]
mod tests;
mod write_stall;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

pub use limits::{MAX_CONNECTIONS, MAX_METRICS_CONNECTIONS, ServeLimits};
pub(super) use request::{ClientSource, TlsPeer};

use crate::link::{Accept, Stream};
use connections::{Connections, Seat};
use limits::MAX_BUFFER_BYTES;
use request::Requests;
use write_stall::WriteStall;

/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);
/// Pause between two lines about that: each connection that ends begins another attempt.
const LOG_PAUSE: Duration = Duration::from_secs(5);

/// What a port speaks below HTTP.
#[derive(Clone)]
pub enum Security {
    /// Both ends prove their keys.
    Tls(TlsAcceptor),
    /// In the clear, for what anyone may read.
    Plain,
}

/// A port that serves HTTP. Clones share it, so that it stays open from one router to the next.
#[derive(Clone)]
pub struct HttpPort {
    address: SocketAddr,
    limits: ServeLimits,
    security: Security,
    listener: Arc<Mutex<Listener>>,
}

struct Listener {
    accept: Box<dyn Accept>,
    /// When a failed accept was last logged.
    logged: Option<Instant>,
}

impl HttpPort {
    /// A port that is open.
    ///
    /// # Errors
    /// When the system does not say its address.
    pub fn new(
        accept: Box<dyn Accept>,
        limits: ServeLimits,
        security: Security,
    ) -> io::Result<Self> {
        Ok(Self {
            address: accept.address()?,
            limits,
            security,
            listener: Arc::new(Mutex::new(Listener {
                accept,
                logged: None,
            })),
        })
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    async fn accept(&self, connections: &Connections) -> (Box<dyn Stream>, SocketAddr) {
        let mut listener = self.listener.lock().await;
        loop {
            match listener.accept.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    let freed = connections.make_room();
                    let now = Instant::now();
                    if listener.logged.is_none_or(|last| now - last >= LOG_PAUSE) {
                        listener.logged = Some(now);
                        tracing::error!(%error, freed, "cannot accept clients");
                    }
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls(_) => "Tls(..)",
            Self::Plain => "Plain",
        })
    }
}

impl fmt::Debug for HttpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpPort({})", self.address)
    }
}

/// An error of the connection that was to be accepted, not of the port.
fn of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Serves clients until `end`, then finishes the calls in flight.
pub async fn serve(port: HttpPort, router: Router, end: impl Future<Output = ()> + Send) {
    let limits = port.limits;
    let connections = Connections::new(limits.connections, limits.from_one_source);
    let (ending, ends) = watch::channel(false);
    // Dropping this future drops the set, and with it every connection.
    let mut tasks = JoinSet::new();
    let mut end = pin!(end);
    loop {
        let (stream, from) = tokio::select! {
            accepted = port.accept(&connections) => accepted,
            Some(_) = tasks.join_next() => continue,
            () = &mut end => break,
        };
        match connections.take(from.ip()) {
            Some(seat) => {
                let accepted = Accepted {
                    stream,
                    seat,
                    limits,
                    ends: ends.clone(),
                };
                tasks.spawn(accepted.serve(port.security.clone(), router.clone()));
            }
            None => tracing::debug!(%from, "client refused: no connection can be evicted for it"),
        }
    }
    ending.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

/// A connection with a place.
struct Accepted {
    stream: Box<dyn Stream>,
    seat: Arc<Seat>,
    limits: ServeLimits,
    ends: watch::Receiver<bool>,
}

impl Accepted {
    /// Serves it until it ends, is evicted, or the listener ends.
    async fn serve(mut self, security: Security, router: Router) {
        let limits = self.limits;
        let stream = WriteStall::new(self.stream, limits.write_stall);
        match security {
            Security::Plain => {
                let requests = Requests::new(router, Arc::clone(&self.seat), None);
                serve_http(stream, requests, &self.seat, limits, self.ends).await;
            }
            Security::Tls(acceptor) => {
                let shaken = tokio::select! {
                    shaken = timeout(limits.handshake, acceptor.accept(stream)) => shaken,
                    () = self.seat.evicted() => return,
                    _ = self.ends.wait_for(|ends| *ends) => return,
                };
                // The errors of one connection are its client's.
                let Ok(Ok(stream)) = shaken else { return };
                let Ok(key) = cameo_tls::peer_key(stream.get_ref().1.peer_certificates()) else {
                    return;
                };
                let requests = Requests::new(router, Arc::clone(&self.seat), Some(TlsPeer(key)));
                serve_http(stream, requests, &self.seat, limits, self.ends).await;
            }
        }
    }
}

async fn serve_http(
    stream: impl Stream,
    requests: Requests,
    seat: &Seat,
    limits: ServeLimits,
    mut ends: watch::Receiver<bool>,
) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), requests);
    let mut serving = pin!(serving);
    tokio::select! {
        // The errors of one connection are its client's.
        _ = serving.as_mut() => return,
        () = seat.evicted() => {}
        _ = ends.wait_for(|ends| *ends) => {}
    }
    if seat.has_request() {
        serving.as_mut().graceful_shutdown();
        let _ended = serving.await;
    }
}
