//! Certificates of snapshots: checkpoints of a majority of the voters over one state.
//!
//! At fixed indexes of the log each voter signs the state that it has (a [`Checkpoint`], as in
//! PBFT). Of the voters in a majority at least one is honest, so a snapshot with their signatures
//! is a state that the cluster had, from any sender. [`Voters`] check a certificate;
//! [`Checkpoints`] are the states that this node can sign.
//!
//! [`Checkpoint`]: cameo_common::statements::Checkpoint

mod checkpoints;
mod point;
mod signatures;
#[cfg(test)]
pub(crate) mod tests;
mod voters;

pub use checkpoints::Checkpoints;
pub use point::StatePoint;
pub use signatures::Certificate;
pub use voters::{NotCertified, Voters};
