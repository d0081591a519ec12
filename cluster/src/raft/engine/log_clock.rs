//! The log time at this node, from its own clock and those of the other voters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use tokio::time::{Instant, timeout_at};

use super::consensus::Consensus;
use super::node_state::NodeState;
use crate::host::clock::WallClock;
use crate::host::seldom::Seldom;
use crate::raft::time::clock::{Clocks, LogTime};
use crate::raft::time::entry_time::EntryTimes;

/// Pause between attempts while too few clocks are known, unless another sample arrives first.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// This node's clock and those of the other voters.
pub(crate) struct LogClock {
    pub node: Arc<NodeState>,
    pub consensus: Arc<dyn Consensus>,
    pub clocks: Arc<Clocks>,
    pub wall: Arc<dyn WallClock>,
    pub times: Arc<EntryTimes>,
    /// Limits what is logged of stamps that are behind.
    pub alarms: Seldom,
}

impl LogClock {
    /// The log time now; None while too few clocks are known. Those that answer now may be
    /// ahead of a majority of all voters, by which the others judge it.
    pub fn now(&self) -> Option<LogTime> {
        let local = self.wall.unix_millis();
        let voters = self.consensus.voters();
        let time = self.clocks.log_time(self.node.id, local, &voters)?;
        let stamp = time.stamp.min(self.times.latest_stamp(&voters));
        if stamp < time.stamp && self.alarms.is_due() {
            tracing::warn!(
                stamped_ms = stamp.0,
                by_clocks_ms = time.stamp.0,
                "entries are dated behind the clocks of the voters that answer, because those of \
                 a majority of all voters were behind when they told them last: set the clocks of \
                 all nodes, and start those that are down"
            );
        }
        Some(LogTime { stamp, ..time })
    }

    /// The other voters' clocks, extrapolated to now.
    pub fn others(&self) -> BTreeMap<NodeId, Millis> {
        self.clocks.others(self.node.id, &self.consensus.voters())
    }

    /// The log time, as soon as enough clocks are known; None at the deadline or after a change of
    /// leader.
    pub async fn wait_for_time(&self, deadline: Instant) -> Option<Millis> {
        let mut changes = self.clocks.watch();
        loop {
            if let Some(time) = self.now() {
                return Some(time.stamp);
            }
            // After a change of leader the new leader stamps the entries.
            if !self.node.leadership.borrow().here {
                return None;
            }
            let pause = (Instant::now() + RETRY_PAUSE).min(deadline);
            let _ = timeout_at(pause, changes.changed()).await;
            if Instant::now() >= deadline {
                return None;
            }
        }
    }
}
