//! Flags of the operator's verbs.

use std::path::PathBuf;
use std::time::Duration;

use cameo_common::cluster_address::ClusterAddress;
use cameo_common::ids::{NodeId, UserName};
use cameo_common::registration::{MAX_INVITE_LIFE, RegistrationMode};
use clap::Args;

use super::{ConfigError, node_id, peers};
use crate::operator::{InviteOrder, Operation, Order, TokenOrder};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// A day less than the cluster permits: log time may be behind the clock of the node that is asked.
const MAX_DAYS: u64 = MAX_INVITE_LIFE.as_secs() / DAY.as_secs() - 1;

/// Days until a worker's token expires.
pub(super) const TOKEN_DAYS: u64 = 7;

/// The flags that every order has.
#[derive(Debug, Args)]
pub struct OrderFlags {
    /// File with the operator's key, which `cameod secret` wrote beside the secret.
    #[arg(long, value_name = "FILE")]
    pub operator: PathBuf,
    /// URLs of nodes, separated by commas, at least one with the fingerprint that the nodes print:
    /// https://127.0.0.1:7101#FINGERPRINT.
    #[arg(long, value_name = "URL#FINGERPRINT,...")]
    pub cluster: ClusterAddress,
}

/// The flags of `registration`.
#[derive(Debug, Args)]
pub struct RegistrationFlags {
    /// open: everyone; invite: the bearer of an invite; closed: nobody.
    #[arg(value_name = "open|invite|closed")]
    mode: RegistrationMode,
    #[command(flatten)]
    order: OrderFlags,
}

/// The flags of `invite`.
#[derive(Debug, Args)]
pub struct InviteFlags {
    #[command(flatten)]
    order: OrderFlags,
    /// The only name that the invite registers.
    #[arg(long)]
    name: Option<UserName>,
    /// Days until it expires.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
    days: u64,
    /// File to write, instead of printing words; it must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The flags of `retire`.
#[derive(Debug, Args)]
pub struct RetireFlags {
    /// The user's name.
    name: UserName,
    #[command(flatten)]
    order: OrderFlags,
}

/// The flags of `remove`.
#[derive(Debug, Args)]
pub struct RemoveFlags {
    /// Id of the worker.
    #[arg(long, value_parser = node_id())]
    id: NodeId,
    #[command(flatten)]
    order: OrderFlags,
}

/// The flags of `token`.
#[derive(Debug, Args)]
pub struct TokenFlags {
    #[command(flatten)]
    order: OrderFlags,
    /// Members through which the node joins, with their Raft addresses; --peers of the node may
    /// name more.
    #[arg(long, value_delimiter = ',', value_name = "ID=HOST:PORT")]
    peers: Vec<String>,
    /// Days until it expires.
    #[arg(long, default_value_t = TOKEN_DAYS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
    days: u64,
    /// File to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl OrderFlags {
    fn order(self, operation: Operation) -> Order {
        Order {
            key: self.operator,
            cluster: self.cluster,
            operation,
        }
    }
}

impl RegistrationFlags {
    #[must_use]
    pub fn into_order(self) -> Order {
        self.order.order(Operation::SetRegistration(self.mode))
    }
}

impl InviteFlags {
    #[must_use]
    pub fn into_order(self) -> Order {
        let life = days(self.days);
        self.order.order(Operation::Invite(InviteOrder {
            name: self.name,
            life,
            out: self.out,
        }))
    }
}

impl RetireFlags {
    #[must_use]
    pub fn into_order(self) -> Order {
        self.order.order(Operation::Retire(self.name))
    }
}

impl RemoveFlags {
    #[must_use]
    pub fn into_order(self) -> Order {
        self.order.order(Operation::RemoveWorker(self.id))
    }
}

impl TokenFlags {
    /// The file of the operator's key, and what to sign.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(self) -> Result<(PathBuf, TokenOrder), ConfigError> {
        let order = TokenOrder {
            cluster: self.order.cluster.cluster,
            peers: peers(&self.peers)?,
            life: days(self.days),
            out: self.out,
        };
        Ok((self.order.operator, order))
    }
}

pub(super) fn days(days: u64) -> Duration {
    DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX))
}
