//! Flags that run no node, with what to write instead.

use std::net::SocketAddr;

use cameo_common::ids::NodeId;

use super::MAX_PEERS;
#[cfg(feature = "baselines")]
use super::baseline;

/// Invalid flags. The messages say what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("--peers has `{0}`: write each node as ID=HOST:PORT, as in --peers 1=127.0.0.1:7001")]
    Peer(String),
    #[error("--peers names node {0} twice")]
    Twice(NodeId),
    #[error("--peers names {0} nodes: a cluster has at most {MAX_PEERS}")]
    TooMany(usize),
    #[error("--peers does not name this node: add {0}=HOST:PORT, or change --id")]
    NotAmongPeers(NodeId),
    #[error(
        "a worker has --token FILE, and no --secret: ask the operator for a token (`cameod token`)"
    )]
    Credential,
    #[error(
        "--listen has `{0}`: write it as IP:PORT with a fixed port, as in --listen 0.0.0.0:7001"
    )]
    Listen(String),
    #[error("--http has `{0}`: write it as IP:PORT, as in --http 127.0.0.1:7101")]
    Http(String),
    #[error("--metrics has `{0}`: write it as IP:PORT, as in --metrics 127.0.0.1:7201")]
    Metrics(String),
    #[error(
        "--http {0} is no address that clients can use: add --http-url https://HOST:PORT with the \
         one at which they reach this node"
    )]
    NoUrl(SocketAddr),
    #[error("--http-url has `{0}`: write it as https://HOST:PORT, without a path")]
    Url(String),
    #[error(
        "--http-url has `{0}`, which names no machine: write the address or name at which clients \
         reach this node"
    )]
    UnspecifiedUrl(String),
    #[error(
        "a worker needs --token FILE: ask the operator for a token (`cameod token`), or leave out \
         --worker and give --secret FILE"
    )]
    NoToken,
    #[error("--token is a worker's: add --worker, or leave it out and give --secret FILE")]
    NoWorker,
    #[error("--folder-is-newest is for voters alone: leave it out, because a worker has no vote")]
    NoFolderOfWorkers,
    #[error("a node needs --secret FILE, the same file as the other nodes': see `cameod secret`")]
    NoSecret,
    #[cfg(feature = "baselines")]
    #[error("--placement has `{0}`: write one of {names}", names = baseline::policies())]
    Placement(String),
    #[error("the timeouts must be ordered: heartbeat-ms < election-min-ms < election-max-ms")]
    Timeouts,
}

impl ConfigError {
    /// The option whose value is wrong, if it is one alone.
    pub(super) fn option(&self) -> Option<&'static str> {
        Some(match self {
            Self::Peer(_) | Self::Twice(_) | Self::TooMany(_) | Self::NotAmongPeers(_) => "peers",
            Self::Listen(_) => "listen",
            Self::Http(_) | Self::NoUrl(_) => "http",
            Self::Metrics(_) => "metrics",
            Self::Url(_) | Self::UnspecifiedUrl(_) => "http-url",
            Self::NoWorker => "token",
            #[cfg(feature = "baselines")]
            Self::Placement(_) => "placement",
            Self::Credential
            | Self::NoToken
            | Self::NoSecret
            | Self::NoFolderOfWorkers
            | Self::Timeouts => return None,
        })
    }
}
