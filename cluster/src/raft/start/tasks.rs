//! Tasks that own what they work with, and run as long as Raft does.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::raft::client::read::{Reader, Reads};
use crate::raft::engine::consensus::Consensus;
use crate::raft::engine::log_clock::LogClock;
use crate::raft::engine::node_state::NodeState;
use crate::raft::engine::successors::OtherVoters;
use crate::raft::engine::{disk_transfer, leader_transfer};

pub(super) async fn serve_readers(reads: Arc<Reads>, waiting: mpsc::Receiver<Reader>) {
    reads.serve_readers(waiting).await;
}

pub(super) async fn watch_local_clock(clock: Arc<LogClock>, successors: Arc<OtherVoters>) {
    leader_transfer::transfer_while_clock_is_off(&clock, &*successors).await;
}

pub(super) async fn watch_disk_space(
    node: Arc<NodeState>,
    consensus: Arc<dyn Consensus>,
    successors: Arc<OtherVoters>,
) {
    disk_transfer::transfer_while_disk_is_low(&node, &*consensus, &*successors).await;
}
