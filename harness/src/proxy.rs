//! A proxy in front of one node's API, which can stop a job on its way, cut the node off, or fall silent.
//!
//! Whoever asks the node's advertised URL comes through here. Everything passes, until a test says otherwise: a
//! job is held in the phase that was asked for, so that a fault strikes exactly there.

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

/// Bytes that are passed on at a time.
const CHUNK: usize = 16 * 1024;
/// So much of an answer has come when a job counts as downloading.
const DOWNLOADING_AT: usize = 2 * CHUNK;

/// Where a job is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has a worker, which has heard nothing yet.
    Placed,
    /// About half of its input is there.
    Uploading,
    /// All of its input is there, and no byte of the answer has come.
    Running,
    /// Some of the answer has come.
    Downloading,
}

/// What the way to the node is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections stay, and nothing moves.
    Silent,
    /// Connections break, and new ones do.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    way: Way,
    /// The next job is held there.
    hold: Option<Phase>,
    /// One is.
    held: bool,
}

/// A proxy that listens. With it all its connections end.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    rule: Arc<watch::Sender<Rule>>,
    listening: AbortHandle,
}

impl Proxy {
    /// Listens on a free port, and passes everything on to `target`, a `host:port`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(target: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let rule = Arc::new(watch::Sender::new(Rule {
            way: Way::Open,
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

    /// What the node is to advertise.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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
    /// When none is in time.
    pub async fn holds(&self, within: Duration) -> Result<(), TimedOut> {
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

    /// Whatever is held goes on, and nothing more is held.
    pub fn let_go(&self) {
        self.rule.send_modify(|rule| rule.hold = None);
    }

    /// Breaks all connections and refuses new ones.
    pub fn cut(&self) {
        self.rule.send_modify(|rule| rule.way = Way::Cut);
    }

    /// Lets nothing through, in no direction, and breaks nothing.
    pub fn silence(&self) {
        self.rule.send_modify(|rule| rule.way = Way::Silent);
    }

    /// Everything passes again.
    pub fn mend(&self) {
        self.rule.send_modify(|rule| {
            rule.way = Way::Open;
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
                // The sender lives as long as its listener or a connection of it.
                let _ = watched.wait_for(|rule| rule.way == Way::Cut).await;
            };
            tokio::select! {
                () = cut => {}
                // A connection that ends by itself is nobody's fault.
                _ = pass(client, &target, &rule) => {}
            }
        });
    }
}

async fn pass(client: TcpStream, target: &str, rule: &watch::Sender<Rule>) -> io::Result<()> {
    let node = TcpStream::connect(target).await?;
    let (from_client, to_client) = client.into_split();
    let (from_node, to_node) = node.into_split();
    let job = watch::Sender::new(false);
    tokio::try_join!(
        upwards(from_client, to_node, rule, &job),
        downwards(from_node, to_client, rule, &job)
    )?;
    Ok(())
}

/// What the client sends. `job`: a job's input is passing, or has passed and is not answered.
async fn upwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    rule: &watch::Sender<Rule>,
    job: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut upload = Upload::default();
    let mut chunk = [0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let began = upload.passes(&chunk[..length]);
        if upload.is_job() {
            job.send_replace(true);
        }
        if began {
            stop_at(rule, Phase::Placed).await;
        } else if upload.is_job() && upload.is_half_way() {
            stop_at(rule, Phase::Uploading).await;
        }
        open(rule).await;
        to.write_all(&chunk[..length]).await?;
        if upload.is_job() && upload.is_whole() {
            // Nothing stops here: the answer does.
            stops_at(rule, Phase::Running);
        }
    }
}

/// What the node answers. The first byte of an answer to a job ends its running.
async fn downwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    rule: &watch::Sender<Rule>,
    job: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut answered = 0;
    let mut chunk = [0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        if *job.borrow() {
            if answered == 0 {
                stop_at(rule, Phase::Running).await;
            }
            answered += length;
            if answered >= DOWNLOADING_AT {
                stop_at(rule, Phase::Downloading).await;
            }
        }
        open(rule).await;
        to.write_all(&chunk[..length]).await?;
    }
}

/// Stays here while jobs are to be held in this phase.
async fn stop_at(rule: &watch::Sender<Rule>, phase: Phase) {
    if stops_at(rule, phase) {
        let mut rule = rule.subscribe();
        let _let_go = rule.wait_for(|rule| rule.hold != Some(phase)).await;
    }
}

/// Whether jobs are to be held in this phase; then one is.
fn stops_at(rule: &watch::Sender<Rule>, phase: Phase) -> bool {
    rule.send_if_modified(|rule| {
        let holds = rule.hold == Some(phase);
        rule.held |= holds;
        holds
    })
}

/// Waits while nothing moves.
async fn open(rule: &watch::Sender<Rule>) {
    let mut rule = rule.subscribe();
    let _mended = rule.wait_for(|rule| rule.way != Way::Silent).await;
}
