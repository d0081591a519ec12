//! `GET /health` and `GET /ready`: for programs that restart a node, and for those that send it
//! calls. In the clear, at the address of the metrics, from the node's start on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{NodeHealth, NodeReadiness, NotReady, NotReadyCode, SCHEMA, paths};
use cameo_common::ids::NodeId;
use tokio::time::Instant;

use super::deadline;
use crate::host::disk_space::DiskStatus;
use crate::jobs::Reporter;
use crate::raft::quarantine::Waits;
use crate::raft::{AppliedState, Raft, ReadError};

/// Time for a majority to confirm that it is one. Probes give up soon after.
const MAJORITY_DEADLINE: Duration = Duration::from_secs(1);
/// Committed entries by which a node that is ready may be behind. It applies some thousands a
/// second: calls at it wait for less than a second.
pub const MAX_LAG_ENTRIES: u64 = 1_000;

/// What the answers are made from.
#[derive(Clone)]
pub struct Probes {
    pub node: NodeId,
    pub raft: Raft,
    pub state: Arc<dyn AppliedState>,
    pub reporter: Arc<Reporter>,
    /// What the node waits for before it serves its cluster.
    pub not_formed: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probes of node {}", self.node)
    }
}

impl Probes {
    /// The two routes.
    pub fn router(self) -> Router {
        let router = Router::new()
            .route(paths::HEALTH, get(health))
            .route(paths::READY, get(ready));
        deadline::limit(router, deadline::REQUEST_DEADLINE).with_state(self)
    }

    fn failure(&self) -> Option<String> {
        let of_state = || {
            let why = self.state.failure()?;
            Some(format!("the state cannot be written: {why}"))
        };
        let of_consensus = || {
            let why = self.raft.status().failure?;
            Some(format!("consensus has stopped: {why}"))
        };
        of_state().or_else(of_consensus)
    }

    async fn observe(&self) -> Observed {
        let status = self.raft.status();
        let not_formed = (self.not_formed)();
        let confirmed = match not_formed {
            Some(_) => None,
            None => {
                let deadline = Instant::now() + MAJORITY_DEADLINE;
                Some(self.raft.confirmed_index(deadline).await)
            }
        };
        Observed {
            failure: self.failure(),
            is_stopping: self.reporter.now().draining,
            quarantined: status.quarantined,
            waits: status.waits,
            not_formed,
            confirmed,
            applied: self.state.applied(),
            disk: status.disk,
        }
    }
}

/// 200 while this node works, 503 once it has to be restarted.
async fn health(State(probes): State<Probes>) -> (StatusCode, Json<NodeHealth>) {
    let failure = probes.failure();
    let health = NodeHealth {
        schema: SCHEMA,
        node: probes.node,
        healthy: failure.is_none(),
        failure,
    };
    (status_code(health.healthy), Json(health))
}

/// 200 while this node serves its cluster, else 503 with all reasons.
async fn ready(State(probes): State<Probes>) -> (StatusCode, Json<NodeReadiness>) {
    let reasons = probes.observe().await.reasons();
    let readiness = NodeReadiness {
        schema: SCHEMA,
        node: probes.node,
        ready: reasons.is_empty(),
        reasons,
    };
    (status_code(readiness.ready), Json(readiness))
}

