//! A running cluster with everything that faults take hold of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::members::Members;
use super::network::Links;
use super::observe::Seen;
use super::place::Places;
use super::port::ClientsCut;
use crate::history::{Key, Micros, Op, Recorder, Row};

/// What all parts of a run share.
#[derive(Debug)]
pub struct World {
    // The order is the one in which they are dropped: processes before what they stand on.
    pub members: Arc<Members>,
    pub founders: Vec<NodeId>,
    pub seen: Seen,
    pub clients_cut: Arc<ClientsCut>,
    pub places: Places,
    /// None where the network is left as it is.
    pub links: Option<Links>,
    /// The program of a rolling restart.
    pub other_build: Option<PathBuf>,
    pub began: Instant,
    recorder: Recorder,
    problems: Mutex<Vec<String>>,
}

impl World {
    /// A world around these nodes; time is counted from now.
    #[must_use]
    pub fn new(
        members: Arc<Members>,
        founders: Vec<NodeId>,
        places: Places,
        other_build: Option<PathBuf>,
        recorder: Recorder,
    ) -> Self {
        Self {
            members,
            founders,
            seen: Seen::default(),
            clients_cut: places.clients_cut(),
            links: places.network().links.clone(),
            places,
            other_build,
            began: Instant::now(),
            recorder,
            problems: Mutex::default(),
        }
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Micros {
        Micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The same as a duration.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Appends a row that ends now.
    pub fn record(&self, client: u64, key: Key, op: Op, call: Micros) {
        let ret = op.has_outcome().then(|| self.elapsed());
        self.recorder.record(&Row {
            client,
            key,
            op,
            call,
            ret,
        });
    }

    /// Hands the history so far to the system.
    pub fn flush(&self) {
        if let Err(why) = self.recorder.flush() {
            self.complain(format!("the history cannot be written: {why}"));
        }
    }

    /// Notes what must not be, beside the laws: a node that ends by itself, or does not stop.
    pub fn complain(&self, what: String) {
        eprintln!("{:7.1} s  {what}", self.age().as_secs_f64());
        self.problems.lock().push(what);
    }

    /// What was noted.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().clone()
    }
}
