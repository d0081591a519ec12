//! Statements about one grant: the viewer's request, the owner's manifest and deal, the viewer's
//! receipt, view requests and acknowledgements, and a node's confirmation of rights. Rights have a
//! file of their own. Statements of nodes about the cluster: addresses, keys, checkpoints,
//! progress, tickets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use crate::keys::{PublicKey, SealingPublic};
use crate::signed::Statement;

macro_rules! statement {
    ($name:ident, $label:literal, $version:literal, $signer:ident) => {
        impl Statement for $name {
            const LABEL: &'static str = $label;
            const VERSION: u16 = $version;
            fn signer(&self) -> PublicKey {
                self.$signer
            }
        }
    };
}

/// A viewer's request for one image; no grant is made without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoRequest {
    /// The viewer's identity key, which signs.
    pub viewer: PublicKey,
    pub owner: PublicKey,
    pub image: ImageId,
    pub request: RequestId,
    pub asked_at: Millis,
}
statement!(PhotoRequest, "photo-request", 1, viewer);

/// The owner's statement that binds carrier, rights, deals and receipt to one grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The owner's identity key, which signs.
    pub owner: PublicKey,
    pub owner_name: UserName,
    pub viewer: PublicKey,
    pub viewer_name: UserName,
    /// The viewer's sealing key, to which the viewer share is sealed.
    pub viewer_sealing: SealingPublic,
    pub cluster: ClusterId,
    pub image: ImageId,
    /// Random, drawn by the owner.
    pub nonce: Hash,
    /// Hash of the exact bytes of the viewer's request.
    pub request: Hash,
    /// Hash and length of the sealed bytes in the carrier.
    pub payload: Hash,
    pub payload_length: u64,
    /// Commitment to the content key.
    pub key_commitment: Hash,
}
statement!(Manifest, "manifest", 1, owner);

impl Manifest {
    /// See [`grant_id`].
    #[must_use]
    pub fn grant_id(&self) -> GrantId {
        grant_id(
            &self.owner,
            &self.viewer,
            &self.image,
            &self.nonce,
            &self.request,
        )
    }
}

/// The id of a grant: hash(owner, viewer, image, nonce of the owner, hash of the viewer's signed
/// request). A request is dated, and makes one grant; so an id does not come again after its rows
/// have gone, when the nodes' floors still know it.
#[must_use]
pub fn grant_id(
    owner: &PublicKey,
    viewer: &PublicKey,
    image: &ImageId,
    nonce: &Hash,
    request: &Hash,
) -> GrantId {
    let mut hasher = blake3::Hasher::new_derive_key("cameo grant id v2");
    hasher
        .update(&owner.0)
        .update(&viewer.0)
        .update(&image.0)
        .update(&nonce.0)
        .update(&request.0);
    GrantId(*hasher.finalize().as_bytes())
}

/// One node's part of a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealtPart {
    pub node: NodeId,
    /// The node's sealing key.
    pub key: SealingPublic,
    /// The point at which the polynomial was evaluated, 1..=255.
    pub x: u8,
    /// The part, sealed to the node.
    pub sealed: Vec<u8>,
    /// Hash of the part, so that a wrong one is detected when it is released.
    pub commitment: Hash,
}

/// The owner's knowledge of a grant at the time of a deal. A holder of a part begins with it, so
/// that a node that has no record of the grant does not begin at nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFloor {
    /// Version of the owner's newest rights.
    pub rights_version: u64,
    /// Views used by then.
    pub used: u32,
}

impl FirstFloor {
    /// Of a grant that is new.
    pub const NEW: Self = Self {
        rights_version: 1,
        used: 0,
    };
}

/// A cluster share, split over the voting nodes so that `threshold` parts reconstruct it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// The owner's identity key, which signs.
    pub owner: PublicKey,
    pub viewer: PublicKey,
    pub cluster: ClusterId,
    pub grant: GrantId,
    /// 1 for the first deal of a grant; each later one has a fresh polynomial.
    pub number: u64,
    /// Hash of the descriptor whose nodes get the parts.
    pub descriptor: Hash,
    pub threshold: u8,
    pub first_floor: FirstFloor,
    /// In ascending order of node id.
    pub parts: Vec<DealtPart>,
}
statement!(Deal, "deal", 2, owner);

/// An owner's statement that a grant which a restored cluster has taken over goes on there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reopening {
    /// The owner's identity key, which signs.
    pub owner: PublicKey,
    /// The restored cluster.
    pub cluster: ClusterId,
    pub grant: GrantId,
    /// Version of the rights by which it goes on: those in the ledger.
    pub rights_version: u64,
    /// Views that count as used: never fewer than in the ledger, whose state may be older than what
    /// was seen.
    pub used: u32,
}
statement!(Reopening, "reopening", 1, owner);

