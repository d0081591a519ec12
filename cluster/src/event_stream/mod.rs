//! Event streams: a user's notices and mail, pushed to connected agents as entries are applied.
//!
//! Any node serves any user from its own state. A stream resumes by the rows' sequence, so it can
//! continue at another node. A stream begins with the mail that the agent has read and not
//! acknowledged.

mod deleted;
mod streams;

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::Event;
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use tokio::sync::{mpsc, watch};

pub use streams::{Streams, TooManyStreams};

use crate::raft::Replica;
use crate::store::UserSubscription;
use cameo_machine::read;

/// Interval of heartbeats on an idle stream.
pub const HEARTBEAT: Duration = Duration::from_secs(3);
/// Rows read at a time.
const PAGE: usize = 64;

/// One item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    Event(Event),
    /// The agent must renew its lease now.
    Probe,
    /// Sent when there is no event.
    Heartbeat,
    /// The last item.
    Ended(EndReason),
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    SessionEnded,
    NodeStops,
    /// The device opened another stream at this node.
    Replaced,
}

/// The session that a stream is for, and the sequence that it starts after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    pub user: UserName,
    pub device: PublicKey,
    pub epoch: u64,
    /// The newest sequence that the agent has.
    pub after: u64,
    /// The address that counts as one client's.
    pub source: IpAddr,
}

/// Mail that is read again at a stream's start, because the agent has read it without
/// acknowledging it. It comes with its own sequences, which are not above the stream's token.
#[derive(Debug)]
struct Again {
    /// The last sequence read.
    after: u64,
    /// The stream's token.
    until: u64,
}

/// One open stream.
pub struct EventStream {
    replica: Arc<dyn Replica>,
    streams: Arc<Streams>,
    request: StreamRequest,
    again: Option<Again>,
    ready: VecDeque<StreamItem>,
    ended: bool,
    user: UserSubscription,
    /// `None` only while the stream is dropped.
    probes: Option<mpsc::Receiver<()>>,
    stopping: watch::Receiver<bool>,
}

impl EventStream {
    /// Opens a stream.
    ///
    /// # Errors
    /// When this node has as many streams as it may, of all or of this source.
    pub fn open(
        replica: Arc<dyn Replica>,
        streams: Arc<Streams>,
        stopping: watch::Receiver<bool>,
        request: StreamRequest,
    ) -> Result<Self, TooManyStreams> {
        let probes = Some(streams.open(request.device, request.epoch, request.source)?);
        let user = replica.subscriptions().user(request.user.clone());
        Ok(Self {
            replica,
            streams,
            again: Some(Again {
                after: 0,
                until: request.after,
            }),
            request,
            ready: VecDeque::new(),
            ended: false,
            user,
            probes,
            stopping,
        })
    }

    /// The next item; `None` after the last.
    pub async fn next(&mut self) -> Option<StreamItem> {
        if self.ended {
            return None;
        }
        while self.ready.is_empty() {
            self.read_rows();
            if self.ready.is_empty() {
                let item = self.wait().await;
                self.ready.extend(item);
            }
        }
        let item = self.ready.pop_front()?;
        self.ended = matches!(item, StreamItem::Ended(_));
        Some(item)
    }

    /// Queues new events, or the end of the stream if the session has ended.
    fn read_rows(&mut self) {
        let StreamRequest {
            user,
            device,
            epoch,
            after,
            ..
        } = &mut self.request;
        let view = self.replica.view();
        if let Some(again) = &mut self.again {
            let mail = read::mail_between(&*view, user, again.after, again.until, PAGE);
            if let Some(last) = mail.last() {
                again.after = last.sequence;
                self.ready.extend(mail.into_iter().map(StreamItem::Event));
                return;
            }
            self.again = None;
        }
        let events = read::events_after(&*view, user, *after, PAGE);
        if let Some(last) = events.last() {
            *after = last.sequence;
            let events = events
                .into_iter()
                .filter(|event| !deleted::is_deleted(user, event));
            self.ready.extend(events.map(StreamItem::Event));
            return;
        }
        let runs = read::session(&*view, device)
            .is_some_and(|session| session.online && session.epoch == *epoch);
        if !runs {
            self.ready
                .push_back(StreamItem::Ended(EndReason::SessionEnded));
        }
    }

    /// Waits for the next item; `None` when the rows may have changed.
    async fn wait(&mut self) -> Option<StreamItem> {
        let (probes, stopping) = (self.probes.as_mut()?, &mut self.stopping);
        tokio::select! {
            () = self.user.changed() => None,
            probe = probes.recv() => Some(match probe {
                Some(()) => StreamItem::Probe,
                None => StreamItem::Ended(EndReason::Replaced),
            }),
            _ = stopping.wait_for(|stopping| *stopping) => {
                Some(StreamItem::Ended(EndReason::NodeStops))
            }
            () = tokio::time::sleep(HEARTBEAT) => Some(StreamItem::Heartbeat),
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.probes = None;
        self.streams.remove_closed(&self.request.device);
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "EventStream of {} after {}",
            self.request.user, self.request.after
        )
    }
}
