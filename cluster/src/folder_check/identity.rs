//! The files that say whose folder it is.

use std::io;
use std::path::Path;

use cameo_common::ids::{ClusterId, NodeId};

use super::finding::Findings;
use crate::host::lost_folder::LOST_FOLDER;
use crate::link::{NodeKeyError, NodeKeys};
use crate::raft::quarantine::QuarantineFile;
use crate::raft::{Genesis, RecordError, RecordFile, SecretCheckError, verify_secret_check};
use crate::store::check::HeldFolder;

/// Files that a node writes as a voter.
const OF_VOTERS: [QuarantineFile; 3] = [
    QuarantineFile::Peers,
    QuarantineFile::Marker,
    QuarantineFile::Succession,
];
const NODE_KEY: &str = "node.key";
const NODE: &str = "NODE";
pub(super) const GENESIS: &str = "genesis";
const SECRET_CHECK: &str = "secret-check";
pub(super) const ORIGIN: &str = "origin";

/// What the other parts are compared with, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub node: Option<NodeId>,
    pub cluster: Option<ClusterId>,
    pub genesis: Option<Genesis>,
    /// The log had begun: an empty one is a loss.
    pub log_begun: bool,
    /// The node has taken part as a voter, also one that was promoted.
    pub took_part: bool,
}

impl Identity {
    /// Other nodes that remember how far this one had come: the voters, of a voter. `None` of a
    /// node that is none, or where that is not known.
    pub fn other_voters(&self) -> Option<usize> {
        let (node, genesis) = (self.node?, self.genesis.as_ref()?);
        match genesis.member(node) {
            Some(_) => Some(genesis.members.len() - 1),
            // Those that have promoted it, or came after them.
            None => self.took_part.then_some(genesis.members.len()),
        }
    }

    /// Whether it has formed the cluster, and has its secret.
    fn is_founder(&self) -> bool {
        let (node, genesis) = (self.node, self.genesis.as_ref());
        let founder = node
            .zip(genesis)
            .and_then(|(node, genesis)| genesis.member(node));
        founder.is_some()
    }

    /// Whether it is known to have no vote.
    pub fn is_worker(&self) -> bool {
        self.genesis.is_some() && self.other_voters().is_none()
    }
}

pub(super) fn check(folder: &HeldFolder, data: &Path, findings: &mut Findings) -> Identity {
    let mut identity = Identity {
        // Voters alone have these; workers have an origin too.
        took_part: OF_VOTERS.iter().any(|file| data.join(file.name()).exists()),
        ..Identity::default()
    };
    node_record(folder, &mut identity, findings);
    genesis(data, &mut identity, findings);
    if identity.genesis.is_some() && !findings.has(NODE) {
        let advice = "the next start writes it again, as `genesis` has the same";
        findings.notice(NODE, "there is none, and the node has a cluster", advice);
    }
    node_key(data, &identity, findings);
    match verify_secret_check(data) {
        Ok(false) if identity.is_founder() => findings.notice(
            SECRET_CHECK,
            "there is none",
            "the next start writes it by the secret that it is given, and does not notice if that \
             is another cluster's: give the same file as before",
        ),
        Ok(false) => {}
        Ok(true) => findings.whole(SECRET_CHECK, "the check of the cluster's secret"),
        Err(error @ SecretCheckError::Version { .. }) => findings.newer(SECRET_CHECK, error),
        Err(error) => findings.damage(SECRET_CHECK, error),
    }
    identity
}

fn node_record(folder: &HeldFolder, identity: &mut Identity, findings: &mut Findings) {
    match folder.node_record() {
        Ok(Some(record)) => {
            identity.node = Some(record.raft_id);
            identity.cluster = Some(record.cluster);
            let (node, cluster) = (record.raft_id, record.cluster);
            findings.whole(NODE, format!("node {node} of cluster {cluster}"));
        }
        Ok(None) => {}
        Err(error) if error.kind() == io::ErrorKind::Unsupported => findings.newer(NODE, error),
        Err(error) => findings.damaged(NODE, error, LOST_FOLDER),
    }
}

fn genesis(data: &Path, identity: &mut Identity, findings: &mut Findings) {
    let record = match RecordFile::of(data).read() {
        Ok(Some(record)) => record,
        Ok(None) if identity.cluster.is_some() => {
            let found = "it is gone, and the node has a cluster";
            return findings.damaged(GENESIS, found, LOST_FOLDER);
        }
        Ok(None) => return,
        Err(error @ RecordError::Version { .. }) => return findings.newer(GENESIS, error),
        Err(error) => return findings.damage(GENESIS, error),
    };
    let cluster = record.genesis.cluster_id();
    let is_other = identity.cluster.is_some_and(|known| known != cluster)
        || identity.node.is_some_and(|known| known != record.node);
    if is_other {
        let found = format!(
            "it is of node {} of cluster {cluster}, and NODE is not",
            record.node
        );
        return findings.damaged(GENESIS, found, LOST_FOLDER);
    }
    let voters = record.genesis.members.len();
    findings.whole(
        GENESIS,
        format!("cluster {cluster} was formed by {voters} voters"),
    );
    identity.node = Some(record.node);
    identity.cluster = Some(cluster);
    identity.log_begun = record.initialised;
    identity.genesis = Some(record.genesis);
}

fn node_key(data: &Path, identity: &Identity, findings: &mut Findings) {
    let keys = match NodeKeys::load(&data.join(NODE_KEY)) {
        Ok(Some(keys)) => keys,
        Ok(None) if identity.cluster.is_some() => {
            return findings.damaged(
                NODE_KEY,
                "it is gone, and the node has a cluster",
                "put a copy of this file in its place, which never changes; without one the node \
                 is lost",
            );
        }
        Ok(None) => return,
        Err(error @ NodeKeyError::Version { .. }) => return findings.newer(NODE_KEY, error),
        Err(error) => return findings.damage(NODE_KEY, error),
    };
    let member = identity.node.zip(identity.genesis.as_ref());
    let member = member.and_then(|(node, genesis)| genesis.member(node));
    match member {
        Some(member) if member.key != keys.public() || member.sealing != keys.sealing_public() => {
            findings.damaged(
                NODE_KEY,
                "it is not the key with which this node has formed its cluster",
                "put this node's own key file in its place",
            );
        }
        _ => findings.whole(NODE_KEY, "the keys of the node"),
    }
}
