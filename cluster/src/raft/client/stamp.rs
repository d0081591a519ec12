//! The stamp that makes an entry of the log from a command.

use cameo_common::ids::Millis;
use cameo_common::wire;

use crate::raft::Stamp;
use cameo_machine::Caller;

/// Prefixes the leader's time to a command: the encoding of a [`cameo_machine::Entry`], without
/// decoding the command.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamper;

impl Stamp for Stamper {
    fn stamp(&self, command: Vec<u8>, log_time: Millis, version: u16) -> Vec<u8> {
        let mut entry = wire::encode(&(version, log_time));
        entry.extend_from_slice(&command);
        entry
    }

    fn newest_version(&self) -> u16 {
        cameo_machine::newest_entry_version()
    }

    fn version_of(&self, entry: &[u8]) -> Option<u16> {
        cameo_machine::version_of(entry)
    }

    /// Of an entry of another version too: the version and the time come first in each.
    fn time_of(&self, entry: &[u8]) -> Option<Millis> {
        let (_version, time) = wire::peek::<(u16, Millis)>(entry).ok()?;
        Some(time)
    }

    /// By the caller alone: what follows it is decided by every replica.
    fn is_signed(&self, command: &[u8]) -> bool {
        !matches!(wire::peek::<Caller>(command), Ok(Caller::Node(_)) | Err(_))
    }
}

#[cfg(test)]
mod tests {
    use cameo_common::ids::NodeId;
    use cameo_common::signed::Signed;

    use super::*;
    use cameo_machine::{Command, ENTRY_VERSION, Entry, Op};

    #[test]
    fn a_stamped_command_is_an_entry() {
        let command = Command {
            caller: Caller::Node(NodeId(3)),
            op: Op::ExpireSessions(vec![]),
        };
        let entry = Entry {
            version: ENTRY_VERSION,
            time: Millis(1_700_000_000_000),
            command: command.clone(),
        };
        let stamped = Stamper.stamp(wire::encode(&command), entry.time, ENTRY_VERSION);
        assert_eq!(stamped, wire::encode(&entry));
        assert_eq!(Stamper.version_of(&stamped), Some(ENTRY_VERSION));
        assert_eq!(Stamper.version_of(&[]), None);
        assert_eq!(Stamper.time_of(&stamped), Some(entry.time));
        assert_eq!(Stamper.time_of(&[]), None);
    }

    #[test]
    fn a_command_of_a_node_or_of_an_unknown_caller_is_not_signed() {
        let command = |caller| {
            let op = Op::ExpireSessions(vec![]);
            wire::encode(&Command { caller, op })
        };
        let signed = Signed::from_bytes(vec![3, 4]);
        assert!(Stamper.is_signed(&command(Caller::Device(signed))));
        assert!(Stamper.is_signed(&command(Caller::Signer)));
        assert!(!Stamper.is_signed(&command(Caller::Node(NodeId(3)))));
        assert!(!Stamper.is_signed(&[]));
        assert!(!Stamper.is_signed(&[99, 1]));
    }
}
