//! Retirement by the operator, as enough nodes say of it.

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::ids::UserName;
use futures_util::future::join_all;

use super::ResolvedUser;
use crate::cluster_api::{ClusterApi, ClusterError};

/// Whether a user who was looked up is retired. Fewer nodes than may lie have nobody rejected.
pub async fn is_retired(api: &ClusterApi, found: &ResolvedUser) -> bool {
    found.retired.is_some() && is_user_retired(api, &found.name).await
}

/// Whether enough nodes say, each by its own state, that the operator has retired a user.
pub async fn is_user_retired(api: &ClusterApi, name: &UserName) -> bool {
    api.do_enough_say(|node| async move {
        let told = api.user_at(node, name).await;
        told.is_ok_and(|info| info.retired.is_some())
    })
    .await
}

/// The error of a call that ends because one of these users is retired, if enough nodes say so:
/// the refusal is the leader's word, also where another node passes it on.
pub async fn believed(api: &ClusterApi, of: &[&UserName], error: ClusterError) -> ClusterError {
    match error {
        ClusterError::Api(refusal) if refusal.code == ErrorCode::Retired => {
            confirmed(api, of, refusal).await
        }
        error => error,
    }
}

async fn confirmed(api: &ClusterApi, of: &[&UserName], refusal: ApiError) -> ClusterError {
    let retired = join_all(of.iter().map(|name| is_user_retired(api, name))).await;
    if retired.contains(&true) {
        refusal.into()
    } else {
        ClusterError::Unconfirmed(refusal)
    }
}
