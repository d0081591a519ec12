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

    /// From half time on the copies are put back, once others remember more than they have. After
    /// that the fault has struck once a node takes no part, by its quarantine or because it waits
    /// for the others beyond the grace. One that takes part has been let in with an old folder.
    pub(super) fn put_old_folder_back(&mut self, cluster: &mut Cluster, now: Duration) {
        if now < self.since + self.planned.lasts / 2 {
            return;
        }
        for (node, copy) in std::mem::take(&mut self.copies) {
            if !cluster.is_remembered(node, &copy) {
                self.copies.insert(node, copy);
                continue;
            }
            let gone = cluster.put_old_disk_back(node, copy);
            self.seen = format!("{gone} entries of the log put back");
        }
        let kept_out = self.nodes.iter().filter(|node| {
            cluster.has_old_disk(**node)
                && (cluster.is_quarantined(**node) || cluster.waits_as_copy(**node))
        });
        self.met = self.met.max(kept_out.count() as u64);
    }

    pub(super) fn put_newest_folder_back(&mut self, cluster: &mut Cluster) {
        self.seen = match (self.met, self.copies.is_empty()) {
            (0, false) => "nothing was put back: nobody remembered more".to_owned(),
            (0, true) => format!("{}, and no node was kept out", self.seen),
            _ => format!("{}, and the node was kept out", self.seen),
        };
        for node in self.nodes.clone() {
            cluster.put_newest_disk_back(node);
        }
    }
}
