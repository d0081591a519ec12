//! An honest node with an older copy of its disk, from beginning to end.

use std::time::Duration;

use super::active::Active;
use crate::target::sim::cluster::Cluster;

impl Active {
    pub(super) fn copy_folders(&mut self, cluster: &Cluster) {
        for node in &self.nodes {
            let copy = cluster.machines[node].disk.copy();
            self.copies.insert(*node, copy);
        }
    }

    /// At half time the copies are old enough. After that the fault has struck once a node is
    /// quarantined: one that is not has been let in with an old folder.
    pub(super) fn put_old_folder_back(&mut self, cluster: &mut Cluster, now: Duration) {
        if now < self.since + self.planned.lasts / 2 {
            return;
        }
        for (node, copy) in std::mem::take(&mut self.copies) {
            let gone = cluster.put_old_disk_back(node, copy);
            self.seen = format!("{gone} entries of the log put back");
        }
        let quarantined = self.nodes.iter();
        let quarantined = quarantined.filter(|node| cluster.is_quarantined(**node));
        self.met = self.met.max(quarantined.count() as u64);
    }

    pub(super) fn put_newest_folder_back(&mut self, cluster: &mut Cluster) {
        let quarantined = match self.met {
            0 => "no node was quarantined",
            _ => "the node was quarantined",
        };
        self.seen = format!("{}, and {quarantined}", self.seen);
        for node in self.nodes.clone() {
            cluster.put_newest_disk_back(node);
        }
    }
}