fn status_code(is_well: bool) -> StatusCode {
    match is_well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The figures of one answer.
#[derive(Debug, Clone)]
struct Observed {
    failure: Option<String>,
    is_stopping: bool,
    not_formed: Option<String>,
    quarantined: bool,
    waits: Option<Waits>,
    /// An index that a majority has confirmed just now; `None` when it was not asked.
    confirmed: Option<Result<u64, ReadError>>,
    applied: u64,
    disk: DiskStatus,
}

impl Observed {
    /// Why the node is not ready, each reason once.
    fn reasons(self) -> Vec<NotReady> {
        let mut reasons = Vec::new();
        let mut add = |code, message: String| reasons.push(NotReady { code, message });
        if let Some(why) = self.failure {
            add(NotReadyCode::Failed, why);
        }
        if self.is_stopping {
            add(NotReadyCode::Stopping, "the node is stopping".to_owned());
        }
        if let Some(why) = self.not_formed {
            add(NotReadyCode::NotFormed, why);
        }
        if self.quarantined {
            let why = "the node has come back with an older copy of its folder";
            add(NotReadyCode::Quarantined, why.to_owned());
        } else if let Some(waits) = self.waits {
            let missing = waits.answers_missing;
            let why = format!("{missing} other voters have not said what they remember of it");
            add(NotReadyCode::WaitsForVoters, why);
        }
        match self.confirmed {
            None | Some(Err(ReadError::TakesNoPart(_))) => {}
            Some(Err(why)) => add(NotReadyCode::NoMajority, why.to_string()),
            Some(Ok(confirmed)) => {
                let lag = confirmed.saturating_sub(self.applied);
                if lag >= MAX_LAG_ENTRIES {
                    let why = format!("the node is {lag} committed entries behind");
                    add(NotReadyCode::Behind, why);
                }
            }
        }
        if let Some(low) = self.disk.low() {
            add(NotReadyCode::LowDiskSpace, low.to_string());
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use cameo_common::api::NotReadyCode::*;

    use super::*;
    use crate::raft::quarantine::Closed;

    const READY: Observed = Observed {
        failure: None,
        is_stopping: false,
        not_formed: None,
        quarantined: false,
        waits: None,
        confirmed: Some(Ok(5_000)),
        applied: 4_500,
        disk: DiskStatus {
            free: Some(u64::MAX),
            size: Some(u64::MAX),
            reserve: 10,
            is_low: false,
        },
    };

    const LOW: DiskStatus = DiskStatus {
        free: Some(7),
        size: Some(u64::MAX),
        reserve: 10,
        is_low: true,
    };

    fn codes(observed: Observed) -> Vec<NotReadyCode> {
        let reasons = observed.reasons().into_iter();
        reasons.map(|reason| reason.code).collect()
    }

    #[test]
    fn a_node_that_is_a_little_behind_is_ready() {
        assert_eq!(codes(READY), []);
        let applied = 5_000 - MAX_LAG_ENTRIES;
        assert_eq!(codes(Observed { applied, ..READY }), [Behind]);
        let applied = applied + 1;
        assert_eq!(codes(Observed { applied, ..READY }), []);
        // It may have applied more than was confirmed a moment ago.
        let applied = 6_000;
        assert_eq!(codes(Observed { applied, ..READY }), []);
    }

    #[test]
    fn each_reason_has_its_code() {
        let waits = Waits {
            voters: [NodeId(2)].into(),
            answers_missing: 1,
            may_be_copy: true,
        };
        let closed = Some(Err(ReadError::TakesNoPart(Closed::Waiting)));
        let of = |change: fn(&mut Observed)| {
            let mut observed = READY;
            change(&mut observed);
            codes(observed)
        };
        assert_eq!(of(|of| of.failure = Some("disk".to_owned())), [Failed]);
        assert_eq!(of(|of| of.is_stopping = true), [Stopping]);
        assert_eq!(of(|of| of.disk = LOW), [LowDiskSpace]);
        let no_leader = |of: &mut Observed| of.confirmed = Some(Err(ReadError::NoLeader));
        assert_eq!(of(no_leader), [NoMajority]);
        let not_formed = |of: &mut Observed| {
            of.not_formed = Some("it waits for node 2".to_owned());
            of.confirmed = None;
        };
        assert_eq!(of(not_formed), [NotFormed]);
        let waiting = Observed {
            waits: Some(waits),
            confirmed: closed,
            ..READY
        };
        assert_eq!(codes(waiting.clone()), [WaitsForVoters]);
        let quarantined = Observed {
            quarantined: true,
            ..waiting
        };
        assert_eq!(codes(quarantined), [Quarantined]);
    }

    #[test]
    fn all_reasons_are_told_at_once() {
        let observed = Observed {
            is_stopping: true,
            disk: LOW,
            ..READY
        };
        let reasons = observed.reasons();
        assert_eq!(reasons.len(), 2);
        let message = &reasons[1].message;
        assert!(message.contains("7 bytes are free"), "{message}");
    }
}
