//! The operator's side: asks the nodes for a snapshot, one after another, and writes it to a file.

use std::path::{Path, PathBuf};

use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::ClusterId;

use super::file::{BackupFileError, BackupInfo, Header, Unfinished};
use crate::operator::key_file;
use crate::operator::{CallError, Download, OperatorClient, OrderError, Tell, VerbError};

/// Longest snapshot that is written.
const MAX_SNAPSHOT: u64 = 16 << 30;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Verb(#[from] VerbError),
    #[error(transparent)]
    File(#[from] BackupFileError),
    /// What each node has said or sent, in a few words.
    #[error("no node has sent a backup that can be used, and no file was written: {0}")]
    NoNode(String),
}

impl From<OrderError> for BackupError {
    fn from(error: OrderError) -> Self {
        Self::Verb(error.into())
    }
}

/// Writes a backup of the cluster to a new file.
///
/// # Errors
/// See [`BackupError`]. No file is left under the name then.
pub async fn fetch(
    key: &Path,
    address: ClusterAddress,
    to: PathBuf,
    tell: Tell<'_>,
) -> Result<BackupInfo, BackupError> {
    let key = key_file::read(key).map_err(VerbError::from)?;
    let cluster = address.cluster;
    let connected = OperatorClient::connect(key, address);
    let connected = tell.waiting("waiting for a node of the cluster to answer", connected);
    let client = connected.await.map_err(unsent)?;
    // Before the order: what is acknowledged by now has to be in the backup.
    let needed = client.acknowledged().await.map_err(unsent)?;
    let waits = "waiting until a majority of the voters has signed its state";
    let mut failures = Vec::new();
    for url in client.urls() {
        let begun = tell.waiting(waits, client.begin_backup(url)).await?;
        let sent = match begun {
            Ok(download) => {
                let received = receive(&client, cluster, download, &to, needed).await;
                received.map_err(|error| error.of(url))
            }
            Err(why) => Err(Receive::Node(why)),
        };
        match sent {
            Ok(info) => return Ok(info),
            Err(Receive::File(error)) => return Err(error.into()),
            Err(Receive::Node(why)) => failures.push(why),
        }
    }
    Err(BackupError::NoNode(failures.join("; ")))
}

/// Of a backup, where no node answers: it changes nothing in a cluster.
fn unsent(error: OrderError) -> BackupError {
    match error {
        OrderError::NoNode(why) | OrderError::NoMajority(why) => BackupError::NoNode(why),
        other => other.into(),
    }
}

/// Why one node's backup is not used.
enum Receive {
    /// Another node may do better.
    Node(String),
    File(BackupFileError),
}

impl Receive {
    /// Damage is what this node has sent.
    fn of(self, url: &str) -> Self {
        match self {
            Self::File(BackupFileError::Damaged { why, .. }) => {
                Self::Node(format!("{url} has sent what is no backup: {why}"))
            }
            other => other,
        }
    }
}

impl From<CallError> for Receive {
    fn from(error: CallError) -> Self {
        Self::Node(error.to_string())
    }
}

impl From<BackupFileError> for Receive {
    fn from(error: BackupFileError) -> Self {
        Self::File(error)
    }
}

async fn receive(
    client: &OperatorClient,
    cluster: ClusterId,
    mut download: Download,
    to: &Path,
    needed: u64,
) -> Result<BackupInfo, Receive> {
    if download.len > MAX_SNAPSHOT {
        return Err(Receive::Node(format!(
            "a node has announced {} bytes",
            download.len
        )));
    }
    let header = Header {
        cluster,
        descriptors: client.descriptors().clone(),
        made: client.now(),
        snapshot: download.len,
    };
    let mut file = Unfinished::create(to, &header)?;
    while let Some(bytes) = download.next().await? {
        file.write(&bytes)?;
    }
    let info = file.finish(|info| {
        let is_this = info.cluster == cluster;
        match is_this && info.index >= needed {
            true => Ok(()),
            false => Err(format!(
                "it ends at entry {}, and the cluster had acknowledged entry {needed}",
                info.index
            )),
        }
    })?;
    Ok(info)
}
