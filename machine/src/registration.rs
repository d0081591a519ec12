//! Registration: who may become a user, by the mode and by invites.
//!
//! An invite is used by the entry that registers its user: its row is gone with it. A user
//! who is registered already needs none, for a newer card or for another device.

use cameo_common::identity::UserCard;
use cameo_common::ids::{Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::registration::{InviteUse, MAX_INVITE_LIFE, RegistrationMode};
use cameo_common::signed::Signed;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::MAX_INVITES;
use super::origin::check_cluster;
use super::rows::{InviteRow, Registration};

/// Sets the mode.
pub fn set(draft: &mut Draft<'_>, mode: RegistrationMode) -> Result<Done, Refusal> {
    draft.put(&(), &Registration(mode));
    Ok(Done::Nothing)
}

/// Records an invite, and removes the expired ones.
pub fn create_invite(
    draft: &mut Draft<'_>,
    invite: &PublicKey,
    name: Option<&UserName>,
    not_after: Millis,
) -> Result<Done, Refusal> {
    if not_after <= draft.time() {
        return Err(Refusal::TooLate);
    }
    if not_after > draft.time().plus(MAX_INVITE_LIFE) {
        return Err(Refusal::Limit("life of an invite".into()));
    }
    let mut open = 0;
    for (key, row) in draft.scan::<InviteRow>(&(), MAX_INVITES) {
        if draft.time() > row.not_after {
            draft.delete::<InviteRow>(&key);
        } else {
            open += 1;
        }
    }
    if open >= MAX_INVITES {
        return Err(Refusal::Limit(format!("{MAX_INVITES} invites")));
    }
    let name = name.cloned();
    draft.put(invite, &InviteRow { name, not_after });
    Ok(Done::Nothing)
}

/// Whether a new user with this card may register. Uses up the invite.
pub fn admit_user(
    draft: &mut Draft<'_>,
    card: &UserCard,
    invite: Option<&Signed<InviteUse>>,
) -> Result<(), Refusal> {
    let Registration(mode) = draft.require::<Registration>(&());
    match (mode, invite) {
        (RegistrationMode::Open, None) => Ok(()),
        (RegistrationMode::Open | RegistrationMode::Invite, Some(invite)) => {
            use_up(draft, card, invite)
        }
        (RegistrationMode::Invite, None) | (RegistrationMode::Closed, _) => {
            Err(Refusal::RegistrationClosed(mode))
        }
    }
}

fn use_up(
    draft: &mut Draft<'_>,
    card: &UserCard,
    invite: &Signed<InviteUse>,
) -> Result<(), Refusal> {
    let used = draft.verify(invite)?;
    check_cluster(draft, used.cluster)?;
    if (used.identity, &used.name) != (card.key, &card.name) {
        return Err(Refusal::Mismatch(
            "the invite is used for another user".into(),
        ));
    }
    let row = draft
        .get::<InviteRow>(&used.invite)
        .ok_or(Refusal::BadInvite)?;
    let for_another = row.name.is_some_and(|name| name != card.name);
    if for_another || draft.time() > row.not_after {
        return Err(Refusal::BadInvite);
    }
    draft.delete::<InviteRow>(&used.invite);
    Ok(())
}
