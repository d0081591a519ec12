//! etcd, as three processes on this machine.

mod caller;
mod control;
mod gateway;
mod grpc;
mod member;
mod message;
mod writer;

pub use writer::Writer;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use cameo_harness::{free_ports, until};
use rand::{Rng, RngExt as _};

use super::caller::Caller;
use caller::Way;
use gateway::Gateway;
use grpc::{Channel, Grpc};
use member::Member;

/// The program.
pub const NAME: &str = "etcd";
/// Members of the cluster, as many as ours has nodes.
const MEMBERS: usize = 3;
/// Longest time until all members serve.
const SERVES_WITHIN: Duration = Duration::from_secs(30);
/// Streams of one connection: an etcd client has one connection for all its callers.
const CALLERS_A_CHANNEL: usize = 16;
/// Bytes of a key, as of the hash that names a row of ours.
const KEY_BYTES: usize = 32;

/// How calls go to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    Grpc,
    Gateway,
}

impl Via {
    pub const ALL: [Self; 2] = [Self::Grpc, Self::Gateway];

    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "etcd's gRPC",
            Self::Gateway => "etcd's JSON gateway",
        }
    }
}

/// What is called.
#[derive(Debug, Clone)]
pub enum Call {
    /// Writes a value of this many bytes.
    Put { bytes: usize },
    /// A linearizable read of a key that exists.
    Range,
}

/// A key and its value.
#[derive(Debug, Clone)]
struct Entry {
    key: Vec<u8>,
    value: Vec<u8>,
}

/// A running cluster.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
}

impl Etcd {
    /// Whether the program is on PATH.
    pub fn is_installed() -> bool {
        let asked = Command::new(NAME)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    }

    /// Starts a fresh cluster in this folder.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let ports = free_ports(2 * MEMBERS)?;
        let (peers, clients) = ports.split_at(MEMBERS);
        let all: Vec<_> = peers
            .iter()
            .enumerate()
            .map(|(at, port)| format!("m{at}=http://127.0.0.1:{port}"))
            .collect();
        let all = all.join(",");
        let mut members = Vec::new();
        for (at, (peer, client)) in peers.iter().zip(clients).enumerate() {
            let mut member = Member::new(at, folder, (*peer, *client), &all)?;
            member.start()?;
            members.push(member);
        }
        let etcd = Self { members };
        for at in 0..MEMBERS {
            until("etcd serves", SERVES_WITHIN, || etcd.serves(at)).await?;
        }
        Ok(etcd)
    }

    /// Whether a write by this member is committed.
    async fn serves(&self, at: usize) -> Option<()> {
        let entry = Entry::random(1);
        let mut gateway = Gateway::connect(self.members.get(at)?.clients).await.ok()?;
        gateway.put(&entry).await.ok()
    }

    /// Its processes that run.
    pub fn processes(&self) -> Vec<u32> {
        self.members.iter().filter_map(Member::process).collect()
    }

    /// Clients that call it, spread evenly over the members.
    pub async fn callers(
        &self,
        count: usize,
        via: Via,
        call: &Call,
    ) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let mut callers: Vec<Box<dyn Caller>> = Vec::new();
        let mut channels: Vec<Vec<Channel>> = vec![Vec::new(); MEMBERS];
        for at in 0..count {
            let member = at % MEMBERS;
            let Some(to) = self.members.get(member).map(|member| member.clients) else {
                bail!("there is no member {member}");
            };
            let entry = self.entry(call).await?;
            let way = match via {
                Via::Gateway => Way::Gateway(Gateway::connect(to).await?),
                Via::Grpc => {
                    let channels = &mut channels[member];
                    if (at / MEMBERS).is_multiple_of(CALLERS_A_CHANNEL) {
                        channels.push(Channel::connect(to).await?);
                    }
                    let channel = channels.last().context("a channel was made")?.clone();
                    Way::Grpc(Grpc::new(channel, to))
                }
            };
            callers.push(Box::new(caller::Caller::new(way, call.clone(), entry)));
        }
        Ok(callers)
    }

    /// The entry of a caller. What is read is there beforehand.
    async fn entry(&self, call: &Call) -> anyhow::Result<Entry> {
        let entry = match call {
            Call::Put { bytes } => Entry::random(*bytes),
            Call::Range => Entry::random(READ_BYTES),
        };
        if let Call::Range = call {
            let member = self.members.first().context("a cluster has members")?;
            let mut gateway = Gateway::connect(member.clients).await?;
            gateway.put(&entry).await?;
        }
        Ok(entry)
    }
}

/// Bytes of a value that is read: about those of our answer to a look-up.
const READ_BYTES: usize = 700;

impl Entry {
    fn random(bytes: usize) -> Self {
        let mut rng = rand::rng();
        let mut key = vec![0; KEY_BYTES];
        rng.fill_bytes(&mut key);
        let value = (0..bytes).map(|_| rng.random()).collect();
        Self { key, value }
    }

    /// Another key, as each of our commands writes rows of its own.
    fn renew(&mut self) {
        rand::rng().fill_bytes(&mut self.key);
    }
}
