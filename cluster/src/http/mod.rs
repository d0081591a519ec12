//! The HTTP API of `/v1`, one file a noun.
//!
//! A handler has four steps: authenticate the caller, parse the body, make one call to the replica
//! or another subsystem, and convert the result to a body. Handlers contain no rules.

mod auth;
mod backup;
mod body;
mod deadline;
mod error;
mod events;
mod grants;
mod jobs;
mod metrics;
mod nodes;
mod operator;
mod probes;
mod read;
mod registration_rate;
mod restoring;
mod rights;
mod serve;
mod sessions;
mod succession;
mod users;
mod views;
mod waiting;
mod write;
mod wrong_signers;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use cameo_common::api::ErrorCode;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::signed::Signed;
use cameo_common::statements::{NodeAddress, NodeKeysStatement};
use tokio::sync::watch;

pub use auth::Caller;
pub use error::Fault;
pub use probes::{MAX_LAG_ENTRIES, Probes};
pub use registration_rate::RegistrationRate;
pub use serve::{HttpPort, MAX_CONNECTIONS, MAX_METRICS_CONNECTIONS, Security, ServeLimits, serve};
pub use waiting::Waiting;
pub use wrong_signers::WrongSigners;

use crate::backup::Taking;
use crate::event_stream::Streams;
use crate::host::clock::WallClock;
use crate::host::signatures::RememberedSignatures;
use crate::jobs::{Dispatcher, Reporter, Worker};
use crate::key_release::Releaser;
use crate::latency::Latencies;
use crate::node_rpc::NodeRpc;
use crate::presence::Renewals;
use crate::raft::Replica;

/// A worker's key moves nothing at the voters, so that it cannot serve for them.
const WORKER_HERE: &str = "this node is a worker, which runs image jobs and nothing else: ask one \
                           of the cluster's voters, which GET /v1/cluster lists";

const PUBLIC_HERE: &str = "only health and metrics are served here: clients use the node's URL";

/// The state of the handlers.
#[derive(Clone)]
pub struct Api {
    deps: Arc<ApiDeps>,
}

/// The subsystems of a node that the API needs.
pub struct ApiDeps {
    pub node: NodeId,
    pub cluster: ClusterId,
    /// Where this node serves, signed by it.
    pub address: Signed<NodeAddress>,
    /// Its keys, signed by it.
    pub identity: Signed<NodeKeysStatement>,
    pub backups: Taking,
    /// False at a worker.
    pub has_vote: bool,
    pub replica: Arc<dyn Replica>,
    pub rpc: Arc<NodeRpc>,
    pub renewals: Renewals,
    pub streams: Arc<Streams>,
    pub releaser: Releaser,
    pub dispatcher: Arc<Dispatcher>,
    pub worker: Worker,
    pub reporter: Arc<Reporter>,
    pub clock: Arc<dyn WallClock>,
    pub signatures: Arc<RememberedSignatures>,
    pub latencies: Arc<Latencies>,
    pub registrations: RegistrationRate,
    pub wrong_signers: WrongSigners,
    /// True once the node is stopping.
    pub stopping: watch::Receiver<bool>,
}

impl Api {
    /// The API over a node's subsystems.
    #[must_use]
    pub fn new(deps: ApiDeps) -> Self {
        Self {
            deps: Arc::new(deps),
        }
    }

    /// What anyone may read, in the clear.
    pub fn public(self) -> Router {
        let router = Router::new()
            .merge(nodes::routes())
            .merge(metrics::routes())
            .fallback(async || Fault::new(ErrorCode::NoSuchPath, PUBLIC_HERE));
        deadline::limit(router, deadline::REQUEST_DEADLINE)
            .method_not_allowed_fallback(async || Fault::method_not_allowed())
            .with_state(self)
    }

    /// The routes of the API.
    pub fn router(self) -> Router {
        let here = Router::new().merge(nodes::routes());
        let backups = match self.has_vote {
            true => backup::routes(),
            false => Router::new(),
        };
        let router = if self.has_vote {
            let of_users = Router::new()
                .merge(users::routes())
                .merge(sessions::routes())
                .merge(grants::routes())
                .merge(rights::routes())
                .merge(views::routes())
                .merge(events::routes())
                .merge(jobs::place_routes());
            here.merge(restoring::closed_until_done(of_users, &self))
                .merge(operator::routes())
                .merge(succession::routes())
                .fallback(async || {
                    Fault::new(ErrorCode::NoSuchPath, "no such path: see docs/PROTOCOL.md")
                })
        } else {
            here.fallback(async || Fault::new(ErrorCode::Unavailable, WORKER_HERE))
        };
        deadline::limit(router, deadline::REQUEST_DEADLINE)
            // The input of a job has as long as its size takes, and so has a snapshot for a backup.
            .merge(jobs::run_routes())
            .merge(backups)
            .method_not_allowed_fallback(async || Fault::method_not_allowed())
            // `body` reads bodies within the limit of their path.
            .layer(DefaultBodyLimit::disable())
            .with_state(self)
    }
}

impl Deref for Api {
    type Target = ApiDeps;
    fn deref(&self) -> &ApiDeps {
        &self.deps
    }
}

impl fmt::Debug for ApiDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiDeps of node {}", self.node)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api of node {}", self.node)
    }
}
