//! The agent: there for others while its user is not looking.
//!
//! It holds the home's lock, announces a session and keeps it alive, serves peers, follows the
//! cluster's events, and works on what waits in the outbox. `request` runs the same for as long as
//! it waits, where no agent runs.

mod error;
mod events;
mod gallery;
mod inbox;
mod incoming_requests;
mod outbox;
mod serve;
mod session;
#[cfg(test)]
pub(crate) mod tests;

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

pub use error::AgentError;
pub use outbox::backoff;

/// What an agent may be told at its start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to listen for peers; none for every interface and any port.
    pub listen: Vec<SocketAddr>,
    /// Whether the user shows up among those online.
    pub listed: bool,
}

/// What the agent's tasks share.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub ctx: Context,
    pub peers: Peers,
    pub notices: Notices,
    /// Something may be due in the outbox.
    pub wake: Arc<Notify>,
    /// The epoch of the running session; none while there is none.
    pub epoch: Arc<watch::Sender<Option<u64>>>,
    /// Why the cluster does not take this device, once it has said so.
    pub refused: Arc<watch::Sender<Option<ClusterError>>>,
    /// The session has to be looked at, now.
    pub sign_of_life: Arc<Notify>,
    pub listed: bool,
    /// What was told last of each grant's rights: their version, and whether the ledger has them.
    pub told: Arc<Mutex<BTreeMap<GrantId, (u64, bool)>>>,
}

/// A running agent. Dropping it stops its tasks without a word; [`Agent::stop`] says goodbye.
#[derive(Debug)]
pub struct Agent {
    core: Core,
    transport: Arc<dyn PeerTransport>,
    tasks: JoinSet<()>,
    _lock: AgentLock,
}

impl Agent {
    /// Takes the home's lock, binds the endpoint and starts all tasks.
    ///
    /// # Errors
    /// When another agent runs on this home, or the addresses cannot be listened on.
    pub async fn start(ctx: Context, options: Options) -> Result<Self, AgentError> {
        let lock = AgentLock::take(ctx.vault.home())?;
        let transport = ctx.bind(options.listen.clone()).await?;
        let core = Core {
            peers: ctx.speaking_over(Arc::clone(&transport)),
            ctx,
            notices: Notices::default(),
            wake: Arc::new(Notify::new()),
            epoch: Arc::new(watch::Sender::new(None)),
            refused: Arc::new(watch::Sender::new(None)),
            sign_of_life: Arc::new(Notify::new()),
            listed: options.listed,
            told: Arc::default(),
        };
        let control = ControlServer::bind(core.ctx.vault.home()).map_err(IoError)?;
        let deps = ControlDeps {
            transport: Arc::clone(&transport),
            notices: core.notices.clone(),
            wake: Arc::clone(&core.wake),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(control.serve(deps));
        let service = Arc::new(serve::Service::new(core.clone()));
        tasks.spawn(serve_peers(Arc::clone(&transport), service));
        tasks.spawn(session::keep(core.clone()));
        tasks.spawn(events::follow(core.clone()));
        tasks.spawn(outbox::work(core.clone()));
        Ok(Self {
            core,
            transport,
            tasks,
            _lock: lock,
        })
    }

    /// Waits until the session runs; gives its epoch.
    ///
    /// # Errors
    /// When the cluster refuses this device for good.
    pub async fn ready(&self) -> Result<u64, AgentError> {
        let mut epoch = self.core.epoch.subscribe();
        let mut refused = self.core.refused.subscribe();
        tokio::select! {
            running = epoch.wait_for(Option::is_some) => {
                running.ok().and_then(|epoch| *epoch).ok_or(AgentError::Stopped)
            }
            no = refused.wait_for(Option::is_some) => {
                let no = no.ok().and_then(|no| no.clone());
                Err(no.map_or(AgentError::Stopped, AgentError::Refused))
            }
        }
    }

    /// What happens in it.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.core.notices
    }

    /// Its voice among peers.
    #[must_use]
    pub fn peers(&self) -> &Peers {
        &self.core.peers
    }

    /// Where peers reach it.
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
