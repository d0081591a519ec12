//! Open connections, with a share for each source.
//!
//! A connection without a whole request costs its client nothing. So when a limit is reached, a new
//! connection takes the place of the oldest that waits for a request, else of the oldest whose
//! request is still arriving. Connections whose request is being answered, event streams among
//! them, are never evicted: with those alone a new connection is refused.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Leading bits of an IPv6 address that one client chooses none of.
const IPV6_SOURCE_BITS: u32 = 64;

/// The open connections of a port.
#[derive(Debug)]
pub(super) struct Connections {
    total: usize,
    from_one_source: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    sources: HashMap<IpAddr, Source>,
    open: usize,
    /// Number of the last change of phase.
    sequence: u64,
}

#[derive(Debug, Default)]
struct Source {
    open: usize,
    idle: BTreeMap<u64, Arc<Notify>>,
    receiving: BTreeMap<u64, Arc<Notify>>,
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for a request's head.
    Idle,
    /// Receives a request's body.
    Receiving,
    /// Is being answered.
    Working,
}

/// One open connection. Dropping it frees its place.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    source: IpAddr,
    evicted: Arc<Notify>,
    /// Locked inside the table's lock only.
    at: Mutex<At>,
}

#[derive(Debug)]
struct At {
    phase: Phase,
    since: u64,
    /// Another connection has the place; known from the first change of phase after that.
    evicted: bool,
}

impl Connections {
    pub fn new(total: usize, from_one_source: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            from_one_source,
            table: Mutex::default(),
        })
    }

    /// A place for a new connection, if need be another one's.
    pub fn take(self: &Arc<Self>, from: IpAddr) -> Option<Arc<Seat>> {
        let source = source_of(from);
        let mut table = self.table.lock();
        let of_source = table.sources.get(&source).map_or(0, |source| source.open);
        if of_source >= self.from_one_source {
            table.evict(source)?;
        } else if table.open >= self.total {
            table.evict_from_largest()?;
        }
        table.open += 1;
        table.sequence += 1;
        let evicted = Arc::new(Notify::new());
        let since = table.sequence;
        let entry = table.sources.entry(source).or_default();
        entry.open += 1;
        entry.idle.insert(since, Arc::clone(&evicted));
        Some(Arc::new(Seat {
            connections: Arc::clone(self),
            source,
            evicted,
            at: Mutex::new(At {
                phase: Phase::Idle,
                since,
                evicted: false,
            }),
        }))
    }

    /// Evicts one connection, whichever its source. False when all are being answered.
    pub fn make_room(&self) -> bool {
        self.table.lock().evict_from_largest().is_some()
    }

    #[cfg(test)]
    pub fn open(&self) -> usize {
        self.table.lock().open
    }
}

impl Table {
    /// Evicts the oldest evictable connection of a source.
    fn evict(&mut self, source: IpAddr) -> Option<()> {
        let entry = self.sources.get_mut(&source)?;
        let (_, evicted) = match entry.idle.pop_first() {
            Some(oldest) => oldest,
            None => entry.receiving.pop_first()?,
        };
        evicted.notify_one();
        self.leave(source);
        Some(())
    }

    /// The same, from the source with the most connections that has one to evict.
    fn evict_from_largest(&mut self) -> Option<()> {
        let evictable = |source: &Source| !source.idle.is_empty() || !source.receiving.is_empty();
        let (source, _) = self
            .sources
            .iter()
            .filter(|(_, source)| evictable(source))
            .max_by_key(|(address, source)| (source.open, **address))?;
        self.evict(*source)
    }

    fn leave(&mut self, source: IpAddr) {
        self.open -= 1;
        if let Some(entry) = self.sources.get_mut(&source) {
            entry.open -= 1;
            if entry.open == 0 {
                self.sources.remove(&source);
            }
        }
    }

    /// The connections of a phase that may be evicted in it.
    fn in_phase(
        &mut self,
        source: IpAddr,
        phase: Phase,
    ) -> Option<&mut BTreeMap<u64, Arc<Notify>>> {
        let source = self.sources.get_mut(&source)?;
        match phase {
            Phase::Idle => Some(&mut source.idle),
            Phase::Receiving => Some(&mut source.receiving),
            Phase::Working => None,
        }
    }

