//! The answering end of peer requests: one task a request, with limits in total and per device.
//!
//! The transport has authenticated the device's key. The handler decides whose device it is and
//! which requests it may make.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::body::{Body, ReceivedBody, SendError};
use super::framing::{self, ARRIVAL_TIMEOUT, Frame, FrameError, PING_INTERVAL, PeerMessage};
use super::places::{Place, Places};
use super::transport::{DeviceKey, Incoming, PeerTransport, Reader, Refusal, Writer};

/// Requests that are processed concurrently; further ones wait.
pub const MAX_CONCURRENT_REQUESTS: usize = 64;

/// Requests of which the message has not arrived yet, or that wait; a further one evicts the
/// oldest.
pub const MAX_ARRIVING_REQUESTS: usize = 64;

/// Bound on the concurrent requests of one device; further ones are refused as busy.
pub const REQUESTS_PER_DEVICE: usize = 8;

/// Bound on the wait for each request in progress after the transport has closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// An answer, optionally with a body.
#[derive(Debug)]
pub struct Answer<R> {
    pub message: R,
    pub body: Option<Body>,
}

impl<R> Answer<R> {
    pub fn message(message: R) -> Self {
        Self {
            message,
            body: None,
        }
    }

    pub fn with_body(message: R, body: Body) -> Self {
        Self {
            message,
            body: Some(body),
        }
    }
}

/// Answers requests. A refusal with a reason is an `R` too.
pub trait Handler<Q, R>: Send + Sync + 'static {
    /// False ends the connection with [`Refusal::Rejected`].
    fn admits(&self, _device: &DeviceKey) -> bool {
        true
    }

    /// Runs to its end even if the requesting peer disconnects, unless the server stops.
    fn handle(
        &self,
        from: DeviceKey,
        request: Q,
        body: Option<ReceivedBody>,
    ) -> impl Future<Output = Answer<R>> + Send;
}

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("the request: {0}")]
    Request(FrameError),
    #[error("the request: a newer one took its place before it had arrived")]
    Evicted,
    #[error("the answer: {0}")]
    Answer(#[from] SendError),
}

/// Serves until the transport is closed. Dropping the future stops it at once.
pub async fn serve<Q, R, H>(transport: Arc<dyn PeerTransport>, handler: Arc<H>)
where
    Q: PeerMessage,
    R: PeerMessage,
    H: Handler<Q, R>,
{
    let slots = Arc::new(DeviceSlots::default());
    let processing = Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS));
    let mut arriving = Places::new(MAX_ARRIVING_REQUESTS);
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            incoming = transport.accept() => {
                let Some(incoming) = incoming else { break };
                let Some(slot) = DeviceSlots::take(&slots, incoming.device) else {
                    incoming.refuse(Refusal::Busy);
                    continue;
                };
                let (handler, processing) = (Arc::clone(&handler), Arc::clone(&processing));
                let place = arriving.take();
                requests.spawn(async move {
                    let served = serve_stream::<Q, R, H>(incoming, place, &processing, &handler);
                    if let Err(error) = served.await {
                        tracing::debug!(%error, "a peer's request ended early");
                    }
                    drop(slot);
                });
            }
            Some(ended) = requests.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the task of a peer's request failed");
                }
            }
        }
    }
    while let Ok(Some(_)) = timeout(DRAIN_TIMEOUT, requests.join_next()).await {}
}

async fn serve_stream<Q, R, H>(
    mut incoming: Incoming,
    mut evicted: Place,
    processing: &Semaphore,
    handler: &Arc<H>,
) -> Result<(), ServeError>
where
    Q: PeerMessage,
    R: PeerMessage,
    H: Handler<Q, R>,
{
    if !handler.admits(&incoming.device) {
        incoming.refuse(Refusal::Rejected);
        return Ok(());
    }
    let arrives = timeout(ARRIVAL_TIMEOUT, read_request(&mut incoming.reader));
    let request: Q = tokio::select! {
        arrived = arrives => match arrived.unwrap_or(Err(FrameError::TooSlow)) {
            Ok(request) => request,
            Err(error) => {
                incoming.refuse(Refusal::Malformed);
                return Err(ServeError::Request(error));
            }
        },
        _ = &mut evicted => {
            incoming.refuse(Refusal::Busy);
            return Err(ServeError::Evicted);
        }
    };
    // Until its turn it can still be evicted.
    let turn = tokio::select! {
        turn = processing.acquire() => turn,
        _ = &mut evicted => {
            incoming.refuse(Refusal::Busy);
            return Err(ServeError::Evicted);
        }
    };
    drop(evicted);
    let Incoming {
        device,
        reader,
        mut writer,
        ..
    } = incoming;
    let body = match request.body_length() {
        0 => None,
        length => Some(ReceivedBody::new(length, reader)),
    };
    let answer = await_with_pings(&mut writer, handler.handle(device, request, body)).await;
    let time = framing::body_time(answer.body.as_ref().map_or(0, Body::length));
    let sent = timeout(time, send(&mut writer, answer)).await;
    drop(turn);
    Ok(sent.unwrap_or(Err(FrameError::TooSlow.into()))?)
}

async fn read_request<Q: PeerMessage>(reader: &mut Reader) -> Result<Q, FrameError> {
    let request: Q = match framing::read_frame(reader).await? {
        Frame::Ping => return Err(FrameError::Empty),
        Frame::Message(bytes) => framing::decode(&bytes)?,
    };
    if request.body_length() == 0 {
        framing::expect_end(reader).await?;
    }
    Ok(request)
}

/// Waits for the answer and sends pings meanwhile, so that the other side does not time out.
async fn await_with_pings<R>(writer: &mut Writer, answer: impl Future<Output = R>) -> R {
    let mut answer = std::pin::pin!(answer);
    let mut ping = interval(PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut connected = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = ping.tick(), if connected => {
                connected = framing::write_ping(writer).await.is_ok();
            }
        }
    }
}

async fn send<R: PeerMessage>(writer: &mut Writer, answer: Answer<R>) -> Result<(), SendError> {
    let announced = answer.message.body_length();
    let attached = answer.body.as_ref().map_or(0, Body::length);
    assert_eq!(announced, attached, "an answer states its body's length");
    framing::write_all(writer, &framing::encode(&answer.message)?).await?;
    if let Some(body) = answer.body {
        body.send(writer).await?;
    }
    writer.shutdown().await.map_err(FrameError::Io)?;
    Ok(())
}

/// Number of requests in progress, by device.
#[derive(Default)]
struct DeviceSlots(Mutex<HashMap<DeviceKey, usize>>);

/// One request in progress; dropping it frees the slot.
struct Slot {
    slots: Arc<DeviceSlots>,
    device: DeviceKey,
}

impl DeviceSlots {
    /// `None` when the device has [`REQUESTS_PER_DEVICE`] requests in progress.
    fn take(slots: &Arc<Self>, device: DeviceKey) -> Option<Slot> {
        let mut taken = slots.0.lock();
        let count = taken.entry(device).or_default();
        if *count >= REQUESTS_PER_DEVICE {
            return None;
        }
        *count += 1;
        Some(Slot {
            slots: Arc::clone(slots),
            device,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock();
        if let Some(count) = taken.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.device);
            }
        }
    }
}
