//! Look-up of a user, of whom no node's word counts alone.

use cameo_common::api::ErrorCode;
use cameo_common::ids::UserName;

use super::more_nodes::{agreed, another_answer, is_of_the_answer};
use super::resolve::{DirectoryError, ResolvedUser, accept};
use super::retired::is_retired;
use crate::cluster_api::ClusterApi;
use crate::vault::Vault;
use crate::vault::records::Contact;

/// Looks up a user, and pins their key on first contact.
///
/// # Errors
/// When the name is not registered, or the key differs from the pinned one, by the answers of a
/// majority of the nodes.
pub async fn look_up(
    api: &ClusterApi,
    vault: &Vault,
    name: &UserName,
) -> Result<ResolvedUser, DirectoryError> {
    let info = api.user(name).await.map_err(|error| match error.code() {
        Some(ErrorCode::NotRegistered | ErrorCode::NotFound) => {
            DirectoryError::NotRegistered(name.clone())
        }
        _ => error.into(),
    })?;
    let info = match vault.get::<Contact>(name.as_str())? {
        Some(_) => info,
        None => agreed(api, name, info).await?,
    };
    match accept(vault, name, &info) {
        Err(why) if is_of_the_answer(&why) => another_answer(api, vault, name, why).await,
        found => found,
    }
}

/// Looks up a user with whom something new is to begin.
///
/// # Errors
/// As for [`look_up`], and when the operator has retired the user.
pub async fn look_up_active(
    api: &ClusterApi,
    vault: &Vault,
    name: &UserName,
) -> Result<ResolvedUser, DirectoryError> {
    let found = look_up(api, vault, name).await?;
    match is_retired(api, &found).await {
        true => Err(DirectoryError::Retired(found.name)),
        false => Ok(found),
    }
}
