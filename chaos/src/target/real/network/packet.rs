//! The parts of an IP packet that the switch reads.

use std::net::Ipv4Addr;

use cameo_common::ids::NodeId;

use crate::faults::Link;

/// The port at which every node listens for the others.
pub const LINK_PORT: u16 = 7000;
/// Reserved for tests of networks (RFC 2544): no real host has it.
const NET: [u8; 3] = [198, 18, 0];
const VERSION_4: u8 = 4;
const TCP: u8 = 6;
const SHORTEST_HEADER: usize = 20;

/// The address of a node; none beyond 254 nodes.
#[must_use]
pub fn address(node: NodeId) -> Option<Ipv4Addr> {
    let last = u8::try_from(node.0)
        .ok()
        .filter(|id| (1..=254).contains(id))?;
    Some(Ipv4Addr::new(NET[0], NET[1], NET[2], last))
}

/// Between whom a packet travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Travels {
    pub from: NodeId,
    pub to: NodeId,
    /// The link whose connection it belongs to: a link is named after who opened it.
    pub link: Link,
}

/// Reads the header; None for what is not IPv4 between two nodes.
pub(super) fn read(packet: &[u8]) -> Option<Travels> {
    let first = *packet.first()?;
    let header = usize::from(first & 0xf) * 4;
    if first >> 4 != VERSION_4 || header < SHORTEST_HEADER || packet.len() < header {
        return None;
    }
    let from = node(&packet[12..16])?;
    let to = node(&packet[16..20])?;
    let answers = packet[9] == TCP && port(packet, header) == Some(LINK_PORT);
    let link = if answers {
        Link { from: to, to: from }
    } else {
        Link { from, to }
    };
    Some(Travels { from, to, link })
}

fn node(address: &[u8]) -> Option<NodeId> {
    let (last, net) = address.split_last()?;
    (net == NET).then_some(NodeId(u64::from(*last)))
}

/// The sender's port.
fn port(packet: &[u8], header: usize) -> Option<u16> {
    let port = packet.get(header..header + 2)?;
    Some(u16::from_be_bytes([port[0], port[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(from: u8, from_port: u16, to: u8, to_port: u16) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[0] = 0x45;
        packet[9] = TCP;
        packet[12..16].copy_from_slice(&[198, 18, 0, from]);
        packet[16..20].copy_from_slice(&[198, 18, 0, to]);
        packet[20..22].copy_from_slice(&from_port.to_be_bytes());
        packet[22..24].copy_from_slice(&to_port.to_be_bytes());
        packet
    }

    #[test]
    fn given_a_connection_when_either_end_sends_then_it_is_the_link_of_who_opened_it() {
        let opened = Link {
            from: NodeId(1),
            to: NodeId(2),
        };
        let asks = read(&tcp(1, 40_000, 2, LINK_PORT)).expect("a packet");
        assert_eq!((asks.from, asks.link), (NodeId(1), opened));
        let answers = read(&tcp(2, LINK_PORT, 1, 40_000)).expect("a packet");
        assert_eq!((answers.from, answers.link), (NodeId(2), opened));
    }

    #[test]
    fn given_what_is_no_packet_between_nodes_when_it_is_read_then_it_is_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0x60; 60]), None);
        assert_eq!(read(&[0x4f; 30]), None);
        let mut stranger = tcp(1, 1, 2, 2);
        stranger[12] = 10;
        assert_eq!(read(&stranger), None);
        assert_eq!(
            read(&tcp(1, 1, 2, 2)[..20]).map(|seen| seen.to),
            Some(NodeId(2))
        );
    }

    #[test]
    fn given_a_node_when_it_has_an_address_then_it_is_its_own() {
        assert_eq!(address(NodeId(7)), Some(Ipv4Addr::new(198, 18, 0, 7)));
        assert_eq!(address(NodeId(0)), None);
        assert_eq!(address(NodeId(255)), None);
    }
}