    /// Ends a connection's phase, and finds out whether it was evicted in it.
    fn end_phase(&mut self, source: IpAddr, at: &mut At) {
        if let Some(of_phase) = self.in_phase(source, at.phase)
            && of_phase.remove(&at.since).is_none()
        {
            at.evicted = true;
        }
    }
}

impl Seat {
    /// The address that counts as one client's.
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// Notes what the connection does from now on.
    pub fn enter(&self, phase: Phase) {
        self.change(|_| Some(phase));
    }

    /// The request has arrived as a whole.
    pub fn received(&self) {
        // A body may end after its reply, when nobody waited for it.
        self.change(|phase| (phase == Phase::Receiving).then_some(Phase::Working));
    }

    fn change(&self, next: impl FnOnce(Phase) -> Option<Phase>) {
        let mut table = self.connections.table.lock();
        let mut at = self.at.lock();
        let Some(phase) = next(at.phase) else {
            return;
        };
        table.end_phase(self.source, &mut at);
        table.sequence += 1;
        (at.phase, at.since) = (phase, table.sequence);
        if !at.evicted
            && let Some(of_phase) = table.in_phase(self.source, phase)
        {
            of_phase.insert(at.since, Arc::clone(&self.evicted));
        }
    }

    /// Whether a request is arriving or being answered.
    pub fn has_request(&self) -> bool {
        self.at.lock().phase != Phase::Idle
    }

    /// Waits until another connection has taken the place.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.connections.table.lock();
        let at = self.at.get_mut();
        table.end_phase(self.source, at);
        if !at.evicted {
            table.leave(self.source);
        }
    }
}

/// The address that counts as one client's: IPv6 hosts choose the lower half of theirs.
fn source_of(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> (128 - IPV6_SOURCE_BITS) << (128 - IPV6_SOURCE_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures_util::FutureExt;

    use super::*;

    const ADA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const BEN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn is_evicted(seat: &Seat) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_idle_connection_of_the_source_gives_up_its_place() {
        // given a source with its share: one connection at work, one receiving, two idle
        let connections = Connections::new(100, 4);
        let seats: Vec<_> = (0..4).map(|_| connections.take(ADA).unwrap()).collect();
        let other = connections.take(BEN).unwrap();
        seats[0].enter(Phase::Working);
        seats[1].enter(Phase::Receiving);
        seats[2].enter(Phase::Working);
        seats[2].enter(Phase::Idle);
        // then the new ones take the places of the idle ones, longest idle first, then of the
        // receiving one, then of none
        let mut new = Vec::new();
        for evicted in [3, 2, 1] {
            new.push(connections.take(ADA).unwrap());
            new.last().unwrap().enter(Phase::Working);
            assert!(is_evicted(&seats[evicted]), "{evicted}");
        }
        assert!(connections.take(ADA).is_none());
        assert!(!is_evicted(&seats[0]) && !is_evicted(&other));
        assert_eq!(connections.open(), 5);
        // and places are free again when connections end, once each
        drop((seats, other));
        assert_eq!(connections.open(), 3);
        drop(new);
        assert_eq!(connections.open(), 0);
    }

    #[test]
    fn at_the_limit_of_all_the_largest_source_gives_up_a_place() {
        let connections = Connections::new(4, 3);
        let ada: Vec<_> = (0..3).map(|_| connections.take(ADA).unwrap()).collect();
        let ben = connections.take(BEN).unwrap();
        let _second = connections.take(BEN).unwrap();
        assert!(is_evicted(&ada[0]) && !is_evicted(&ben));
    }

    #[test]
    fn a_request_on_an_evicted_connection_takes_no_second_place() {
        let connections = Connections::new(1, 1);
        let old = connections.take(ADA).unwrap();
        let new = connections.take(ADA).unwrap();
        // when a request arrives on it all the same
        old.enter(Phase::Receiving);
        old.received();
        old.enter(Phase::Idle);
        drop(old);
        assert_eq!(connections.open(), 1);
        drop(new);
        assert_eq!(connections.open(), 0);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let of = |text: &str| source_of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), ADA);
    }
}
