//! The user's own devices: their list, the revocation of one, and a new key for this home.

mod not_stored;

use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{DeviceInfo, ErrorCode, Register, RevokeDevice, UserInfo};
use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::identity::{DeviceCertificate, DeviceRevocation};
use cameo_common::ids::{Millis, NodeId, UserName};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::signed::{Signed, StatementError};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use super::context::Context;
use super::open;
use crate::clock;
use crate::cluster_api::{COMMAND_DEADLINE, ClusterApi, ClusterError};
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::records::{Identity, PendingView, Secret};
use crate::vault::{AgentLock, Vault, VaultError};
pub use not_stored::NotStored;

/// Life of a device's certificate, after which `init` has to be run again.
pub const CERTIFICATE_LIFE: Duration = Duration::from_secs(400 * 24 * 3_600);
/// Bound on asking all nodes whether they refuse a revoked device.
const CHECK_DEADLINE: Duration = Duration::from_secs(2);
/// Pause before the nodes are asked again whether they show a new device.
const PAUSE: Duration = Duration::from_millis(300);

/// A device of this user, by certificates and revocations that the user has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDevice {
    pub device: PublicKey,
    /// Of its newest certificate.
    pub sequence: u64,
    pub not_after: Millis,
    pub revoked: bool,
}

/// What the nodes say of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Refusing {
    /// Nodes that refuse the device, as they say.
    pub confirmed: usize,
    /// So many that the others are too few for a view.
    pub needed: usize,
    pub nodes: usize,
}

impl Refusing {
    /// Whether the device gets no view any more, unless nodes lie.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.confirmed >= self.needed
    }
}

/// A device that is not listed, revoked or renewed.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error(
        "that is the device of this home: its agent and commands would be refused from then on, \
         and nothing was done; add `--this` if you mean it"
    )]
    ThisDevice,
    #[error("--this and DEVICE name two devices, and nothing was done: give one of them")]
    TwoDevices,
    #[error("you have no device of this key; `cameo device list` shows them")]
    NoSuchDevice,
    #[error(
        "a view of this device is not finished, and a new key would lose it: nothing was changed; \
         run `cameo view` again, or wait eleven minutes"
    )]
    ViewPending,
    /// Each run of the command would register another device.
    #[error(
        "the new device {device} is registered, and this home could not store its key: {why}. {}",
        .why.remedy(.device)
    )]
    Unstored { device: PublicKey, why: NotStored },
    #[error(
        "a node says that the new device {0} is registered, and too few others show it: this home \
         keeps its device; run the command again, and look with `cameo device list` whether {0} \
         is there, and is to be revoked"
    )]
    TooFewShow(PublicKey),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for DeviceError {
    fn kind(&self) -> ErrorKind {
        match self {
            DeviceError::ThisDevice | DeviceError::TwoDevices => ErrorKind::Usage,
            DeviceError::Statement(error) => error.kind(),
            DeviceError::NoSuchDevice => ErrorKind::NotFound,
            DeviceError::ViewPending => ErrorKind::Busy,
            DeviceError::TooFewShow(_) => ErrorKind::ClusterAway,
            DeviceError::Cluster(error) => error.kind(),
            DeviceError::Unstored { why, .. } => why.kind(),
            DeviceError::Vault(error) => error.kind(),
        }
    }
}

/// The devices of this user, in the directory's order. What the user has not signed is left out.
///
/// # Errors
/// When no node answers.
pub async fn list(ctx: &Context) -> Result<Vec<OwnDevice>, ClusterError> {
    Ok(own_devices(ctx, &ctx.api.user(&ctx.me.name).await?))
}

/// Whether the directory shows this home's device as revoked by its user.
#[must_use]
pub fn is_own_revoked(ctx: &Context, info: &UserInfo) -> bool {
    is_revoked(ctx, info, &ctx.me.device_key().public()) == Some(true)
}

/// Whether a device of this user is revoked; `None` when it is not listed.
fn is_revoked(ctx: &Context, info: &UserInfo, device: &PublicKey) -> Option<bool> {
    let devices = own_devices(ctx, info);
    let known = devices.iter().find(|known| known.device == *device)?;
    Some(known.revoked)
}

/// This home's device, by its own certificate.
///
/// # Errors
/// When the certificate cannot be read.
pub fn own(ctx: &Context) -> Result<OwnDevice, DeviceError> {
    let certificate = ctx.me.certificate.unverified()?;
    Ok(OwnDevice {
        device: certificate.device,
        sequence: certificate.sequence,
        not_after: certificate.not_after,
        revoked: false,
    })
}

fn own_devices(ctx: &Context, info: &UserInfo) -> Vec<OwnDevice> {
    let me = ctx.me.identity_key().public();
    let own = |info: &DeviceInfo| {
        let certificate = info.certificate.verify().ok()?;
        let revoked = info.revocation.as_ref().is_some_and(|signed| {
            signed
                .verify()
                .is_ok_and(|revoked| revoked.user == me && revoked.device == certificate.device)
        });
        (certificate.user == me).then_some(OwnDevice {
            device: certificate.device,
            sequence: certificate.sequence,
            not_after: certificate.not_after,
            revoked,
        })
    };
    info.devices.iter().filter_map(own).collect()
}

