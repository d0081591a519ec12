//! The answering end: takes requests from anyone, one task each, within limits.
//!
//! The transport has proven the device's key; whose device it is, and what it may ask,
//! is for the handler to say.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::body::{Body, ReceivedBody, SendError};
use super::framing::{self, Frame, FrameError, PING_EVERY, PeerMessage};
use super::transport::{DeviceKey, Incoming, PeerTransport, Reader, Refusal, Writer};

/// Requests that are worked on at the same time; more of them wait.
pub const REQUESTS_AT_ONCE: usize = 64;

/// Of these, how many one device may have; more of them are told "busy".
pub const REQUESTS_PER_DEVICE: usize = 8;

/// Longest time that requests in progress get when the transport has closed.
const DRAIN: Duration = Duration::from_secs(2);

/// What goes back to the asker.
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

/// Answers requests. A refusal that the asker should understand is an `R`.
pub trait Handler<Q, R>: Send + Sync + 'static {
    /// False ends the connection, and the asker is told that he is not admitted.
    fn admits(&self, _device: &DeviceKey) -> bool {
        true
    }

    /// Runs to its end also when the asker has gone, unless the server stops.
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
    let places = Arc::new(Places::default());
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            incoming = transport.accept(), if requests.len() < REQUESTS_AT_ONCE => {
                let Some(incoming) = incoming else { break };
                let Some(place) = Places::take(&places, incoming.device) else {
                    incoming.refuse(Refusal::Busy);
                    continue;
                };
                let handler = Arc::clone(&handler);
                requests.spawn(async move {
                    if let Err(error) = answer_one::<Q, R, H>(incoming, &handler).await {
                        tracing::debug!(%error, "a peer's request ended early");
                    }
                    drop(place);
                });
            }
            Some(ended) = requests.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "answering a peer failed");
                }
            }
        }
    }
    while let Ok(Some(_)) = timeout(DRAIN, requests.join_next()).await {}
}

async fn answer_one<Q, R, H>(mut incoming: Incoming, handler: &Arc<H>) -> Result<(), ServeError>
where
    Q: PeerMessage,
    R: PeerMessage,
    H: Handler<Q, R>,
{
    if !handler.admits(&incoming.device) {
        incoming.refuse(Refusal::Rejected);
        return Ok(());
    }
    let request: Q = match read_request(&mut incoming.reader).await {
        Ok(request) => request,
        Err(error) => {
            incoming.refuse(Refusal::Malformed);
            return Err(ServeError::Request(error));
        }
    };
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
    let answer = work(&mut writer, handler.handle(device, request, body)).await;
    Ok(send(&mut writer, answer).await?)
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

/// Waits for the answer and pings meanwhile, so that the asker knows we live.
async fn work<R>(writer: &mut Writer, work: impl Future<Output = R>) -> R {
    let mut work = std::pin::pin!(work);
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut work => return answer,
            _ = ping.tick(), if heard => heard = framing::write_ping(writer).await.is_ok(),
        }
    }
}

async fn send<R: PeerMessage>(writer: &mut Writer, answer: Answer<R>) -> Result<(), SendError> {
    let announced = answer.message.body_length();
    let attached = answer.body.as_ref().map_or(0, Body::length);
    assert_eq!(announced, attached, "an answer names its body's length");
    framing::write_all(writer, &framing::encode(&answer.message)?).await?;
    if let Some(body) = answer.body {
        body.send(writer).await?;
    }
    writer.shutdown().await.map_err(FrameError::Io)?;
    Ok(())
}

/// How many requests each device has in work.
#[derive(Default)]
struct Places(Mutex<HashMap<DeviceKey, usize>>);

struct Place {
    places: Arc<Places>,
    device: DeviceKey,
}

impl Places {
    fn take(places: &Arc<Self>, device: DeviceKey) -> Option<Place> {
        let mut taken = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(device).or_default();
        if *count >= REQUESTS_PER_DEVICE {
            return None;
        }
        *count += 1;
        Some(Place {
            places: Arc::clone(places),
            device,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.device);
            }
        }
    }
}
