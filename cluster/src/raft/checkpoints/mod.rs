//! Checkpoints: this node's signatures over its state at fixed indexes, and the collection of the
//! voters' signatures, which certifies a snapshot.

mod certifier;
mod own;

pub(super) use certifier::Certifier;
pub(super) use own::OwnCheckpoints;
