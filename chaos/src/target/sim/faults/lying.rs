//! Lies, from beginning to end.

use std::time::Duration;

use super::active::Active;
use crate::faults::Kind;
use crate::target::sim::cluster::Cluster;

/// Time between two forged views.
const FORGES_EVERY: Duration = Duration::from_millis(150);

impl Active {
    pub(super) fn begin_to_lie(&mut self, cluster: &mut Cluster) {
        for node in &self.nodes {
            match self.planned.kind {
                Kind::RolledBack => {
                    // One that is quarantined has nothing more to forget.
                    if cluster.is_quarantined(*node) {
                        cluster.put_newest_disk_back(*node);
                    }
                    let copy = cluster.machines[node].disk.copy();
                    self.copies.insert(*node, copy);
                }
                kind => cluster.lies.begin(*node, kind, cluster.formed()),
            }
        }
    }

    pub(super) fn go_on_forging(&mut self, cluster: &Cluster, now: Duration) {
        if now >= self.forges_at {
            self.forges_at = now + FORGES_EVERY;
            self.nodes.iter().for_each(|node| cluster.lies.forge(*node));
        }
    }

    pub(super) fn has_lied(&self, cluster: &Cluster) -> bool {
        let mut nodes = self.nodes.iter();
        match self.planned.kind {
            Kind::RolledBack => nodes.any(|node| {
                let copy = self.copies.get(node);
                copy.is_some_and(|copy| cluster.machines[node].disk.entries_after(copy) > 0)
            }),
            _ => nodes.any(|node| cluster.lies.told(*node) > 0),
        }
    }

    pub(super) fn end_lying(&mut self, cluster: &mut Cluster) {
        for node in self.nodes.clone() {
            self.met += match self.copies.remove(&node) {
                Some(copy) => cluster.roll_back(node, copy),
                None => cluster.lies.end(node),
            };
        }
        self.seen = match self.planned.kind {
            Kind::RolledBack => format!("{} entries of logs forgotten", self.met),
            Kind::Forges => format!("{} forged views went into the log", self.met),
            _ => format!("lied {} times", self.met),
        };
    }
}
