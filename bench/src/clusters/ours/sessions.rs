//! Sessions of people by the thousand, and those with the real event stream.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cameo_common::api::{KEEP_ALIVE, KeepAlive, SessionStarted, StartSession, paths};
use cameo_common::identity::EndpointRecord;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::op::Op;
use cameo_common::signed::Signed;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::Connection;
use super::crowd::{GROUP, source};
use super::people::Person;
use super::{Ours, address};

/// A stream without any byte for this long counts as lost, as for the product's client.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// For a node's answer to a keep-alive.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// The line with which a node ends a stream.
const ENDED: &[u8] = b"event: ended";
/// Open files of one session with a stream: the stream, and the connection of its keep-alives.
pub const FILES_OF_ONE: u64 = 2;

/// A session that runs.
#[derive(Debug)]
pub struct Started {
    pub person: Person,
    pub epoch: u64,
    /// The loopback address that its client calls from.
    source: Ipv4Addr,
}

impl Started {
    /// As keep-alives name it.
    pub fn session(&self) -> (PublicKey, u64) {
        (self.person.device.public(), self.epoch)
    }
}

/// What is needed to call a node as a member does.
#[derive(Debug, Clone)]
pub struct LinkEnd {
    pub node: NodeId,
    pub address: String,
    /// The file with the node's keys.
    pub keys: PathBuf,
}

impl Ours {
    /// The nodes' links, and their keys.
    pub fn link_ends(&self) -> (ClusterId, Vec<LinkEnd>) {
        let nodes = self.cluster.nodes.iter();
        let ends = nodes.map(|node| LinkEnd {
            node: node.id,
            address: node.link.clone(),
            keys: node.folder.join("data/node.key"),
        });
        (self.id, ends.collect())
    }

    /// Registers people of a group, each with a session, and gives each to `take` as it begins.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn begin_sessions(
        &self,
        group: u32,
        count: u32,
        mut take: impl AsyncFnMut(u32, Started) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (node, source) = (address(&self.cluster, group as usize)?, source(group));
        let mut connection = Connection::open_from(source, &self.owner.device, node).await?;
        for at in 0..count.min(GROUP) {
            let person = Person::new(format!("session-{group}-{at}").parse()?);
            person.register(&mut connection, self.id).await?;
            let epoch = start(&person, self.id, &mut connection).await?;
            let started = Started {
                person,
                epoch,
                source,
            };
            take(at, started).await?;
        }
        Ok(())
    }

    /// Opens the event stream of a session at the node of this number, counted round.
    ///
    /// # Errors
    /// When a node does not serve it.
    pub async fn open_stream(&self, started: Started, at: usize) -> anyhow::Result<OpenSession> {
        let node = address(&self.cluster, at)?;
        let (device, source) = (&started.person.device, started.source);
        let mut stream_connection = Connection::open_from(source, device, node).await?;
        let request = stream_connection.get(&format!("{}?after=0", paths::EVENTS))?;
        Ok(OpenSession {
            stream: stream_connection.stream(request).await?,
            keep_alives: Connection::open_from(source, device, node).await?,
            stream_connection,
            epoch: started.epoch,
        })
    }
}

async fn start(
    person: &Person,
    cluster: ClusterId,
    connection: &mut Connection,
) -> anyhow::Result<u64> {
    let record = EndpointRecord {
        device: person.device.public(),
        sequence: 1,
        addresses: Vec::new(),
        relay: None,
    };
    let body = StartSession {
        endpoint: Signed::new(&person.device, record),
        listed: true,
    };
    let proof = person.authorize(cluster, &Op::from(&body));
    let answer = connection.command(paths::SESSIONS, &proof, &body).await?;
    let started: SessionStarted = serde_json::from_slice(&answer)?;
    Ok(started.epoch)
}

/// A session whose stream is open.
#[derive(Debug)]
pub struct OpenSession {
    stream: Incoming,
    keep_alives: Connection,
    /// Kept, so that the stream's connection is.
    #[expect(dead_code, reason = "dropping it would end the stream")]
    stream_connection: Connection,
    epoch: u64,
}

impl OpenSession {
    /// Reads the stream, and renews the lease as the product's agent does, for as long as it is
    /// polled.
    ///
    /// # Errors
    /// When the stream ends or is silent, or the session has ended: it returns for nothing else.
    pub async fn hold(mut self) -> anyhow::Result<()> {
        let mut due = Instant::now() + KEEP_ALIVE;
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                frame = self.stream.frame() => {
                    let frame = frame.context("the stream has ended")??;
                    let data = frame.data_ref().map(AsRef::<[u8]>::as_ref).unwrap_or_default();
                    if data.windows(ENDED.len()).any(|bytes| bytes == ENDED) {
                        bail!("the node ends a stream: {}", String::from_utf8_lossy(data));
                    }
                    heard = Instant::now();
                }
                () = sleep_until(heard + SILENCE_TIMEOUT) => {
                    bail!("a stream was silent for {SILENCE_TIMEOUT:?}");
                }
                () = sleep_until(due) => {
                    due = Instant::now() + KEEP_ALIVE;
                    self.renew().await?;
                }
            }
        }
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let body = KeepAlive { epoch: self.epoch };
        let request = self.keep_alives.post(paths::KEEP_ALIVE, None, &body)?;
        let renewed = timeout(ANSWER_WITHIN, self.keep_alives.send(request)).await;
        renewed.context("no answer to a keep-alive")??;
        Ok(())
    }
}
