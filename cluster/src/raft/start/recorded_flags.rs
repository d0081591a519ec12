//! Checks of the flags against the record of the cluster, which they cannot change.

use std::collections::BTreeMap;

use cameo_common::ids::{ClusterId, NodeId};
use thiserror::Error;

use super::Entrance;
use crate::raft::genesis::{Genesis, GenesisMember};

/// Flags that say something else than the record of the cluster.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FlagError {
    #[error(
        "--peers has node {node} at {given}, and the cluster has it at {known}: a cluster's \
         addresses cannot change yet, and nothing was changed. Give the --peers that it was formed \
         with: {all}{hint}"
    )]
    Address {
        node: NodeId,
        given: String,
        known: String,
        /// As in `--peers`.
        all: String,
        hint: &'static str,
    },
    #[error(
        "--peers does not name the nodes that formed this cluster: the flags of a \
         start change no nodes, and nothing was changed. Give the --peers that it was formed with, \
         and change the nodes with `cameod member`: {all}"
    )]
    Peers { all: String },
    #[error(
        "clients have this node at {known}, and it was started for {given}: a cluster's addresses \
         cannot change yet, and nothing was changed. Give the --http, or the --http-url, that it \
         was formed with"
    )]
    Url { given: String, known: String },
    #[error(
        "the token in --token is for cluster {given}, and this node's folder belongs to cluster \
         {known}; nothing was changed. Give the token that it joined with, or check --data"
    )]
    Token { given: ClusterId, known: ClusterId },
}

/// What is said of another address of this node itself.
const LISTEN_HINT: &str = ". Where this node itself listens is --listen";

/// Checks what `me` and its peers are by the flags. A worker's own addresses are checked against
/// the log, and its peers may be any members.
///
/// # Errors
/// See [`FlagError`].
pub(super) fn check(
    genesis: &Genesis,
    me: &GenesisMember,
    peers: &BTreeMap<NodeId, String>,
    entrance: &Entrance,
) -> Result<(), FlagError> {
    match entrance {
        // One that was promoted has not formed the cluster.
        Entrance::Found { .. } if genesis.member(me.id).is_none() => Ok(()),
        Entrance::Found { .. } => check_founder(genesis, me, peers),
        Entrance::Join(pass) => match genesis.cluster_id() {
            known if known != pass.cluster => Err(FlagError::Token {
                given: pass.cluster,
                known,
            }),
            _ => Ok(()),
        },
    }
}

fn check_founder(
    genesis: &Genesis,
    me: &GenesisMember,
    peers: &BTreeMap<NodeId, String>,
) -> Result<(), FlagError> {
    let founders = genesis.members.iter();
    let founders: BTreeMap<_, _> = founders.map(|one| (one.id, &one.link)).collect();
    let all = || {
        let each = founders.iter().map(|(id, link)| format!("{id}={link}"));
        each.collect::<Vec<_>>().join(",")
    };
    if !founders.keys().eq(peers.keys()) {
        return Err(FlagError::Peers { all: all() });
    }
    for ((node, known), given) in founders.iter().zip(peers.values()) {
        if *known != given {
            return Err(FlagError::Address {
                node: *node,
                given: given.clone(),
                known: (*known).clone(),
                all: all(),
                hint: if *node == me.id { LISTEN_HINT } else { "" },
            });
        }
    }
    match genesis.member(me.id) {
        Some(known) if known.http != me.http => Err(FlagError::Url {
            given: me.http.clone(),
            known: known.http.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use cameo_common::keys::PublicKey;
    use cameo_common::registration::RegistrationMode;

    use super::*;
    use crate::link::ClusterSecret;
    use crate::raft::WorkerPass;
    use crate::raft::genesis::GenesisTerms;

    const TERMS: GenesisTerms = GenesisTerms {
        operator: PublicKey([8; 32]),
        registration: RegistrationMode::Open,
        predecessor: None,
    };

    fn founder(id: u64) -> GenesisMember {
        GenesisMember {
            id: NodeId(id),
            link: format!("h{id}:1"),
            http: format!("https://h{id}:2"),
            key: [id as u8; 32],
            sealing: [id as u8 + 100; 32],
        }
    }

    fn genesis() -> Genesis {
        Genesis {
            members: vec![founder(1), founder(2)],
            terms: TERMS,
            nonce: [9; 32],
        }
    }

    /// Checks node 1, started with these peers and this URL.
    fn started(peers: &[(u64, &str)], http: &str) -> Result<(), FlagError> {
        let me = GenesisMember {
            http: http.to_owned(),
            ..founder(1)
        };
        let peers = peers.iter().map(|(id, at)| (NodeId(*id), (*at).to_owned()));
        let secret = ClusterSecret::from_bytes(b"0123456789abcdef".to_vec()).unwrap();
        let entrance = Entrance::Found {
            secret: Arc::new(secret),
            terms: TERMS,
        };
        check(&genesis(), &me, &peers.collect(), &entrance)
    }

    #[test]
    fn given_a_formed_cluster_when_flags_name_other_nodes_or_addresses_then_they_are_refused() {
        let http = "https://h1:2";
        assert_eq!(started(&[(1, "h1:1"), (2, "h2:1")], http), Ok(()));
        let told = |peers: &[(u64, &str)], http| started(peers, http).unwrap_err().to_string();

        let own = told(&[(1, "h1:7"), (2, "h2:1")], http);
        assert!(
            own.contains("node 1 at h1:7, and the cluster has it at h1:1"),
            "{own}"
        );
        assert!(
            own.contains("with: 1=h1:1,2=h2:1. Where this node itself listens"),
            "{own}"
        );
        let others = told(&[(1, "h1:1"), (2, "h7:1")], http);
        assert!(
            others.contains("node 2 at h7:1, and the cluster has it at h2:1"),
            "{others}"
        );
        assert!(others.ends_with("with: 1=h1:1,2=h2:1"), "{others}");
        for peers in [&[(1, "h1:1")][..], &[(1, "h1:1"), (2, "h2:1"), (3, "h3:1")]] {
            let told = told(peers, http);
            assert!(told.contains("`cameod member`"), "{told}");
        }
        let url = told(&[(1, "h1:1"), (2, "h2:1")], "https://h1:7");
        assert!(
            url.contains("at https://h1:2, and it was started for https://h1:7"),
            "{url}"
        );
    }

    #[test]
    fn given_a_worker_of_a_cluster_when_its_token_is_for_another_then_it_is_refused() {
        let pass = |cluster| {
            Entrance::Join(WorkerPass {
                cluster,
                bytes: Vec::new(),
            })
        };
        let (genesis, peers) = (genesis(), BTreeMap::new());
        let started = |cluster| check(&genesis, &founder(4), &peers, &pass(cluster));
        assert_eq!(started(genesis.cluster_id()), Ok(()));
        let refused = started(ClusterId([7; 32])).unwrap_err();
        assert!(matches!(refused, FlagError::Token { .. }), "{refused}");
    }
}
