//! The transition function: from the state and one entry to changes and a reply.
//!
//! Only a command that is carried out writes to the state. A refusal writes nothing, not even the
//! time, and is not stored: a repeat of a refused command is decided again. A repeat of a command
//! that was carried out gets the same reply and changes nothing; that of a debit has the newest
//! deal.

use cameo_common::ids::{NodeId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::op::Op;
use cameo_common::signed::{Strict, Verifier};
use cameo_common::statements::ViewRequest;
use cameo_common::wire;
use cameo_mutant::{Mutant, is_planted};

use super::command::{
    Command, Done, Entry, OLDEST_ENTRY_VERSION, Refusal, Reply, newest_entry_version,
};
use super::draft::Draft;
use super::origin::{self, Origin};
use super::sessions::SessionChange;
use super::state_view::{Change, StateView};
use super::{
    cluster, compaction, deals, devices, entry_version, grants, holders, principal, receipts,
    registration, restore, retirement, retries, rights, sessions, users, views, workers,
};

/// The effect of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// In key order, at most one for each row; all are written in one batch.
    pub changes: Vec<Change>,
    pub reply: Reply,
    /// Users whose event stream or sessions changed, in order of name.
    pub touched: Vec<UserName>,
    /// Sessions that began or ended, in this order.
    pub sessions: Vec<SessionChange>,
}

impl Decision {
    fn without_change(reply: Reply) -> Self {
        Self {
            changes: Vec::new(),
            reply,
            touched: Vec::new(),
            sessions: Vec::new(),
        }
    }
}

/// Decides the entry at log index `index` over the state after all entries before it.
///
/// # Panics
/// When a row of the state does not decode: see the module `rows`.
#[must_use]
pub fn decide(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    decide_verified_by(&Strict, view, index, entry)
}

/// [`decide`], by a verifier that may know signatures already: see [`crate::claims`]. It never
/// changes a decision.
#[must_use]
pub fn decide_verified_by(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    index: u64,
    entry: &[u8],
) -> Decision {
    let Entry {
        version,
        time,
        command,
    } = match decode(entry) {
        Ok(entry) => entry,
        Err(refusal) => return Decision::without_change(Err(refusal)),
    };
    let mut draft = Draft::new(view, verifier, index, time);
    entry_version::raise(&mut draft, version);
    match carried_out(&mut draft, &command) {
        Ok(Outcome::Before(reply)) => Decision::without_change(Ok(reply)),
        Ok(Outcome::Now(done)) => {
            let (changes, touched, sessions) = draft.finish();
            Decision {
                changes,
                reply: Ok(done),
                touched,
                sessions,
            }
        }
        Err(refusal) => Decision::without_change(Err(refusal)),
    }
}

/// Nodes of two builds would disagree on an entry of a version that only one of them knows. So an
/// entry of a later version is not decided: the store stops before it, see
/// [`crate::check_version`].
pub fn decode(entry: &[u8]) -> Result<Entry, Refusal> {
    wire::decode::<Entry>(entry)
        .ok()
        .filter(|entry| is_known(entry.version))
        .ok_or(Refusal::UnknownEntry)
}

fn is_known(version: u16) -> bool {
    (OLDEST_ENTRY_VERSION..=newest_entry_version()).contains(&version)
}

/// A command that is carried out, by an earlier entry or by this one.
pub enum Outcome {
    Before(Done),
    Now(Done),
}

/// Carries out a command, unless it was carried out before: that is looked up before all checks but
/// those of the caller, since lateness, or rights lowered since, do not undo a command.
pub fn carried_out(draft: &mut Draft<'_>, command: &Command) -> Result<Outcome, Refusal> {
    entry_version::check_known(draft, &command.op)?;
    let is_founded = cluster::founded(draft).is_some();
    if !is_founded && !matches!(command.op, Op::Found(_)) {
        return Err(Refusal::NotFounded);
    }
    restore::check_ready(draft, &command.op)?;
    let origin = origin::of(draft, command)?;
    if let Some(device) = origin.device() {
        devices::check_not_revoked(draft, &device)?;
    }
    if let Some(done) = stored_reply(draft, &origin, &command.op)?
        && !is_planted(Mutant::ApplyTwiceOnRetry)
    {
        return Ok(Outcome::Before(done));
    }
    retries::check_time(draft, &origin)?;
    let done = dispatch(draft, &origin, &command.op)?;
    // Among rows that are not all there yet, nothing is looked at.
    if !matches!(command.op, Op::TakeOver(_)) {
        retries::evict_old(draft);
        compaction::step(draft);
        holders::step(draft);
    }
    retries::store(draft, &origin, &done);
    Ok(Outcome::Now(done))
}

