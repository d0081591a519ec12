//! The event streams that a node serves: bounded in all, and for each source.

use std::collections::HashMap;
use std::net::IpAddr;

use cameo_common::keys::PublicKey;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Most streams that one node serves.
const MAX_STREAMS: usize = 10_000;
/// Most streams to one source address, so that the others always have some left. Behind a tunnel or
/// a proxy all clients are one source. A user has no more than they may have devices.
const MAX_TO_ONE_SOURCE: usize = 8_000;

/// The event streams that this node serves, one a device: a new one replaces the old one.
#[derive(Debug)]
pub struct Streams {
    limits: Limits,
    table: Mutex<Table>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    total: usize,
    to_one_source: usize,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<PublicKey, Open>,
    to_source: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Open {
    epoch: u64,
    source: IpAddr,
    probes: mpsc::Sender<()>,
}

/// A limit of streams of this node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyStreams {
    #[error("this node serves as many event streams as it can: ask another node")]
    Here,
    #[error(
        "this node serves as many event streams to your address as one may have: ask another node"
    )]
    ToThisSource,
}

impl Default for Streams {
    fn default() -> Self {
        Self::with_limits(MAX_STREAMS, MAX_TO_ONE_SOURCE)
    }
}

impl Streams {
    fn with_limits(total: usize, to_one_source: usize) -> Self {
        Self {
            limits: Limits {
                total,
                to_one_source,
            },
            table: Mutex::default(),
        }
    }

    /// Sends a probe to a session's agent. Returns whether its stream is open at this node.
    #[must_use]
    pub fn probe(&self, device: &PublicKey, epoch: u64) -> bool {
        let table = self.table.lock();
        match table.open.get(device).filter(|open| open.epoch == epoch) {
            // A full queue already has a probe.
            Some(open) => !matches!(
                open.probes.try_send(()),
                Err(mpsc::error::TrySendError::Closed(()))
            ),
            None => false,
        }
    }

    pub(super) fn open(
        &self,
        device: PublicKey,
        epoch: u64,
        source: IpAddr,
    ) -> Result<mpsc::Receiver<()>, TooManyStreams> {
        let mut table = self.table.lock();
        if table.full(&self.limits, &device, source).is_some() {
            table.remove_closed();
        }
        if let Some(full) = table.full(&self.limits, &device, source) {
            return Err(full);
        }
        let (probes, receiver) = mpsc::channel(1);
        let open = Open {
            epoch,
            source,
            probes,
        };
        table.insert(device, open);
        Ok(receiver)
    }

    pub(super) fn remove_closed(&self, device: &PublicKey) {
        let mut table = self.table.lock();
        let open = table.open.get(device);
        if open.is_some_and(|open| open.probes.is_closed()) {
            table.remove(device);
        }
    }
}

impl Table {
    /// The limit that another stream of this device would exceed. The device's own stream gives up
    /// its place.
    fn full(&self, limits: &Limits, device: &PublicKey, source: IpAddr) -> Option<TooManyStreams> {
        let own = self.open.get(device);
        let of_source = self.to_source.get(&source).copied().unwrap_or_default();
        if own.is_none() && self.open.len() >= limits.total {
            Some(TooManyStreams::Here)
        } else if own.is_none_or(|own| own.source != source) && of_source >= limits.to_one_source {
            Some(TooManyStreams::ToThisSource)
        } else {
            None
        }
    }

    fn insert(&mut self, device: PublicKey, open: Open) {
        self.remove(&device);
        *self.to_source.entry(open.source).or_default() += 1;
        self.open.insert(device, open);
    }

    fn remove(&mut self, device: &PublicKey) {
        let Some(open) = self.open.remove(device) else {
            return;
        };
        if let Some(count) = self.to_source.get_mut(&open.source) {
            *count -= 1;
            if *count == 0 {
                self.to_source.remove(&open.source);
            }
        }
    }

    fn remove_closed(&mut self) {
        let closed = self.open.iter().filter(|(_, open)| open.probes.is_closed());
        let closed: Vec<PublicKey> = closed.map(|(device, _)| *device).collect();
        for device in closed {
            self.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::Ipv4Addr;

    use super::*;

    const ADA: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const BEN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    fn device(number: u8) -> PublicKey {
        PublicKey([number; 32])
    }

    #[test]
    fn attack_one_source_does_not_take_all_event_streams_of_a_node() {
        // given a node with room for four streams, three of them to one source
        let streams = Streams::with_limits(4, 3);
        let open = |number, source| streams.open(device(number), 1, source);
        let ada: Vec<_> = (0..3).map(|number| open(number, ADA).unwrap()).collect();
        // when it opens another one, then that is refused, and another source has the last place
        assert_eq!(open(3, ADA).unwrap_err(), TooManyStreams::ToThisSource);
        let ben = open(4, BEN).unwrap();
        assert_eq!(open(5, BEN).unwrap_err(), TooManyStreams::Here);
        // a device's new stream takes the place of its old one, wherever it is
        let again = open(0, ADA).unwrap();
        assert_eq!(open(4, ADA).unwrap_err(), TooManyStreams::ToThisSource);
        // and a stream that has ended leaves its place
        drop((ada, again));
        let _moved = open(4, ADA).unwrap();
        assert!(open(6, ADA).is_ok());
        drop(ben);
        assert_eq!(streams.table.lock().to_source.get(&BEN), None);
    }
}
