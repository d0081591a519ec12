//! Grants that the ledger lacks, by the word of more nodes than may lie.

use cameo_common::api::ErrorCode;
use cameo_common::ids::GrantId;

use crate::cluster_api::ClusterApi;

/// Whether enough nodes lack this grant, each by its own state. A leader alone cannot say it for
/// the others.
pub async fn is_absent(api: &ClusterApi, grant: &GrantId) -> bool {
    api.do_enough_say(|node| async move {
        let told = api.grant_at(node, grant).await;
        told.is_err_and(|error| error.code() == Some(ErrorCode::NotFound))
    })
    .await
}
