//! A client that calls etcd, in either way.

use anyhow::ensure;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::gateway::{self, Gateway};
use super::grpc::Grpc;
use super::{Call, Entry, message};
use crate::clusters::caller::Caller as IsCaller;

/// A way to a member.
pub enum Way {
    Grpc(Grpc),
    Gateway(Gateway),
}

/// A client of a window.
pub struct Caller {
    way: Way,
    call: Call,
    entry: Entry,
    ready: Vec<Bytes>,
}

impl Caller {
    pub fn new(way: Way, call: Call, entry: Entry) -> Self {
        Self {
            way,
            call,
            entry,
            ready: Vec::new(),
        }
    }

    /// The next call's bytes: each put is of another key.
    fn make(&mut self) -> Bytes {
        if let Call::Put { .. } = self.call {
            self.entry.renew();
        }
        match (&self.way, &self.call) {
            (Way::Grpc(_), Call::Put { .. }) => message::put(&self.entry),
            (Way::Grpc(_), Call::Range) => message::range(&self.entry),
            (Way::Gateway(_), Call::Put { .. }) => gateway::put(&self.entry),
            (Way::Gateway(_), Call::Range) => gateway::range(&self.entry),
        }
    }

    async fn next(&mut self) -> anyhow::Result<()> {
        let bytes = self.ready.pop().unwrap_or_else(|| self.make());
        let answer = match (&mut self.way, &self.call) {
            (Way::Grpc(grpc), Call::Put { .. }) => grpc.call("Put", bytes).await?,
            (Way::Grpc(grpc), Call::Range) => grpc.call("Range", bytes).await?,
            (Way::Gateway(gateway), Call::Put { .. }) => gateway.send(gateway::PUT, bytes).await?,
            (Way::Gateway(gateway), Call::Range) => gateway.send(gateway::RANGE, bytes).await?,
        };
        if let Call::Range = self.call {
            ensure!(answer.len() > self.entry.value.len(), "nothing was read");
        }
        Ok(())
    }
}

impl IsCaller for Caller {
    fn prepare(&mut self, calls: usize) -> anyhow::Result<()> {
        self.ready = (0..calls).map(|_| self.make()).collect();
        Ok(())
    }

    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        self.next().boxed()
    }
}
