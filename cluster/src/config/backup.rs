//! Flags of backups and of the cluster's status.

use std::path::PathBuf;

use cameo_common::cluster_address::ClusterAddress;
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
