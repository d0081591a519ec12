//! Older copies of disks, put back between two processes, and the quarantine that they lead to.

use cameo_cluster::raft::memory::DiskCopy;
use cameo_common::ids::NodeId;

use super::cluster::Cluster;

impl Cluster {
    /// Puts a copy of a liar's disk back, for good. Returns how many entries of the log are gone.
    pub(super) fn roll_back(&mut self, id: NodeId, copy: DiskCopy) -> u64 {
        self.kill(id);
        let lost = self.machines[&id].disk.restore(copy);
        self.start(id);
        lost
    }

    /// Puts a copy of an honest node's disk back, until its newest one is.
    pub(super) fn put_old_disk_back(&mut self, id: NodeId, copy: DiskCopy) -> u64 {
        self.kill(id);
        self.newest.insert(id, self.machines[&id].disk.copy());
        self.roll_back(id, copy)
    }

    /// Puts a node's newest disk back.
    pub(super) fn put_newest_disk_back(&mut self, id: NodeId) {
        if let Some(newest) = self.newest.remove(&id) {
            self.roll_back(id, newest);
        }
    }

    /// Whether a node runs on an older copy, and takes no part. What it says of itself is no news.
    pub(super) fn is_kept_out(&self, id: NodeId) -> bool {
        let process = self.machines[&id].process();
        let takes_part = process.is_some_and(|process| process.raft.takes_part().is_ok());
        self.newest.contains_key(&id) && !takes_part
    }

    pub(super) fn is_quarantined(&self, id: NodeId) -> bool {
        let process = self.machines[&id].process();
        process.is_some_and(|process| process.raft.is_quarantined())
    }

    /// An honest node that is quarantined on its own newest disk: that has lost what was durable.
    pub(super) fn wrongly_quarantined(&self) -> Option<NodeId> {
        let mut nodes = self.machines.keys().copied();
        nodes.find(|id| {
            let has_reason = self.newest.contains_key(id) || self.lies.is_liar(*id);
            !has_reason && self.is_quarantined(*id)
        })
    }
}
