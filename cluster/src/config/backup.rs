//! Flags of backups and of the cluster's status.

use std::path::PathBuf;

use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::ClusterId;
use clap::Args;

use super::operator::OrderFlags;

/// The flags of `backup`.
#[derive(Debug, Args)]
pub struct BackupFlags {
    /// File to write; it must not exist.
    pub file: PathBuf,
    #[command(flatten)]
    pub order: OrderFlags,
    /// Print one JSON document about the backup.
    #[arg(long)]
    pub json: bool,
}

/// The flags of `restore`.
#[derive(Debug, Args)]
pub struct RestoreFlags {
    /// The backup.
    pub file: PathBuf,
    /// Fingerprint of the cluster that it is a backup of: what follows # in its URL.
    #[arg(long, value_name = "FINGERPRINT")]
    pub from: ClusterId,
    /// Data folder of a node that forms the new cluster; it must be empty, or not exist.
    #[arg(long)]
    pub data: PathBuf,
}

/// The flags of `approve-restore`.
#[derive(Debug, Args)]
pub struct ApproveRestoreFlags {
    /// The backup that the nodes were prepared with.
    pub file: PathBuf,
    #[command(flatten)]
    pub order: OrderFlags,
}

/// The flags of `status`.
#[derive(Debug, Args)]
pub struct StatusFlags {
    /// URLs of nodes, separated by commas, at least one with the fingerprint that the nodes print:
    /// https://127.0.0.1:7101#FINGERPRINT.
    #[arg(long, value_name = "URL#FINGERPRINT,...")]
    pub cluster: ClusterAddress,
    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
}
