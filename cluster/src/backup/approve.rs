//! The operator's approval that a new cluster takes over the state of a backup.

use std::path::Path;

use cameo_common::api::OperatorCommand;
use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::ClusterId;

use super::file::BackupFileError;
use super::kept::KeptBackup;
use crate::operator::key_file;
use crate::operator::{OperatorClient, OrderError, Report, Tell, VerbError, request_id};

/// Why a restore was not approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    #[error(transparent)]
    Verb(#[from] VerbError),
    #[error(transparent)]
    File(#[from] BackupFileError),
    #[error(
        "cluster {0} does not begin from a backup, and nothing was changed: prepare the folders of \
         its nodes by `cameod restore` before they form it"
    )]
    NoPredecessor(ClusterId),
    #[error(
        "the new cluster begins from entry {theirs} of cluster {cluster}, and this backup ends at \
         entry {ours} of cluster {of}, or has another state: nothing was changed"
    )]
    OtherState {
        cluster: ClusterId,
        theirs: u64,
        of: ClusterId,
        ours: u64,
    },
}

impl From<OrderError> for ApproveError {
    fn from(error: OrderError) -> Self {
        Self::Verb(error.into())
    }
}

/// Verifies a backup as the nodes have, compares it with what the new cluster's fingerprint names,
/// and orders that its state is taken over.
///
/// # Errors
/// See [`ApproveError`].
pub async fn approve(
    key: &Path,
    address: ClusterAddress,
    file: &Path,
    tell: Tell<'_>,
) -> Result<Report, ApproveError> {
    let key = key_file::read(key).map_err(VerbError::from)?;
    let (kept, info) = KeptBackup::read(file)?;
    let cluster = address.cluster;
    let connected = OperatorClient::connect(key, address);
    let connected = tell.waiting("waiting for a node of the cluster to answer", connected);
    let client = connected.await?;
    let named = client.descriptors().newest().predecessor;
    let named = named.ok_or(ApproveError::NoPredecessor(cluster))?;
    let predecessor = kept.predecessor();
    if named != predecessor {
        return Err(ApproveError::OtherState {
            cluster: named.cluster,
            theirs: named.index,
            of: info.cluster,
            ours: info.index,
        });
    }
    let command = OperatorCommand::ApproveRestore { predecessor };
    tell.order(&client, &command, request_id()?).await?;
    Ok(Report {
        note: format!(
            "approved: cluster {cluster} takes over the state of cluster {} up to entry {}, in {} \
             pieces, and serves its users once it has them all. Every photo stays closed until its \
             owner opens it again",
            info.cluster,
            info.index,
            kept.pieces()
        ),
        output: None,
    })
}
