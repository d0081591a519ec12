//! The background agent of a home.
//!
//! It holds the home's agent lock, keeps a session with the cluster, serves peers, follows the
//! cluster's event stream, works on the outbox, and deals grants again when the nodes have changed.
//! `cameo request` runs an agent of its own while it waits, if none is running.

mod error;
mod events;
mod gallery;
mod incoming_requests;
mod new_deals;
mod other_agent;
mod outbox;
mod own_requests;
mod received_rights;
mod retirement;
mod sent_carriers;
mod serve;
mod session;
#[cfg(test)]
pub(crate) mod tests;
mod unasked;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use cameo_common::ids::GrantId;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::cluster_api::ClusterError;
use crate::control::{ControlDeps, ControlServer};
use crate::flows::context::Context;
use crate::flows::notices::Notices;
use crate::peer::{PeerTransport, Peers, serve as serve_peers};
use crate::vault::{AgentLock, IoError};
use crate::viewer::HostedPages;
use retirement::Retirements;

pub use error::AgentError;
pub use outbox::backoff;

/// Options of an agent.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Addresses to listen on for peers; empty for every interface and any port.
    pub listen: Vec<SocketAddr>,
    /// Whether the user is listed among the users online.
    pub listed: bool,
}

/// State shared by the agent's tasks.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub ctx: Context,
    pub peers: Peers,
    pub notices: Notices,
    /// Notified when an outbox item may be due.
    pub wake: Arc<Notify>,
    /// The epoch of the running session, if any.
    pub epoch: Arc<watch::Sender<Option<u64>>>,
    /// The cluster's definite refusal of this device, if any.
    pub refused: Arc<watch::Sender<Option<ClusterError>>>,
    /// The same once it was repeated and no later attempt can succeed: the agent has to end.
    pub ended: Arc<watch::Sender<Option<ClusterError>>>,
    /// Notified when the session has to be renewed at once.
    pub renew: Arc<Notify>,
    pub listed: bool,
    /// The last notice of each grant's rights: their version, and whether the ledger has them.
    pub notified_rights: Arc<Mutex<BTreeMap<GrantId, (u64, bool)>>>,
    pub retirements: Arc<Retirements>,
}

/// A running agent. Dropping it stops its tasks; [`Agent::stop`] ends the session first.
#[derive(Debug)]
pub struct Agent {
    core: Core,
    transport: Arc<dyn PeerTransport>,
    tasks: JoinSet<()>,
    _lock: AgentLock,
}

impl Agent {
    /// Takes the agent lock, binds the endpoint and starts all tasks.
    ///
    /// # Errors
    /// When another agent runs on this home, or the addresses cannot be listened on.
    pub async fn start(ctx: Context, options: Options) -> Result<Self, AgentError> {
        let lock = AgentLock::take(ctx.vault.home())?;
        let transport = ctx.bind(options.listen.clone()).await?;
        let core = Core {
            peers: ctx.peers(Arc::clone(&transport)),
            ctx,
            notices: Notices::default(),
            wake: Arc::new(Notify::new()),
            epoch: Arc::new(watch::Sender::new(None)),
            refused: Arc::new(watch::Sender::new(None)),
            renew: Arc::new(Notify::new()),
            listed: options.listed,
            notified_rights: Arc::default(),
            retirements: Arc::default(),
            ended: Arc::new(watch::Sender::new(None)),
        };
        let control = ControlServer::bind(core.ctx.vault.home()).map_err(IoError)?;
        let deps = ControlDeps {
            transport: Arc::clone(&transport),
            notices: core.notices.clone(),
            wake: Arc::clone(&core.wake),
            pages: HostedPages::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(control.serve(deps));
        let service = Arc::new(serve::Service::new(core.clone()));
        tasks.spawn(serve_peers(Arc::clone(&transport), service));
        tasks.spawn(session::keep(core.clone()));
        tasks.spawn(events::follow(core.clone()));
        tasks.spawn(outbox::work(core.clone()));
        tasks.spawn(new_deals::make(core.clone()));
        tasks.spawn(sent_carriers::remove(core.clone()));
        tasks.spawn(own_requests::end_those_to_retired(core.clone()));
        Ok(Self {
            core,
            transport,
            tasks,
            _lock: lock,
        })
    }

    /// Waits until a session runs, and returns its epoch.
    ///
    /// # Errors
    /// When the cluster refuses this device definitely.
    pub async fn ready(&self) -> Result<u64, AgentError> {
        let mut epoch = self.core.epoch.subscribe();
        let mut refused = self.core.refused.subscribe();
        tokio::select! {
            running = epoch.wait_for(Option::is_some) => {
                running.ok().and_then(|epoch| *epoch).ok_or(AgentError::Stopped)
            }
            refusal = refused.wait_for(Option::is_some) => {
                let refusal = refusal.ok().and_then(|refusal| refusal.clone());
                Err(self.refusal(refusal))
            }
        }
    }

    /// Waits until the cluster has refused this device or its user for good, and returns that.
    pub async fn ended(&self) -> AgentError {
        let mut ended = self.core.ended.subscribe();
        let refusal = ended.wait_for(Option::is_some).await;
        let refusal = refusal.ok().and_then(|refusal| refusal.clone());
        self.refusal(refusal)
    }

    fn refusal(&self, refusal: Option<ClusterError>) -> AgentError {
        match refusal {
            None => AgentError::Stopped,
            Some(error) => AgentError::of_refusal(&self.core.ctx.me.name, error),
        }
    }

    /// The agent's notices.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.core.notices
    }

    /// The client of other agents.
    #[must_use]
    pub fn peers(&self) -> &Peers {
        &self.core.peers
    }

    /// The addresses at which peers reach the agent.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.transport.local_addresses()
    }

    /// Ends the session, closes the endpoint, stops all tasks.
    pub async fn stop(mut self) {
        self.tasks.abort_all();
        session::end(&self.core).await;
        self.transport.close().await;
    }
}
