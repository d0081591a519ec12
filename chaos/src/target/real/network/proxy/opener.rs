//! The opener of a connection, by the kernel's own tables.

use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::path::Path;

use cameo_common::ids::NodeId;

use crate::target::real::stat::Stat;

/// The sockets of this network, a line each.
const TABLE: &str = "/proc/net/tcp";
/// The table is not read at one moment: a line may be missed.
const LOOKS: usize = 3;

/// The process at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    Node(NodeId),
    /// Another process: an operator's command, for example.
    Stranger,
    /// It has closed its end.
    Gone,
}

/// A process that was started, by its id and its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub id: u32,
    started: Option<u64>,
}

impl Process {
    /// The one that has this id now.
    pub(super) fn now(id: u32) -> Self {
        let started = Stat::of(id).map(|stat| stat.started);
        Self { id, started }
    }

    /// Whether it can still have opened something. One that has ended belongs to nobody.
    fn is_alive(&self) -> bool {
        Stat::of(self.id).is_some_and(|stat| stat.is_alive() && Some(stat.started) == self.started)
    }

    /// Whether it has this socket.
    fn has(&self, inode: u64) -> io::Result<bool> {
        let socket = format!("socket:[{inode}]");
        let open = match std::fs::read_dir(format!("/proc/{}/fd", self.id)) {
            Err(_) if !self.is_alive() => return Ok(false),
            open => open?,
        };
        for entry in open {
            match entry.and_then(|entry| std::fs::read_link(entry.path())) {
                Ok(opened) if opened == Path::new(&socket) => return Ok(true),
                // It was closed meanwhile.
                Err(why) if why.kind() != ErrorKind::NotFound && self.is_alive() => {
                    return Err(why);
                }
                _ => {}
            }
        }
        Ok(false)
    }
}

/// Who has opened the connection from `there` to `here`. `processes` are those of the nodes.
///
/// # Errors
/// When the tables cannot be read.
pub(super) fn opener(
    there: SocketAddrV4,
    here: SocketAddrV4,
    processes: &[(NodeId, Process)],
) -> io::Result<Opener> {
    for _ in 0..LOOKS {
        let table = std::fs::read_to_string(TABLE)?;
        let Some(inode) = inode(&table, there, here) else {
            continue;
        };
        // A process that is just starting may be closed to us, and have opened nothing.
        let mut closed = None;
        for (node, process) in processes {
            match process.has(inode) {
                Ok(true) => return Ok(Opener::Node(*node)),
                Ok(false) => {}
                Err(why) => closed = Some(why),
            }
        }
        return closed.map_or(Ok(Opener::Stranger), Err);
    }
    Ok(Opener::Gone)
}

/// The number of the socket `of` that is connected `to`, while a process has it.
fn inode(table: &str, of: SocketAddrV4, to: SocketAddrV4) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is = address(words.next()?)? == of && address(words.next()?)? == to;
        // Without its state, queues, timer, retransmissions, user and time-out.
        let inode = is.then(|| words.nth(6))??.parse().ok()?;
        (inode != 0).then_some(inode)
    })
}

/// An address as the table has it: the word of memory in hexadecimal, and the port.
fn address(text: &str) -> Option<SocketAddrV4> {
    let (host, port) = text.split_once(':')?;
    let host = u32::from_str_radix(host, 16).ok()?.to_ne_bytes();
    Some(SocketAddrV4::new(
        host.into(),
        u16::from_str_radix(port, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => panic!("bound to IPv4"),
        }
    }

    #[test]
    fn given_a_connection_of_a_process_when_it_is_looked_up_then_it_is_that_nodes_while_open() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let here = v4(listener.local_addr().expect("bound"));
        let dialed = TcpStream::connect(here).expect("connected");
        let there = v4(dialed.local_addr().expect("connected"));
        let mut other = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("it runs");
        let own = std::process::id();
        let both = [(NodeId(4), other.id()), (NodeId(7), own)];
        let both = both.map(|(node, id)| (node, Process::now(id)));
        let seen = opener(there, here, &both).expect("read");
        assert_eq!(seen, Opener::Node(NodeId(7)));
        let seen = opener(there, here, &both[..1]).expect("read");
        assert_eq!(seen, Opener::Stranger);
        other.kill().expect("killed");
        other.wait().expect("ended");
        let seen = opener(there, here, &both).expect("read");
        assert_eq!(seen, Opener::Node(NodeId(7)));

        drop(dialed);
        let seen = opener(there, here, &both).expect("read");
        assert_eq!(seen, Opener::Gone);
    }

    #[test]
    fn given_lines_of_the_table_when_a_socket_is_sought_then_both_ends_have_to_be_right() {
        let host = |last: u8| format!("{:08X}", u32::from_ne_bytes([127, 0, 0, last]));
        let (one, two) = (host(1), host(2));
        let connected = format!(
            "0: {one}:1F90 {two}:1F91 01 00000000:00000000 00:00000000 00000000 65534 0 4711 1 0"
        );
        let ended =
            format!("1: {two}:1F91 {one}:1F90 06 00000000:00000000 03:00001000 00000000 0 0 0 3 0");
        let table = format!("  sl  local_address rem_address st\n   {connected}\n   {ended}\n");
        let one = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1), 8080);
        let two = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), 8081);
        assert_eq!(inode(&table, one, two), Some(4711));
        assert_eq!(inode(&table, two, one), None);
        assert_eq!(inode(&table, one, one), None);
    }
}
