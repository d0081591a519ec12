//! Load reports between Raft's heartbeats and the jobs.

use std::fmt;
use std::sync::Arc;

use cameo_common::ids::{Millis, NodeId};
use tokio::time::Instant;

use crate::jobs::{Dispatcher, Reporter};
use crate::raft::{ReportSink, ReportSource};

impl ReportSource for Reporter {
    fn report(&self) -> Vec<u8> {
        Reporter::report(self)
    }
}

/// Passes the other nodes' load reports to the dispatcher.
pub struct Reports(pub Arc<Dispatcher>);

impl ReportSink for Reports {
    fn receive(&self, from: NodeId, report: &[u8], _clock: Millis, at: Instant) {
        self.0.record_report(from, report, at);
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reports")
    }
}
