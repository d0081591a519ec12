//! Tests of the floors: the rule, the bytes, recovery, and group commit.
#![allow(clippy::unwrap_used)]

mod bound;
mod bytes;
mod commit;
mod disk;
mod mark;
mod recovery;
mod rule;

use cameo_common::ids::{ClusterId, GrantId, Hash, Millis, NodeId};
use cameo_common::statements::FirstFloor;

use super::{Owner, Shown};

const OWNER: Owner = Owner {
    node: NodeId(7),
    cluster: ClusterId([3; 32]),
};

fn grant(byte: u8) -> GrantId {
    GrantId([byte; 32])
}

fn request(number: u32) -> Hash {
    Hash::of(&number.to_le_bytes())
}

/// Rights of a version, of which each has one statement only.
fn shown(version: u64, permitted: u32) -> Shown {
    Shown {
        grant: grant(1),
        version,
        rights: Hash::of(&version.to_le_bytes()),
        permitted,
        first: FirstFloor::NEW,
    }
}

fn at(millis: u64) -> Millis {
    Millis(1_000_000 + millis)
}
