//! Flags of `cameod member`.

use std::path::PathBuf;
use std::time::Duration;

use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::NodeId;
use clap::{Args, Subcommand};

use super::operator::{OrderFlags, TOKEN_DAYS, days};
use super::{ConfigError, node_id, peers};
use crate::operator::TokenOrder;
use crate::operator::member::{AddOrder, MemberChange, MemberOrder};

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
    /// Makes a new node a voter: waits until it has joined and caught up, and promotes it then.
    ///
    /// With --token it writes the node's token first, and the node is started with that meanwhile:
    /// `cameod --worker --token FILE ...`. Given again, it goes on where it was.
    Add {
        /// Id of the node; never one that another node has had.
        #[arg(value_parser = node_id())]
        id: NodeId,
        /// File to write the node's token to; one that is there for this cluster is kept.
        #[arg(long, value_name = "FILE", requires = "peers")]
        token: Option<PathBuf>,
        /// Members through which the node joins, with their Raft addresses.
        #[arg(
            long,
            value_delimiter = ',',
            value_name = "ID=HOST:PORT",
            requires = "token"
        )]
        peers: Vec<String>,
        /// Minutes to wait for the node.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: u64,
        #[command(flatten)]
        change: ChangeFlags,
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

    /// The order of a node to be added.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn addition(
        self,
        node: NodeId,
        token: Option<PathBuf>,
        through: &[String],
        minutes: u64,
    ) -> Result<AddOrder, ConfigError> {
        let OrderFlags { operator, cluster } = self.order;
        let through = peers(through)?;
        let token = token.map(|out| TokenOrder {
            cluster: cluster.cluster,
            peers: through,
            life: days(TOKEN_DAYS),
            out,
        });
        Ok(AddOrder {
            key: operator,
            cluster,
            node,
            token,
            wait: Duration::from_secs(minutes.saturating_mul(60)),
            force: self.force,
        })
    }
}
