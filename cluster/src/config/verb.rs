//! Commands of `cameod` other than running a node.

use std::path::PathBuf;

use clap::Subcommand;

use super::backup::{ApproveRestoreFlags, BackupFlags, RestoreFlags, StatusFlags};
use super::check::CheckFlags;
use super::member::MemberFlags;
use super::operator::{InviteFlags, RegistrationFlags, RemoveFlags, RetireFlags, TokenFlags};

/// Commands of `cameod` other than running a node.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Writes a new cluster secret, and beside it the operator's key.
    ///
    /// Both are readable by you only. Copy the secret to every node, and keep FILE.operator, the
    /// operator's key, off the nodes.
    Secret {
        /// File to write; neither it nor FILE.operator must exist.
        file: PathBuf,
        /// Seal the operator's key under a passphrase, from the first line of the file in
        /// CAMEO_OPERATOR_PASSPHRASE_FILE, else from the terminal. Orders then ask for it.
        #[arg(long)]
        passphrase: bool,
    },
    /// Writes a backup of the running cluster to a new file.
    ///
    /// It is one state of the cluster, which a majority of the voters has signed, and which has
    /// everything that was acknowledged before. It has no photo, and no key that opens one: nodes
    /// never have these. It has names, who shares with whom, how often and until when, and the
    /// sealed parts of keys: keep it as safe as a node's disk.
    Backup(BackupFlags),
    /// Checks the data folder of a node that does not run, or a backup, and changes nothing in it.
    ///
    /// Every file is read and verified; a line for each says what was found, and what to do. Exit
    /// codes: 0 it is whole; 1 it is damaged; 2 it was not checked: it is neither, a node is
    /// running on it, or it is of another version; or what it had cannot be told (`unknown`).
    Check(CheckFlags),
    /// Prepares the data folder of a node that forms a new cluster from a backup.
    ///
    /// The backup is verified and kept in the folder. Do this at every node that forms the new
    /// cluster, with the same backup, and then start them as those of any new cluster, with a new
    /// secret. It does nothing for its users before `cameod approve-restore`.
    Restore(RestoreFlags),
    /// Approves that a new cluster takes over the state of a backup.
    ///
    /// Users, devices, grants and what was used of them go on. Every photo stays closed until its
    /// owner opens it again.
    ApproveRestore(ApproveRestoreFlags),
    /// Says who may register from now on.
    Registration(RegistrationFlags),
    /// Creates an invite, by which one user registers with the cluster.
    Invite(InviteFlags),
    /// Retires a user: sessions end, and nothing new begins; the name stays taken.
    Retire(RetireFlags),
    /// Signs a token, by which one node joins as a worker.
    Token(TokenFlags),
    /// Removes a worker from the cluster, for good.
    Remove(RemoveFlags),
    /// Lists the members, and changes the nodes that vote and hold parts.
    ///
    /// A change is signed by a majority of the voters and by the operator's key. It is one node at
    /// a time, and given again goes on where it was.
    Member(MemberFlags),
    /// Asks every voter for its status: a line a node, and what is wrong.
    ///
    /// Needs no key. Exit codes: 0 the cluster is healthy; 1 something is wrong, and is said; 7 and
    /// 8 as for the others.
    Status(StatusFlags),
}