/// Revokes a device for good, and asks all nodes whether they refuse it. One that is revoked is
/// asked about again.
///
/// # Errors
/// When the device is not one of this user's, or no node records the revocation.
pub async fn revoke(ctx: &Context, device: &OwnDevice) -> Result<Refusing, DeviceError> {
    let key = ctx.me.identity_key();
    let content = DeviceRevocation {
        user: key.public(),
        cluster: ctx.me.cluster,
        device: device.device,
        sequence: device.sequence.saturating_add(1),
    };
    let body = RevokeDevice {
        revocation: Signed::new(&key, content),
    };
    let of_this = device.device == ctx.me.device_key().public();
    match ctx.api.revoke_device(&body).await {
        Ok(_) => {}
        // Its own revocation was carried out, and the answer was lost.
        Err(error) if of_this && error.code() == Some(ErrorCode::DeviceRevoked) => {}
        Err(error) if error.code() == Some(ErrorCode::NotFound) => {
            return Err(DeviceError::NoSuchDevice);
        }
        Err(error) => return Err(error.into()),
    }
    let descriptor = match ctx.api.known_descriptor().await {
        Some(known) => known,
        None => ctx.api.descriptor().await?,
    };
    let asked = descriptor
        .nodes
        .iter()
        .map(|node| timeout(CHECK_DEADLINE, refuses(ctx, node, device, &body)));
    let answers = join_all(asked).await;
    Ok(Refusing {
        confirmed: answers
            .iter()
            .filter(|answer| matches!(answer, Ok(true)))
            .count(),
        needed: (descriptor.nodes.len() + 1).saturating_sub(descriptor.threshold()),
        nodes: descriptor.nodes.len(),
    })
}

/// Whether a node says that it refuses the device. One that does not is told the revocation: the
/// node that has said that it is recorded may have lied.
async fn refuses(
    ctx: &Context,
    node: &NodeIdentity,
    device: &OwnDevice,
    body: &RevokeDevice,
) -> bool {
    if shows(ctx, node, device).await {
        return true;
    }
    // Whatever comes of it, its next answer tells.
    let _answer = ctx.api.revoke_device_at(node.id, body).await;
    shows(ctx, node, device).await
}

async fn shows(ctx: &Context, node: &NodeIdentity, device: &OwnDevice) -> bool {
    match ctx.api.user_at(node.id, &ctx.me.name).await {
        Ok(info) => own_devices(ctx, &info)
            .iter()
            .any(|known| known.device == device.device && known.revoked),
        // This home's own device.
        Err(error) => error.code() == Some(ErrorCode::DeviceRevoked),
    }
}

/// A new device key of this home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    pub device: PublicKey,
    /// Whether the device before is revoked; `None` when the directory has not said so.
    pub before_revoked: Option<bool>,
}

/// Gives this home a device key of its own and registers it: the remedy for a home that was copied,
/// or whose device was revoked. The device before stays as it is, and stays this home's until t
/// nodes show the new one.
///
/// # Errors
/// When an agent runs on this home, a view is not finished, or the cluster refuses the device.
pub async fn renew(ctx: &Context) -> Result<Renewed, DeviceError> {
    let _stopped = AgentLock::take(ctx.vault.home())?;
    check_no_view(&ctx.vault)?;
    let seed = clock::random();
    let device = Arc::new(SigningKey::from_seed(seed));
    let identity = ctx.me.identity_key();
    let certificate = DeviceCertificate {
        user: identity.public(),
        device: device.public(),
        sequence: 1,
        not_after: clock::now().plus(CERTIFICATE_LIFE),
    };
    let certificate = Signed::new(&identity, certificate);
    let register = Register {
        card: ctx.me.card.clone(),
        certificate: certificate.clone(),
        invite: None,
    };
    // Registered first: a key that the cluster does not know would leave the home without any.
    let memory = Arc::new(ctx.vault.clone());
    let pinned = ctx.me.pinned();
    let api = ClusterApi::of_home(pinned, Arc::clone(&device), COMMAND_DEADLINE, memory)?;
    api.register(&register).await?;
    let is_known = |node| knows(&api, node, &ctx.me.name, &register);
    let end = Instant::now() + api.deadline();
    // Each failure leaves a registered device behind: elections are waited for.
    while !api.do_enough_say(is_known).await {
        if Instant::now() >= end {
            return Err(DeviceError::TooFewShow(device.public()));
        }
        sleep(PAUSE).await;
    }
    let stored = ctx
        .vault
        .update::<Identity, VaultError>(Identity::ID, |found| {
            Ok(found.map(|found| Identity {
                device: Secret::new(seed),
                certificate,
                endpoint_sequence: 0,
                ..found
            }))
        });
    let device = device.public();
    stored
        .map_err(NotStored::from)
        .and_then(|stored| stored.ok_or(NotStored::Removed))
        .map_err(|why| DeviceError::Unstored { device, why })?;
    let before = ctx.me.device_key().public();
    let told = api.user(&ctx.me.name).await.ok();
    Ok(Renewed {
        device,
        before_revoked: told.and_then(|info| is_revoked(ctx, &info, &before)),
    })
}

/// Whether a node shows the calling device as registered. One that does not is told the
/// registration: the node that has said that it is recorded may have lied.
async fn knows(api: &ClusterApi, node: NodeId, name: &UserName, register: &Register) -> bool {
    if lists(api, node, name, register).await {
        return true;
    }
    // Whatever comes of it, its next answer tells.
    let _answer = api.register_at(node, register).await;
    lists(api, node, name, register).await
}

async fn lists(api: &ClusterApi, node: NodeId, name: &UserName, register: &Register) -> bool {
    let is_this = |known: &DeviceInfo| known.certificate == register.certificate;
    let told = api.user_at(node, name).await;
    told.is_ok_and(|info| info.devices.iter().any(is_this))
}

/// A view that was begun can be finished by the device that has signed its request alone.
fn check_no_view(vault: &Vault) -> Result<(), DeviceError> {
    let pending = vault.list::<PendingView>()?;
    if !pending.into_iter().all(|(_, view)| open::has_lapsed(&view)) {
        return Err(DeviceError::ViewPending);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