/// A viewer's statement that the carrier arrived whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The viewer's identity key, which signs.
    pub viewer: PublicKey,
    pub grant: GrantId,
    /// Hash of the carrier as it arrived.
    pub carrier: Hash,
    pub received_at: Millis,
}
statement!(Receipt, "receipt", 1, viewer);

/// A device's request for one view, and its authorization of the debit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRequest {
    /// The viewer's device, which signs.
    pub device: PublicKey,
    pub cluster: ClusterId,
    pub grant: GrantId,
    pub request: RequestId,
    /// Parts are released to this key only; the device syncs its secret to disk before it asks.
    pub one_time: SealingPublic,
    /// The view is not charged later than this.
    pub not_after: Millis,
}
statement!(ViewRequest, "view-request", 2, device);

/// A viewer's statement that rights of this version arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsAck {
    /// The viewer's identity key, which signs.
    pub viewer: PublicKey,
    pub grant: GrantId,
    pub version: u64,
}
statement!(RightsAck, "rights-ack", 1, viewer);

/// A node's statement that it releases nothing by older rights, whatever becomes of its log and its
/// state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The node's key, which signs.
    pub node: PublicKey,
    pub cluster: ClusterId,
    pub grant: GrantId,
    /// Version of the rights.
    pub version: u64,
    /// Hash of the exact bytes of the rights.
    pub rights: Hash,
}
statement!(Confirmation, "confirmation", 1, node);

/// Longest URL of a node, in bytes.
pub const MAX_NODE_URL: usize = 256;

/// A node's statement of where it serves clients. No other node can make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAddress {
    /// The node's key in the descriptor, which signs.
    pub key: PublicKey,
    pub cluster: ClusterId,
    /// Base URL of its API.
    pub url: String,
    /// By the node's clock. The latest counts.
    pub stated: Millis,
}
statement!(NodeAddress, "node-address", 1, key);

/// A node's statement of its id and keys. An operator takes them into the next descriptor, if the
/// cluster has admitted the node by that key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeKeysStatement {
    /// Proves the node on its links and signs.
    pub key: PublicKey,
    pub cluster: ClusterId,
    pub id: NodeId,
    /// Parts for this node are sealed to it.
    pub sealing: SealingPublic,
}
statement!(NodeKeysStatement, "node-keys", 1, key);

/// A voter's statement of the whole state that it had when it had applied the entry at a fixed
/// index. With those of a majority, a snapshot of that state is certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The voter's key, which signs.
    pub node: PublicKey,
    pub cluster: ClusterId,
    /// Term and index of the entry.
    pub term: u64,
    pub index: u64,
    /// Hash of the state: rows, last applied entry, membership.
    pub state: Hash,
}
statement!(Checkpoint, "checkpoint", 1, node);

/// Numbers of a voter that never go back on an intact disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// Number of the last record of its floor file.
    pub floor: u64,
    /// Its term.
    pub term: u64,
    /// Index in its log.
    pub log: u64,
}

impl Marks {
    /// The first of the numbers that is lower than the other's.
    #[must_use]
    pub fn below(&self, other: &Self) -> Option<&'static str> {
        [
            (self.floor < other.floor, "floors"),
            (self.term < other.term, "term"),
            (self.log < other.log, "log"),
        ]
        .into_iter()
        .find_map(|(is_below, what)| is_below.then_some(what))
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { floor, term, log } = self;
        write!(f, "floor record {floor}, term {term}, log entry {log}")
    }
}

/// A voter's statement of how far it has come. The other voters remember it, and show it to the
/// voter when it comes back: what it finds on its disk must not lie below what it had told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProgress {
    /// The voter's key, which signs.
    pub node: PublicKey,
    pub cluster: ClusterId,
    /// Random, of one process.
    pub incarnation: u64,
    /// What this process found on the disk; the log with entries that are not committed.
    pub found: Marks,
    /// What is durable now; of the log what is committed too.
    pub reached: Marks,
}
statement!(NodeProgress, "node-progress", 1, node);

/// A leader's permission for one job on one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The leader's node key, which signs.
    pub leader: PublicKey,
    pub cluster: ClusterId,
    pub job: crate::ids::JobId,
    /// The device that may use it.
    pub client: PublicKey,
    /// Hash and length of the job's input.
    pub input: Hash,
    pub size: u64,
    pub worker: NodeId,
    /// The worker's node key and base URL, by which the device finds it.
    pub worker_key: PublicKey,
    pub url: String,
    pub incarnation: u64,
    pub term: u64,
    pub not_after: Millis,
}
statement!(Ticket, "ticket", 2, leader);
