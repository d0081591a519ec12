//! A proxy in front of one node's API that can hold a job in a phase, cut the node off, or stop
//! forwarding.
//!
//! The node advertises the proxy's URL. Everything is forwarded until a test holds a job in a
//! phase, so that a fault is injected exactly there.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::upload::Upload;
use crate::wait::TimedOut;

/// Bytes that are forwarded at a time.
const CHUNK: usize = 16 * 1024;
/// A job is downloading when this many bytes of its answer have been forwarded.
const DOWNLOADING_AT: usize = 2 * CHUNK;

/// The phase of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is placed, and no byte of it has reached the worker.
    Placed,
    /// A part of its input has reached the worker.
    Uploading,
    /// All of its input has reached the worker, and no byte of the answer has come.
    Running,
    /// A part of the answer has come.
    Downloading,
}

/// State of the connections to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forwarding {
    Open,
    /// Connections stay open, and nothing is forwarded.
    Silent,
    /// Connections are closed, and new ones as well.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    forwarding: Forwarding,
    /// The next job is held in this phase.
    hold: Option<Phase>,
    /// A job is held.
    held: bool,
}

/// A listening proxy. Its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    rule: Arc<watch::Sender<Rule>>,
    listening: AbortHandle,
}

impl Proxy {
    /// Listens on a free port, and forwards everything to `target`, a `host:port`.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(target: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let rule = Arc::new(watch::Sender::new(Rule {
            forwarding: Forwarding::Open,
            hold: None,
            held: false,
        }));
        let listening = tokio::spawn(listen(listener, target.to_owned(), rule.clone()));
        Ok(Self {
            address,
            rule,
            listening: listening.abort_handle(),
        })
    }

    /// The URL that the node has to advertise.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Holds the next job in this phase.
    pub fn hold(&self, phase: Phase) {
        self.rule.send_modify(|rule| {
            rule.hold = Some(phase);
            rule.held = false;
        });
    }

    /// Waits until a job is held.
    ///
    /// # Errors
    /// When none is held in time.
    pub async fn wait_held(&self, within: Duration) -> Result<(), TimedOut> {
        let mut rule = self.rule.subscribe();
        let held = rule.wait_for(|rule| rule.held);
        match tokio::time::timeout(within, held).await {
            Ok(_) => Ok(()),
            Err(_) => Err(TimedOut {
                what: "a job to be held".to_owned(),
                within,
            }),
        }
    }

    /// Lets held jobs continue, and holds no more.
    pub fn release(&self) {
        self.rule.send_modify(|rule| rule.hold = None);
    }

    /// Closes all connections and refuses new ones.
    pub fn cut(&self) {
        self.rule
            .send_modify(|rule| rule.forwarding = Forwarding::Cut);
    }

    /// Stops forwarding in both directions; connections stay open.
    pub fn silence(&self) {
        self.rule
            .send_modify(|rule| rule.forwarding = Forwarding::Silent);
    }

    /// Forwards everything again.
    pub fn restore(&self) {
        self.rule.send_modify(|rule| {
            rule.forwarding = Forwarding::Open;
            rule.hold = None;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

async fn listen(listener: TcpListener, target: String, rule: Arc<watch::Sender<Rule>>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut watched = rule.subscribe();
        let (target, rule) = (target.clone(), rule.clone());
        tokio::spawn(async move {
            let cut = async move {
                // The sender lives as long as the listener or one of its connections.
                let _ = watched
                    .wait_for(|rule| rule.forwarding == Forwarding::Cut)
                    .await;
            };
            tokio::select! {
                () = cut => {}
                // A connection that ends by itself is no error.
                _ = forward(client, &target, &rule) => {}
            }
        });
    }
}

async fn forward(client: TcpStream, target: &str, rule: &watch::Sender<Rule>) -> io::Result<()> {
    let node = TcpStream::connect(target).await?;
    let (from_client, to_client) = client.into_split();
    let (from_node, to_node) = node.into_split();
    let job = watch::Sender::new(None);
    tokio::try_join!(
        upwards(from_client, to_node, rule, &job),
        downwards(from_node, to_client, rule, &job)
    )?;
    Ok(())
}

/// Forwards the client's bytes. `job`: which job's input is being forwarded, or not answered yet.
async fn upwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    rule: &watch::Sender<Rule>,
    job: &watch::Sender<Option<u64>>,
) -> io::Result<()> {
    let mut upload = Upload::default();
    let mut chunk = [0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let began = upload.follow(&chunk[..length]);
        job.send_replace(upload.job());
        if began {
            wait_while_held(rule, Phase::Placed).await;
        } else if upload.is_under_way() {
            wait_while_held(rule, Phase::Uploading).await;
        }
        wait_open(rule).await;
        to.write_all(&chunk[..length]).await?;
        if upload.is_whole() {
            // This direction is not held here; the answer is.
            mark_held(rule, Phase::Running);
        }
    }
}

/// Forwards the node's bytes. A job is running until the first byte of its answer.
async fn downwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    rule: &watch::Sender<Rule>,
    job: &watch::Sender<Option<u64>>,
) -> io::Result<()> {
    let (mut answered, mut answers) = (0, None);
    let mut chunk = [0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let asked = *job.borrow();
        if asked != answers {
            (answered, answers) = (0, asked);
        }
        if asked.is_some() {
            if answered == 0 {
                wait_while_held(rule, Phase::Running).await;
            }
            answered += length;
            if answered >= DOWNLOADING_AT {
                wait_while_held(rule, Phase::Downloading).await;
            }
        }
        wait_open(rule).await;
        to.write_all(&chunk[..length]).await?;
    }
}

/// Waits while jobs are held in this phase.
async fn wait_while_held(rule: &watch::Sender<Rule>, phase: Phase) {
    if mark_held(rule, phase) {
        let mut rule = rule.subscribe();
        let _released = rule.wait_for(|rule| rule.hold != Some(phase)).await;
    }
}

/// Whether jobs are held in this phase; if so, one is held now.
fn mark_held(rule: &watch::Sender<Rule>, phase: Phase) -> bool {
    rule.send_if_modified(|rule| {
        let holds = rule.hold == Some(phase);
        rule.held |= holds;
        holds
    })
}

/// Waits while forwarding is stopped.
async fn wait_open(rule: &watch::Sender<Rule>) {
    let mut rule = rule.subscribe();
    let _restored = rule
        .wait_for(|rule| rule.forwarding != Forwarding::Silent)
        .await;
}
