//! Older copies of disks, put back between two processes, and the quarantine that they lead to.

use cameo_cluster::raft::memory::{DiskCopy, MemoryDisk};
use cameo_common::ids::NodeId;

use super::cluster::Cluster;

impl Cluster {
    /// Puts a copy of a liar's disk back, and keeps its newest one. No file tells it from that.
    /// Returns how many entries of the log are gone.
    pub(super) fn roll_back(&mut self, id: NodeId, copy: DiskCopy) -> u64 {
        self.replace_disk(id, |disk| (disk.copy(), disk.put_back(copy)))
    }

    /// Puts a copy of an honest node's disk back, as programs copy, until its newest one is.
    pub(super) fn put_old_disk_back(&mut self, id: NodeId, copy: DiskCopy) -> u64 {
        self.replace_disk(id, |disk| (disk.copy(), disk.restore(copy)))
    }

    fn replace_disk(
        &mut self,
        id: NodeId,
        replace: impl FnOnce(&MemoryDisk) -> (DiskCopy, u64),
    ) -> u64 {
        // The disk of one that is quarantined is not its newest.
        let is_newest = !self.is_quarantined(id);
        self.kill(id);
        let (newest, lost) = replace(&self.machines[&id].disk);
        if is_newest {
            self.newest.insert(id, newest);
        }
        self.start(id);
        lost
    }

    /// Whether so many other voters remember more of a node than a copy of its disk has that one of
    /// them is among any whose answers let it take part. On their disks: what they have heard in
    /// the last seconds before they are killed is lost.
    pub(super) fn is_remembered(&self, id: NodeId, copy: &DiskCopy) -> bool {
        let founders = self.founders();
        let others = founders.iter().filter(|other| **other != id);
        let remember = others.filter(|other| {
            let disk = &self.machines[*other].disk;
            disk.remembers_more(id, copy)
        });
        // Of n voters n - t + 1 answer, so that t - 1 of the n - 1 others meet them.
        remember.count() >= founders.len() / 2
    }

    /// Moves a node's newest disk back, if it runs on another one.
    pub(super) fn put_newest_disk_back(&mut self, id: NodeId) {
        if let Some(newest) = self.newest.remove(&id) {
            self.kill(id);
            self.machines[&id].disk.put_back(newest);
            self.start(id);
        }
    }

    /// Whether a node runs on an older copy, and takes no part. What it says of itself is no news.
    pub(super) fn is_kept_out(&self, id: NodeId) -> bool {
        let process = self.machines[&id].process();
        let takes_part = process.is_some_and(|process| process.raft.takes_part().is_ok());
        self.has_old_disk(id) && !takes_part
    }

    /// Whether a node's newest disk is kept, while it runs on an older one.
    pub(super) fn has_old_disk(&self, id: NodeId) -> bool {
        self.newest.contains_key(&id)
    }

    /// Whether a node goes on to wait, because its disk may be an older copy.
    pub(super) fn waits_as_copy(&self, id: NodeId) -> bool {
        let process = self.machines[&id].process();
        let waits = process.and_then(|process| process.raft.status().waits);
        waits.is_some_and(|waits| waits.may_be_copy)
    }

    pub(super) fn is_quarantined(&self, id: NodeId) -> bool {
        let process = self.machines[&id].process();
        process.is_some_and(|process| process.raft.is_quarantined())
    }

    /// An honest node that is quarantined on its own newest disk: that has lost what was durable.
    pub(super) fn wrongly_quarantined(&self) -> Option<NodeId> {
        let mut nodes = self.machines.keys().copied();
        nodes.find(|id| {
            let has_reason = self.has_old_disk(*id) || self.lies.is_liar(*id);
            !has_reason && self.is_quarantined(*id)
        })
    }
}
