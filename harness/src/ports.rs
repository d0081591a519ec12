//! Ports for nodes on this machine.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Below the ports that Linux gives to outgoing connections (32768 and above), which would take a
/// port that a node does not hold yet, or not any more.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

/// Ports that this process has given away: a node that is down keeps its own.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Free ports, each given only once by this process.
///
/// # Errors
/// When there are not so many.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Another process searches from elsewhere.
    let span = usize::from(LAST - FIRST);
    let start = RandomState::new().hash_one(()) as usize % span;
    let candidates = (0..span).map(|step| FIRST + ((start + step) % span) as u16);
    let free = candidates.filter(|port| !given.contains(port));
    let free = free.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let ports: Vec<u16> = free.take(count).collect();
    if ports.len() < count {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    given.extend(&ports);
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_port_is_given_twice_or_to_outgoing_connections() {
        let mut all = free_ports(40).unwrap();
        all.extend(free_ports(40).unwrap());
        let different: BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), 80);
        assert!(all.iter().all(|port| (FIRST..LAST).contains(port)));
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let port = free_ports(1).unwrap()[0];
        let held = TcpListener::bind(("127.0.0.1", port)).unwrap();
        GIVEN.lock().unwrap().remove(&port);
        let others = free_ports(30).unwrap();
        assert!(!others.contains(&held.local_addr().unwrap().port()));
    }
}
