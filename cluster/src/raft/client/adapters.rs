//! Where the pure machine meets Raft and store: one stamps commands, the other decides entries.

use cameo_common::ids::Millis;
use cameo_common::wire;

use crate::raft::Stamp;
use crate::store::{Decided, Machine};
use cameo_machine::{ENTRY_VERSION, View};

/// Puts the leader's time into a command: an [`cameo_machine::Entry`] without decoding what follows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamper;

impl Stamp for Stamper {
    fn stamp(&self, command: Vec<u8>, log_time: Millis) -> Vec<u8> {
        let mut entry = wire::encode(&(ENTRY_VERSION, log_time));
        entry.extend_from_slice(&command);
        entry
    }
}

/// Has the machine decide, and hands its decision to the store.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decider;

impl Machine for Decider {
    fn decide(&self, view: &dyn View, index: u64, entry: &[u8]) -> Decided {
        let decision = cameo_machine::decide(view, index, entry);
        Decided {
            changes: decision.changes,
            reply: wire::encode(&decision.reply),
            touched: decision.touched.iter().map(ToString::to_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use cameo_common::ids::NodeId;

    use super::*;
    use cameo_machine::{Caller, Command, Entry, Op};

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
        let stamped = Stamper.stamp(wire::encode(&command), entry.time);
        assert_eq!(stamped, wire::encode(&entry));
    }
}
