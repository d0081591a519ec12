//! What every verb begins with: the home, its open vault, who we are, the cluster, and how to print.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::cli::exit::{Exit, Failure};
use crate::cluster_api::ClusterApi;
use crate::control;
use crate::output::Output;
use crate::peer::client::Peers;
use crate::peer::{IrohBinding, IrohTransport, PeerTransport};
use crate::vault::records::Identity;
use crate::vault::unlock::{self, Surroundings};
use crate::vault::{Home, Vault};

/// An open home.
#[derive(Debug, Clone)]
pub struct Context {
    pub vault: Vault,
    pub me: Arc<Identity>,
    pub api: ClusterApi,
    pub out: Output,
}

/// The home that was named, or the person's own.
///
/// # Errors
/// When there is none, or it cannot be made.
pub fn home(given: Option<PathBuf>) -> Result<Home, Failure> {
    Ok(match given {
        Some(path) => Home::at(path)?,
        None => Home::locate()?,
    })
}

impl Context {
    /// Opens the home.
    ///
    /// # Errors
    /// Exit 3 when nobody has run `init` in it.
    pub fn open(given: Option<PathBuf>, out: Output) -> Result<Self, Failure> {
        let home = home(given)?;
        let vault = unlock::open(&home, &Surroundings::of_this_process())?;
        Self::of(vault, out)
    }

    /// The same for a vault that is open.
    ///
    /// # Errors
    /// Exit 3 when nobody has finished `init` in it.
    pub fn of(vault: Vault, out: Output) -> Result<Self, Failure> {
        let me = vault.get::<Identity>(Identity::ID)?.ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                "no_home",
                format!(
                    "{} has no user yet; run `cameo init NAME --cluster URL` first",
                    vault.home().path().display()
                ),
            )
        })?;
        let api = ClusterApi::new(me.pinned(), Arc::new(me.device_key()))?;
        Ok(Self {
            vault,
            me: Arc::new(me),
            api,
            out,
        })
    }

    /// The way to other agents: through the agent of this home while it runs, else by an endpoint
    /// of this process. So there is never more than one endpoint with this device's key.
    ///
    /// # Errors
    /// When no endpoint can be bound; when the agent is of another version.
    pub async fn peers(&self) -> Result<Peers, Failure> {
        let home = self.vault.home();
        if control::answers(home).await? {
            let device = self.me.device_key().public().0;
            let through = control::ControlTransport::to(home, device);
            return Ok(self.speaking_over(Arc::new(through)));
        }
        Ok(self.speaking_over(self.bind(Vec::new()).await?))
    }

    /// This device's voice over a transport.
    #[must_use]
    pub fn speaking_over(&self, transport: Arc<dyn PeerTransport>) -> Peers {
        Peers::new(transport, self.me.card.clone(), self.me.certificate.clone())
    }

    /// An endpoint of this device in this process.
    ///
    /// # Errors
    /// When the addresses cannot be listened on.
    pub async fn bind(
        &self,
        listen: Vec<std::net::SocketAddr>,
    ) -> Result<Arc<dyn PeerTransport>, Failure> {
        let binding = IrohBinding {
            seed: Zeroizing::new(*self.me.device.expose()),
            bind: listen,
            advertise_loopback: true,
        };
        let bound = IrohTransport::bind(binding).await;
        let transport = bound.map_err(|error| Failure::other("listen", error.to_string()))?;
        Ok(transport)
    }
}
