//! A client of etcd that writes by any member, over gRPC, and asks whether a write is there.

use std::net::SocketAddr;

use anyhow::Context as _;

use super::grpc::{Channel, Grpc};
use super::{Entry, message};

/// A client with a connection of its own to each member that it calls.
#[derive(Debug)]
pub struct Writer {
    members: Vec<(SocketAddr, Option<Grpc>)>,
    entry: Entry,
}

impl Writer {
    pub(super) fn new(members: Vec<SocketAddr>, bytes: usize) -> Self {
        Self {
            members: members.into_iter().map(|to| (to, None)).collect(),
            entry: Entry::random(bytes),
        }
    }

    /// Puts a value under a fresh key by this member, and returns the key.
    pub async fn write(&mut self, member: usize) -> anyhow::Result<Vec<u8>> {
        self.entry.renew();
        let put = message::put(&self.entry);
        self.call(member, "Put", put).await?;
        Ok(self.entry.key.clone())
    }

    /// A key of no write.
    pub fn never_written() -> Vec<u8> {
        Entry::random(0).key
    }

    /// Whether a linearizable read by this member finds the key.
    pub async fn has(&mut self, member: usize, key: &[u8]) -> anyhow::Result<bool> {
        let entry = Entry {
            key: key.to_vec(),
            value: Vec::new(),
        };
        let answer = self.call(member, "Range", message::range(&entry)).await?;
        Ok(answer.windows(key.len()).any(|bytes| bytes == key))
    }

    /// A connection on which a call was not answered, or given up, is not used again.
    async fn call(
        &mut self,
        member: usize,
        method: &str,
        message: bytes::Bytes,
    ) -> anyhow::Result<bytes::Bytes> {
        let (to, kept) = self.members.get_mut(member).context("such a member")?;
        let mut grpc = match kept.take() {
            Some(grpc) => grpc,
            None => Grpc::new(Channel::connect(*to).await?, *to),
        };
        let answer = grpc.call(method, message).await?;
        *kept = Some(grpc);
        Ok(answer)
    }
}