/// The reply to a command that was carried out before.
fn stored_reply(draft: &Draft<'_>, origin: &Origin, op: &Op) -> Result<Option<Done>, Refusal> {
    match (origin, op) {
        // The view rows are the retry table of debits, and live as long as the grant.
        (Origin::Viewer(asked), Op::Debit { request }) => {
            Ok(views::stored_reply(draft, asked, request))
        }
        _ => retries::stored_reply(draft, origin),
    }
}

fn dispatch(draft: &mut Draft<'_>, origin: &Origin, op: &Op) -> Result<Done, Refusal> {
    let principal = signer(origin).and_then(|device| principal::of(draft, &device));
    let active = principal.clone().and_then(|who| who.if_active(draft));
    match op {
        Op::Found(descriptor) => cluster::found(draft, node(origin)?, descriptor),
        Op::ExpireSessions(sessions) => {
            node(origin)?;
            sessions::expire(draft, sessions)
        }
        Op::Register {
            card,
            certificate,
            invite,
        } => users::register(draft, device(origin)?, card, certificate, invite.as_ref()),
        Op::StartSession { endpoint, listed } => {
            sessions::start(draft, &active?, endpoint, *listed)
        }
        Op::EndSession { epoch } => sessions::end(draft, &principal?, *epoch),
        Op::ReportOffline { user, epoch } => {
            sessions::report_offline(draft, &active?, user, *epoch)
        }
        Op::CreateGrant {
            request,
            manifest,
            deal,
            rights,
        } => grants::create(draft, &active?, request, manifest, deal, rights),
        Op::PutReceipt { receipt } => receipts::put(draft, &principal?, receipt),
        Op::PutRights { rights } => rights::put(draft, &principal?, rights),
        Op::AckRights { ack } => rights::acknowledge(draft, &principal?, ack),
        Op::Debit { request } => {
            let asked = viewer(origin)?;
            views::debit(draft, &active?, asked, request)
        }
        Op::RevokeDevice { revocation } => devices::revoke(draft, &principal?, revocation),
        Op::SetRegistration(mode) => {
            operator(origin)?;
            registration::set(draft, *mode)
        }
        Op::CreateInvite {
            invite,
            name,
            not_after,
        } => {
            operator(origin)?;
            registration::create_invite(draft, invite, name.as_ref(), *not_after)
        }
        Op::Retire { user } => {
            operator(origin)?;
            retirement::retire(draft, user)
        }
        Op::AdmitWorker { token, used } => match origin {
            Origin::TokenHolder => workers::admit(draft, token, used),
            _ => Err(Refusal::Forbidden("holder of the token".into())),
        },
        Op::RemoveWorker { node } => {
            operator(origin)?;
            workers::remove(draft, *node)
        }
        Op::ChangeDescriptor { link, force } => {
            operator(origin)?;
            cluster::change(draft, link, *force)
        }
        Op::PutDeal { deal } => deals::put(draft, &principal?, deal),
        Op::ApproveRestore(predecessor) => {
            operator(origin)?;
            restore::approve(draft, predecessor)
        }
        Op::TakeOver(piece) => {
            node(origin)?;
            restore::take_over(draft, piece)
        }
        Op::Reopen { reopening, deal } => restore::reopen(draft, &principal?, reopening, deal),
    }
}

fn operator(origin: &Origin) -> Result<(), Refusal> {
    match origin {
        Origin::Operator(_) => Ok(()),
        _ => Err(Refusal::Forbidden("operator of the cluster".into())),
    }
}

fn viewer(origin: &Origin) -> Result<&ViewRequest, Refusal> {
    match origin {
        Origin::Viewer(asked) => Ok(asked),
        _ => Err(Refusal::Forbidden("device that signed the request".into())),
    }
}

/// The device that has signed the command, or the request of a view.
fn signer(origin: &Origin) -> Result<PublicKey, Refusal> {
    let device = origin.device();
    device.ok_or_else(|| Refusal::Forbidden("device of a user".into()))
}

fn device(origin: &Origin) -> Result<PublicKey, Refusal> {
    match origin {
        Origin::Device(authorization) => Ok(authorization.device),
        _ => Err(Refusal::Forbidden("device of a user".into())),
    }
}

fn node(origin: &Origin) -> Result<NodeId, Refusal> {
    match origin {
        Origin::Node(node) => Ok(*node),
        _ => Err(Refusal::Forbidden("nodes of the cluster".into())),
    }
}
