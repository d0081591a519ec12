//! Retirement of users by the operator.
//!
//! A retired user has no sessions, and gets no new grants, views, devices or cards. What winds down
//! stays open: an owner can still lower and revoke rights, and a viewer acknowledge them. All rows
//! stay, so the name stays taken.

use cameo_common::ids::UserName;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::MAX_DEVICES_PER_USER;
use super::rows::{DeviceOf, Retired, User};
use super::sessions;

/// Retires a user, and ends their sessions. Done also when the user is retired already.
pub fn retire(draft: &mut Draft<'_>, user: &UserName) -> Result<Done, Refusal> {
    if draft.get::<User>(user).is_none() {
        return Err(Refusal::NotRegistered(user.clone()));
    }
    if draft.get::<Retired>(user).is_none() {
        let at = draft.time();
        draft.put(user, &Retired(at));
    }
    for ((_, device), DeviceOf) in draft.scan::<DeviceOf>(user, MAX_DEVICES_PER_USER) {
        sessions::end_running(draft, &device);
    }
    Ok(Done::Nothing)
}

/// Refuses a retired user.
pub fn check_active(draft: &Draft<'_>, user: &UserName) -> Result<(), Refusal> {
    match draft.get::<Retired>(user) {
        Some(_) => Err(Refusal::Retired(user.clone())),
        None => Ok(()),
    }
}
