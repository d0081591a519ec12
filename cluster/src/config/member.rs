//! Flags of `cameod member`.

use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::NodeId;
use clap::{Args, Subcommand};

use super::node_id;
use super::operator::OrderFlags;
use crate::operator::member::{MemberChange, MemberOrder};

/// The flags of `member`.
#[derive(Debug, Args)]
pub struct MemberFlags {
    #[command(subcommand)]
    pub verb: MemberVerb,
}

/// What is done with the members.
#[derive(Debug, Subcommand)]
pub enum MemberVerb {
    /// Lists the members: role, newest descriptor that has it, entries applied, and whether it
    /// answers. Needs no key.
    List {
        /// URLs of nodes, separated by commas, at least one with the fingerprint that the nodes
        /// print: https://127.0.0.1:7101#FINGERPRINT.
        #[arg(long, value_name = "URL#FINGERPRINT,...")]
        cluster: ClusterAddress,
        /// Print one JSON document instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Makes a worker a voter, which holds parts of new grants.
    ///
    /// The worker has joined by its token, and has caught up. It starts again by itself, with the
    /// same flags.
    Promote {
        /// Id of the worker.
        #[arg(value_parser = node_id())]
        id: NodeId,
        #[command(flatten)]
        change: ChangeFlags,
    },
    /// Removes a member, for good: a voter by a change of the nodes, a worker as `cameod remove`.
    Remove {
        /// Id of the member.
        #[arg(value_parser = node_id())]
        id: NodeId,
        #[command(flatten)]
        change: ChangeFlags,
    },
    /// Puts a worker in the place of a voter, in one change.
    Replace {
        /// Id of the voter that leaves.
        #[arg(value_parser = node_id())]
        old: NodeId,
        /// Id of the worker that takes its place.
        #[arg(value_parser = node_id())]
        new: NodeId,
        #[command(flatten)]
        change: ChangeFlags,
    },
}

/// The flags that every change has.
#[derive(Debug, Args)]
pub struct ChangeFlags {
    #[command(flatten)]
    order: OrderFlags,
    /// Also if too few nodes are left that hold parts of live grants: nobody opens these any more.
    #[arg(long)]
    force: bool,
}

impl ChangeFlags {
    /// The order of a change.
    #[must_use]
    pub fn order(self, change: MemberChange) -> MemberOrder {
        MemberOrder {
            key: self.order.operator,
            cluster: self.order.cluster,
            change,
            force: self.force,
        }
    }
}
