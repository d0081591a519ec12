//! Refusals that need no entry: of commands of callers without authority, by a state that was
//! applied. Entries that are refused would let anyone make the log grow. The final word stays with
//! [`crate::decide`].

use cameo_common::ids::Millis;
use cameo_common::keys::PublicKey;
use cameo_common::op::Op;
use cameo_common::signed::Verifier;

use super::command::{Caller, Command, Refusal};
use super::decide::carried_out;
use super::draft::Draft;
use super::read;
use super::rows::{self, Retired};
use super::state_view::StateView;

/// The refusal of a command of a caller who may have no authority: one who registers, joins, or was
/// revoked or retired. None when a later entry could be decided otherwise in this state. `now` is
/// the time of a clock, for what has expired since the last entry.
#[must_use]
pub fn early_refusal(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    command: &Command,
    now: Millis,
) -> Option<Refusal> {
    if has_authority(view, command) {
        return None;
    }
    let refusal = refusal_now(verifier, view, command, now)?;
    (!is_lifted_by_time(&refusal)).then_some(refusal)
}

/// The refusal that an entry with this command would get over this state, at this time or the time
/// of the last entry.
#[must_use]
pub fn refusal_now(
    verifier: &dyn Verifier,
    view: &dyn StateView,
    command: &Command,
    now: Millis,
) -> Option<Refusal> {
    let mut draft = Draft::new(view, verifier, 0, now);
    carried_out(&mut draft, command).err()
}

fn has_authority(view: &dyn StateView, command: &Command) -> bool {
    match (&command.caller, &command.op) {
        (_, Op::Register { .. } | Op::AdmitWorker { .. }) => false,
        (Caller::Node(_) | Caller::Operator(_), _) => true,
        (Caller::Device(signed), _) => {
            let signed = signed.unverified();
            signed.is_ok_and(|content| is_active(view, &content.device))
        }
        (Caller::Signer, Op::Debit { request }) => {
            let request = request.unverified();
            request.is_ok_and(|content| is_active(view, &content.device))
        }
        (Caller::Signer, _) => false,
    }
}

fn is_active(view: &dyn StateView, device: &PublicKey) -> bool {
    read::caller(view, device)
        .is_some_and(|caller| !caller.revoked && rows::get::<Retired>(view, &caller.user).is_none())
}

/// Whether the same command may be carried out over the same state at a later time.
fn is_lifted_by_time(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::TooFarAhead
        | Refusal::RequestTooOld
        | Refusal::GrantExists(_)
        | Refusal::TooManyDevices(_)
        | Refusal::TooManyGrants(_)
        | Refusal::TooFewHolders { .. }
        | Refusal::Limit(_) => true,
        Refusal::UnknownEntry
        | Refusal::AlreadyFounded
        | Refusal::NotFounded
        | Refusal::Malformed
        | Refusal::TooLate
        | Refusal::RequestReused
        | Refusal::UnknownDevice
        | Refusal::CertificateExpired
        | Refusal::NameTaken(_)
        | Refusal::KeyTaken
        | Refusal::Stale
        | Refusal::NotRegistered(_)
        | Refusal::SessionEnded
        | Refusal::NoSuchGrant
        | Refusal::Forbidden(_)
        | Refusal::Mismatch(_)
        | Refusal::BadDeal
        | Refusal::StaleVersion(_)
        | Refusal::Revoked
        | Refusal::Expired
        | Refusal::UsedUp
        | Refusal::NotDebited
        | Refusal::BadSignature
        | Refusal::DeviceRevoked
        | Refusal::NoSuchDevice
        | Refusal::RegistrationClosed(_)
        | Refusal::BadInvite
        | Refusal::Retired(_)
        | Refusal::BadToken
        | Refusal::NodeRemoved(_)
        | Refusal::NotAWorker(_)
        | Refusal::NotSuccessor(_)
        | Refusal::StaleDeal { .. }
        | Refusal::DealtAlready(_)
        | Refusal::Restoring { .. }
        | Refusal::OtherPiece { .. }
        | Refusal::ClosedByRestore
        | Refusal::StaleReopening { .. }
        | Refusal::NotClosed => false,
    }
}
