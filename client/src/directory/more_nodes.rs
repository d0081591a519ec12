//! Answers of more nodes than one to a look-up: the key at first contact, and another answer in
//! place of one that is not accepted.

use cameo_common::api::UserInfo;
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;

use super::pin::PinError;
use super::resolve::{DirectoryError, ResolvedUser, accept};
use crate::cluster_api::ClusterApi;
use crate::error_kind::Classified;
use crate::vault::Vault;

/// At first contact an answer with the key that a majority shows: once pinned, a false one would
/// have every true answer refused.
pub(super) async fn agreed(
    api: &ClusterApi,
    name: &UserName,
    info: UserInfo,
) -> Result<UserInfo, DirectoryError> {
    let first = key_of(name, &info);
    let shows_it = |node| async move {
        let told = api.user_at(node, name).await;
        first.is_some() && told.is_ok_and(|info| key_of(name, &info) == first)
    };
    if api.do_enough_say(shows_it).await {
        return Ok(info);
    }
    let all = api.user_by_each(name).await;
    let keys: Vec<_> = all.iter().map(|info| key_of(name, info)).collect();
    let is_agreed = |info: &UserInfo| {
        let key = key_of(name, info);
        let same = keys.iter().filter(|other| **other == key).count();
        key.is_some() && same > api.voters() / 2
    };
    let found = all.iter().find(|info| is_agreed(info)).cloned();
    found.ok_or_else(|| DirectoryError::Unconfirmed {
        name: name.clone(),
        why: Box::new(DirectoryError::Dishonest {
            name: name.clone(),
            what: "a key or card that too few nodes show",
        }),
    })
}

/// The key of the card, if it is signed and of this name.
fn key_of(name: &UserName, info: &UserInfo) -> Option<PublicKey> {
    let card = info.card.verify().ok()?;
    (card.name == *name).then_some(card.key)
}

/// The first answer of another node that is accepted, in place of one that is not.
///
/// # Errors
/// `why`, if a majority of the nodes answers so; else it is not believed, and ends nothing.
pub(super) async fn another_answer(
    api: &ClusterApi,
    vault: &Vault,
    name: &UserName,
    why: DirectoryError,
) -> Result<ResolvedUser, DirectoryError> {
    let mut same = 0;
    for info in api.user_by_each(name).await {
        match accept(vault, name, &info) {
            Err(other) if is_of_the_answer(&other) => {
                same += usize::from(other.kind() == why.kind())
            }
            found => return found,
        }
    }
    if same > api.voters() / 2 {
        return Err(why);
    }
    Err(DirectoryError::Unconfirmed {
        name: name.clone(),
        why: Box::new(why),
    })
}

/// Whether another node's answer may be accepted where this one was not.
pub(super) fn is_of_the_answer(why: &DirectoryError) -> bool {
    match why {
        DirectoryError::Dishonest { .. }
        | DirectoryError::Statement(_)
        | DirectoryError::Pin(PinError::KeyChanged(_) | PinError::OlderCard(_)) => true,
        DirectoryError::NotRegistered(_)
        | DirectoryError::Retired(_)
        | DirectoryError::Unconfirmed { .. }
        | DirectoryError::Pin(PinError::Vault(_))
        | DirectoryError::Cluster(_)
        | DirectoryError::Vault(_) => false,
    }
}
