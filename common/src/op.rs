//! Operations on the state, and a device's authorization of one.
//!
//! An operation has one encoding. A device signs its hash, every replica computes that hash anew,
//! and so no node can put another operation under a device's signature.

use serde::{Deserialize, Serialize};

use crate::cluster_descriptor::Descriptor;
use crate::descriptor_chain::DescriptorLink;
use crate::identity::{DeviceCertificate, DeviceRevocation, EndpointRecord, UserCard};
use crate::ids::{ClusterId, Hash, Millis, NodeId, RequestId, UserName};
use crate::keys::PublicKey;
use crate::operator::{TokenUse, WorkerToken};
use crate::predecessor::{Piece, Predecessor};
use crate::registration::{InviteUse, RegistrationMode};
use crate::rights::Rights;
use crate::signed::{Signed, Statement};
use crate::statements::{Deal, Manifest, PhotoRequest, Receipt, Reopening, RightsAck, ViewRequest};
use crate::wire;

/// Version of the layout of [`Op`]: it is part of the hash that devices sign.
pub const OP_VERSION: u16 = 2;

/// An operation on the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// The first entry of a log: the cluster's first descriptor. From a node.
    Found(Descriptor),
    /// Registers a user and a device, or newer statements about them. The caller is the device of
    /// the certificate.
    Register {
        card: Signed<UserCard>,
        certificate: Signed<DeviceCertificate>,
        /// For a new user, where registration is by invite.
        invite: Option<Signed<InviteUse>>,
    },
    /// Starts a session of the calling device.
    StartSession {
        endpoint: Signed<EndpointRecord>,
        /// Whether the user appears in the list of users online.
        listed: bool,
    },
    /// Ends the calling device's session of this epoch.
    EndSession {
        epoch: u64,
    },
    /// Ends a user's session of this epoch. From a counterparty, after the serving node has probed
    /// the user.
    ReportOffline {
        user: UserName,
        epoch: u64,
    },
    /// Ends sessions whose lease has run out: device and epoch of each. From the leader.
    ExpireSessions(Vec<(PublicKey, u64)>),
    CreateGrant {
        request: Signed<PhotoRequest>,
        manifest: Signed<Manifest>,
        deal: Signed<Deal>,
        rights: Signed<Rights>,
    },
    PutReceipt {
        receipt: Signed<Receipt>,
    },
    PutRights {
        rights: Signed<Rights>,
    },
    AckRights {
        ack: Signed<RightsAck>,
    },
    /// Charges a view. The request is its device's authorization.
    Debit {
        request: Signed<ViewRequest>,
    },
    /// Revokes a device of the calling user, for good.
    RevokeDevice {
        revocation: Signed<DeviceRevocation>,
    },
    /// Says who may register from now on. From the operator.
    SetRegistration(RegistrationMode),
    /// Records an invite by its public key. From the operator.
    CreateInvite {
        invite: PublicKey,
        /// The only name that it registers, if there is one.
        name: Option<UserName>,
        not_after: Millis,
    },
    /// Ends a user's part in the cluster; the name stays taken. From the operator.
    Retire {
        user: UserName,
    },
    /// Binds a worker's token to the key of the node that uses it. From that node: the token's key
    /// has signed the use.
    AdmitWorker {
        token: Signed<WorkerToken>,
        used: Signed<TokenUse>,
    },
    /// Withdraws the admission of a worker's key, for good. From the operator.
    RemoveWorker {
        node: NodeId,
    },
    /// Changes the nodes that hold parts. From the operator; nodes have signed the link too.
    ChangeDescriptor {
        link: DescriptorLink,
        /// Also if live grants lose so many holders that they cannot be opened.
        force: bool,
    },
    /// Deals a grant again, to the current descriptor. From a device of its owner.
    PutDeal {
        deal: Signed<Deal>,
    },
    /// Permits that this cluster takes over the state that its descriptor names. From the operator.
    ApproveRestore(Predecessor),
    /// Some rows of that state. From a node: the hash that was approved stands for each row.
    TakeOver(Piece),
    /// Opens a grant that was taken over, with a deal to the current descriptor. From a device of
    /// its owner.
    Reopen {
        reopening: Signed<Reopening>,
        deal: Signed<Deal>,
    },
}

impl Op {
    /// The hash by which a device authorizes exactly this operation.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("cameo op");
        hasher.update(&wire::encode(&(OP_VERSION, self)));
        Hash(*hasher.finalize().as_bytes())
    }
}

/// A device's command: exactly this operation, once, in this cluster, until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The calling device, which signs.
    pub device: PublicKey,
    pub cluster: ClusterId,
    /// The idempotency key: a retry has the same id.
    pub request: RequestId,
    /// The command is not carried out later than this.
    pub not_after: Millis,
    /// [`Op::hash`] of the operation.
    pub op: Hash,
}

impl Statement for Authorization {
    const LABEL: &'static str = "authorization";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_a_hash_of_its_own() {
        let hashes = [
            Op::EndSession { epoch: 5 }.hash(),
            Op::EndSession { epoch: 6 }.hash(),
            Op::ExpireSessions(Vec::new()).hash(),
        ];
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    }
}
