//! Nodes that stop in order, and start again.

use std::time::Duration;

use super::active::Active;
use crate::target::sim::cluster::Cluster;

/// A node of a rolling restart runs for this long before the next one's turn.
const SETTLES_IN: Duration = Duration::from_millis(700);

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turn {
    pub(super) node: usize,
    /// Which process of the node was asked to stop.
    asked: Option<u64>,
    running_since: Option<Duration>,
}

impl Active {
    pub(super) fn ask_to_stop(&mut self, cluster: &Cluster) {
        let up = self.nodes.iter().filter(|node| cluster.is_up(**node));
        for node in up {
            let machine = &cluster.machines[node];
            machine.stop();
            self.asked.insert(*node, machine.starts());
        }
    }

    /// How many of those that were asked have stopped. Another fault may have started one again.
    pub(super) fn stopped(&self, cluster: &Cluster) -> usize {
        let stopped =
            |node, asked| !cluster.is_up(node) || cluster.machines[&node].starts() > asked;
        let asked = self.asked.iter();
        asked
            .filter(|(node, asked)| stopped(**node, **asked))
            .count()
    }

    /// One node after the other stops and starts. One that another fault has stopped is waited for,
    /// and one that another fault has started again has had its turn.
    pub(super) fn roll(&mut self, cluster: &mut Cluster, now: Duration) {
        let Some(node) = self.nodes.get(self.turn.node).copied() else {
            return;
        };
        let is_up = cluster.is_up(node);
        let starts = cluster.machines[&node].starts();
        match (self.turn.asked, self.turn.running_since) {
            (None, _) if is_up => {
                cluster.machines[&node].stop();
                self.turn.asked = Some(starts);
                self.asked.insert(node, starts);
            }
            (None, _) => {}
            (Some(asked), None) if !is_up || starts > asked => {
                cluster.start(node);
                self.asked.remove(&node);
                self.met += 1;
                self.turn.running_since = Some(now);
            }
            (Some(_), Some(since)) if now >= since + SETTLES_IN => {
                self.turn = Turn {
                    node: self.turn.node + 1,
                    ..Turn::default()
                };
            }
            (Some(_), _) => {}
        }
    }

    /// Ends the fault: all run again, and none is about to stop.
    pub(super) fn restart(&mut self, cluster: &mut Cluster) {
        let stopped = self.stopped(cluster);
        // One that finishes what it has begun may take longer than the run.
        self.met += self.asked.len() as u64;
        self.seen = match self.asked.len() - stopped {
            0 => format!("{} processes stopped in order", self.met),
            late => format!("{} processes asked to stop, {late} killed", self.met),
        };
        for node in self.nodes.clone() {
            let starts = cluster.machines[&node].starts();
            if cluster.is_up(node) && self.asked.get(&node) == Some(&starts) {
                cluster.kill(node);
            }
            cluster.start(node);
        }
    }
}
