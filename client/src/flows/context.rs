//! An open home: its vault, its identity, and the client of its cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cluster_api::{COMMAND_DEADLINE, ClusterApi, ClusterError};
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::{IrohBinding, IrohTransport, PeerTransport, Peers};
use crate::vault::records::Identity;
use crate::vault::unlock::{self, PassphraseSources};
use crate::vault::{Home, Vault, VaultError};

/// An open home.
#[derive(Debug, Clone)]
pub struct Context {
    pub vault: Vault,
    pub me: Arc<Identity>,
    pub api: ClusterApi,
}

/// A home that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    #[error("{} has no user yet; run `cameo init NAME` first, with \
             --cluster URL#FINGERPRINT or --invite", .0.display())]
    NoUser(PathBuf),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl Classified for ContextError {
    fn kind(&self) -> ErrorKind {
        match self {
            ContextError::NoUser(_) => ErrorKind::NoHome,
            ContextError::Vault(error) => error.kind(),
            ContextError::Cluster(error) => error.kind(),
        }
    }
}

/// An endpoint for peers that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BindError(String);

impl Classified for BindError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Context {
    /// Opens a home.
    ///
    /// # Errors
    /// When the home has no vault or no user, or the passphrase is missing or wrong.
    pub fn open(given: Option<PathBuf>) -> Result<Self, ContextError> {
        let home = Home::open(given)?;
        Self::of(unlock::open(&home, &PassphraseSources::of_this_process())?)
    }

    /// The context of an open vault.
    ///
    /// # Errors
    /// When the vault has no user, because `init` was not completed.
    pub fn of(vault: Vault) -> Result<Self, ContextError> {
        let me = vault
            .get::<Identity>(Identity::ID)?
            .ok_or_else(|| ContextError::NoUser(vault.home().path().to_owned()))?;
        let api = api_of(&vault, &me, COMMAND_DEADLINE)?;
        Ok(Self {
            vault,
            me: Arc::new(me),
            api,
        })
    }

    /// Another client of the same cluster, with this deadline for each call.
    ///
    /// # Errors
    /// As for [`ClusterApi::new`].
    pub fn api_within(&self, deadline: Duration) -> Result<ClusterApi, ClusterError> {
        api_of(&self.vault, &self.me, deadline)
    }

    /// The client of other agents over this transport.
    #[must_use]
    pub fn peers(&self, transport: Arc<dyn PeerTransport>) -> Peers {
        Peers::new(transport, self.me.card.clone(), self.me.certificate.clone())
    }

    /// Binds an endpoint of this device in this process.
    ///
    /// # Errors
    /// When the addresses cannot be listened on.
    pub async fn bind(&self, listen: Vec<SocketAddr>) -> Result<Arc<dyn PeerTransport>, BindError> {
        let binding = IrohBinding {
            seed: Zeroizing::new(*self.me.device.expose()),
            bind: listen,
            advertise_loopback: true,
        };
        let bound = IrohTransport::bind(binding).await;
        let transport = bound.map_err(|error| BindError(error.to_string()))?;
        Ok(transport)
    }
}

/// A client of the home's cluster, by its device, which goes on from the descriptor that the home
/// remembers.
fn api_of(vault: &Vault, me: &Identity, deadline: Duration) -> Result<ClusterApi, ClusterError> {
    let (device, memory) = (Arc::new(me.device_key()), Arc::new(vault.clone()));
    ClusterApi::of_home(me.pinned(), device, deadline, memory)
}
