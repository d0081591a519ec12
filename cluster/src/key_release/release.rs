//! Release of this node's part for a debited view, sealed to the one-time key of the debit.
//!
//! The node trusts neither the viewer nor the leader: it reads the debit from its own applied
//! state, and verifies every signature that permits the release.

use std::fmt;

use cameo_common::api::Released;
use cameo_common::ids::{Hash, Millis, NodeId};
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{PartContext, ReleaseContext, SealingError, open_part, release_part};
use cameo_common::signed::{Signed, StatementError};
use cameo_common::statements::{Deal, DealtPart, ViewRequest};
use data_encoding::BASE64URL_NOPAD;
use tokio::time::Instant;

use crate::host::rng::NodeRng;
use crate::raft::ReadError;
use crate::raft::{CALL_DEADLINE, Replica};
use cameo_machine::read::{self, Release};
use cameo_machine::{Refusal, StateView};

/// The reason why no part is released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The index comes from the client and may be wrong, so whether the view was charged is open.
    #[error(
        "index {asked} is above the cluster's confirmed index {confirmed}: repeat the debit with \
         the same request id, and use the index of its reply"
    )]
    Unconfirmed { asked: u64, confirmed: u64 },
    #[error("{0}")]
    Statement(#[from] StatementError),
    #[error("the committed statements of this view do not match: {0}")]
    Unsound(&'static str),
    #[error("this node holds no part of this deal: ask the nodes that the deal names")]
    NotAHolder,
    #[error("this node's part cannot be opened: the owner has to deal again")]
    Part(#[from] SealingError),
}

/// Releases this node's parts.
pub struct Releaser {
    node: NodeId,
    secret: SealingSecret,
    rng: NodeRng,
}

impl Releaser {
    /// A releaser for a node's id and the secret key that its parts are sealed to.
    #[must_use]
    pub fn new(node: NodeId, secret: SealingSecret, rng: NodeRng) -> Self {
        Self { node, secret, rng }
    }

    /// Releases this node's part for a view that was debited at log index `index` or before.
    ///
    /// # Errors
    /// When no barrier was possible or it is below `index`, when the view may not be released, and
    /// when this node has no part of the deal or cannot open it.
    pub async fn release(
        &self,
        replica: &dyn Replica,
        now: Millis,
        request: &Signed<ViewRequest>,
        index: u64,
    ) -> Result<Released, ReleaseError> {
        let content = request.verify()?;
        let confirmed = replica.barrier(Instant::now() + CALL_DEADLINE).await?;
        if index > confirmed {
            return Err(ReleaseError::Unconfirmed {
                asked: index,
                confirmed,
            });
        }
        let deal = verified_deal(&*replica.view(), request, &content, now)?;
        self.seal_to_one_time_key(&deal, &content, request.hash())
    }

    fn seal_to_one_time_key(
        &self,
        deal: &Deal,
        request: &ViewRequest,
        request_hash: Hash,
    ) -> Result<Released, ReleaseError> {
        let part = self.own_part(deal)?;
        let context = PartContext::of(deal, part);
        let opened = open_part(&self.secret, &context, part)?;
        let context = ReleaseContext {
            part: context,
            request: request.request,
            request_hash,
        };
        let mut generator = self.rng.generator();
        let released = release_part(&mut generator, &context, &request.one_time, &opened)?;
        Ok(Released {
            node: self.node,
            deal: deal.number,
            x: released.x,
            sealed: BASE64URL_NOPAD.encode(&released.sealed),
        })
    }

    fn own_part<'a>(&self, deal: &'a Deal) -> Result<&'a DealtPart, ReleaseError> {
        let own = self.secret.public();
        deal.parts
            .iter()
            .find(|part| part.node == self.node && part.key == own)
            .ok_or(ReleaseError::NotAHolder)
    }
}

impl fmt::Debug for Releaser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Releaser of node {}", self.node)
    }
}

/// The deal of a view that may be released. Its debit is in the state, and certificate, manifest,
/// rights and deal are signed by the right parties and match the request.
fn verified_deal(
    view: &dyn StateView,
    signed: &Signed<ViewRequest>,
    request: &ViewRequest,
    now: Millis,
) -> Result<Deal, ReleaseError> {
    let release: Release = read::release_check(view, signed, request, now)?;
    let certificate = release.certificate.verify()?;
    let manifest = release.manifest.verify()?;
    let rights = release.rights.verify()?;
    let deal = release.deal.verify()?;
    let sound = |holds: bool, what| {
        if holds {
            Ok(())
        } else {
            Err(ReleaseError::Unsound(what))
        }
    };
    sound(manifest.grant_id() == request.grant, "manifest and grant")?;
    sound(manifest.cluster == request.cluster, "manifest and cluster")?;
    sound(
        certificate.device == request.device && certificate.user == manifest.viewer,
        "device and viewer",
    )?;
    sound(
        rights.owner == manifest.owner && rights.grant == request.grant,
        "rights and manifest",
    )?;
    sound(
        deal.owner == manifest.owner
            && deal.viewer == manifest.viewer
            && deal.grant == request.grant
            && deal.cluster == request.cluster,
        "deal and manifest",
    )?;
    // Checked again, on the bodies verified above: `release_check` read its rows without a check of
    // signatures. By the later of this node's clock and log time, so that neither alone extends a
    // view.
    let now = now.max(read::log_time(view));
    if now >= certificate.not_after {
        return Err(Refusal::CertificateExpired.into());
    }
    rights.check(release.number, now).map_err(Refusal::from)?;
    Ok(deal)
}
