//! The way of simulated clients to simulated nodes: HTTP over TLS over the simulated network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::ids::{Millis, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::clock::{elapsed, true_millis};
use super::lies::{Lies, Told, spoilt};
use super::machine::{API_PORT, name};
use super::network::SimNetwork;
use crate::history::Micros;
use crate::target::tls;
use crate::workload::{CallFailed, Chunks, Port, Request, Response};

type Sender = SendRequest<Full<Bytes>>;

/// The clients' machine.
pub(super) struct SimPort {
    nodes: Vec<NodeId>,
    network: SimNetwork,
    lies: Lies,
    /// Connections without a call.
    idle: Mutex<BTreeMap<Line, Vec<Sender>>>,
}

/// A node, and the device that calls it.
type Line = (NodeId, Option<PublicKey>);

fn line(node: NodeId, device: Option<&Arc<SigningKey>>) -> Line {
    (node, device.map(|device| device.public()))
}

fn lost(why: impl std::fmt::Display) -> CallFailed {
    CallFailed::Lost(why.to_string())
}

impl SimPort {
    pub(super) fn new(nodes: Vec<NodeId>, network: SimNetwork, lies: Lies) -> Self {
        Self {
            nodes,
            network,
            lies,
            idle: Mutex::default(),
        }
    }

    async fn connected(
        &self,
        node: NodeId,
        device: Option<Arc<SigningKey>>,
        until: Instant,
    ) -> Result<Sender, CallFailed> {
        let line = line(node, device.as_ref());
        while let Some(mut sender) = self.idle(&line) {
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        let opened = async {
            let address = format!("{}:{API_PORT}", name(node));
            let stream = self.network.open(&address).await?;
            let stream = tls::connect(device, stream).await?;
            let connected = handshake(TokioIo::new(stream)).await;
            connected.map_err(std::io::Error::other)
        };
        let failed = |why: String| CallFailed::NotSent(why);
        let (sender, connection) = timeout_at(until, opened)
            .await
            .map_err(|_| failed("no connection in time".to_owned()))?
            .map_err(|why| failed(why.to_string()))?;
        tokio::spawn(connection.map(drop));
        Ok(sender)
    }

    fn idle(&self, line: &Line) -> Option<Sender> {
        let mut idle = self.idle.lock();
        let of_line = idle.get_mut(line)?;
        of_line.retain(|sender| !sender.is_closed());
        of_line.pop()
    }

    async fn answered(
        &self,
        node: NodeId,
        request: Request,
        until: Instant,
    ) -> Result<Response, CallFailed> {
        let line = line(node, request.device.as_ref());
        let (sender, answer) = self.sent(node, request, until).await?;
        let status = answer.status().as_u16();
        let body = timeout_at(until, answer.into_body().collect()).await;
        let body = body.map_err(lost)?.map_err(lost)?.to_bytes();
        self.idle.lock().entry(line).or_default().push(sender);
        Ok(Response { status, body })
    }

    async fn sent(
        &self,
        node: NodeId,
        request: Request,
        until: Instant,
    ) -> Result<(Sender, hyper::Response<Incoming>), CallFailed> {
        let mut sender = self.connected(node, request.device.clone(), until).await?;
        let built = request.into_http(&name(node))?;
        let answered = timeout_at(until, sender.send_request(built)).await;
        let answer = answered.map_err(lost)?.map_err(lost)?;
        Ok((sender, answer))
    }
}

/// How long a liar takes for an answer of its own.
const LIES_AFTER: Duration = Duration::from_millis(4);

impl Port for SimPort {
    fn call(
        &self,
        node: NodeId,
        request: Request,
        within: Duration,
    ) -> BoxFuture<'_, Result<Response, CallFailed>> {
        Box::pin(async move {
            let until = Instant::now() + within;
            let told = self.lies.answer(node, &request);
            match told {
                Told::Truth => self.answered(node, request, until).await,
                Told::Garbage => self.answered(node, request, until).await.map(spoilt),
                Told::Instead(answer) => {
                    sleep(LIES_AFTER).await;
                    Ok(answer)
                }
                Told::DoneInSilence => {
                    let _answer = self.answered(node, request, until).await;
                    sleep_until(until).await;
                    Err(lost("withheld"))
                }
                Told::Nothing => {
                    sleep_until(until).await;
                    Err(lost("withheld"))
                }
            }
        })
    }

    fn open(
        &self,
        node: NodeId,
        request: Request,
        within: Duration,
    ) -> BoxFuture<'_, Result<(u16, Box<dyn Chunks>), CallFailed>> {
        Box::pin(async move {
            let until = Instant::now() + within;
            let (sender, answer) = self.sent(node, request, until).await?;
            let status = answer.status().as_u16();
            let body = answer.into_body();
            let chunks: Box<dyn Chunks> = Box::new(SimChunks {
                body,
                _sender: sender,
            });
            Ok((status, chunks))
        })
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.nodes.clone()
    }

    fn is_liar(&self, node: NodeId) -> bool {
        self.lies.is_liar(node)
    }

    fn now_unix(&self) -> Millis {
        true_millis()
    }

    fn elapsed(&self) -> Micros {
        Micros(elapsed().as_micros() as u64)
    }
}

struct SimChunks {
    body: Incoming,
    /// Keeps the connection.
    _sender: Sender,
}

impl Chunks for SimChunks {
    fn next(&mut self) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(async {
            loop {
                let frame = self.body.frame().await?.ok()?;
                if let Ok(bytes) = frame.into_data() {
                    return Some(bytes);
                }
            }
        })
    }
}
