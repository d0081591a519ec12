//! The users of the tests, the statements that they sign, and their cluster.
//!
//! All keys are derived from names, so a failure shows the same bytes every time.

pub mod chain;
pub mod offer;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::identity::{DeviceCertificate, DeviceRevocation, EndpointRecord, UserCard};
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::{PublicKey, SealingPublic, SealingSecret, SigningKey};
use cameo_common::operator::OperatorOrder;
use cameo_common::registration::RegistrationMode;
use cameo_common::rights::Rights;
use cameo_common::signed::{Signed, Statement};
use cameo_common::statements::{PhotoRequest, Receipt, RightsAck, ViewRequest};

use crate::limits::RESUME_WINDOW;
use crate::{Authorization, Op};

use chain::nodes;
pub use offer::Offer;

/// Time of the first entry of a test.
pub const START: Millis = Millis(1_000_000);
/// Expiry of certificates, a year later.
pub const CERTIFICATES_END: Millis = START.plus(Duration::from_secs(365 * 24 * 3_600));

/// The last time at which view requests are charged.
pub const VIEWS_END: Millis = START.plus(RESUME_WINDOW);

/// Holders of the keys. The operator has no name in the cluster.
const NAMES: [&str; 5] = ["ada", "bob", "cyd", "eve", "operator"];
const DEVICES: u8 = 20;

/// A user at one of their devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: UserName,
    /// Seed of the keys. It differs from `name` for one who claims another name.
    who: &'static str,
    device: u8,
}

pub fn ada() -> Person {
    Person::of("ada")
}
pub fn bob() -> Person {
    Person::of("bob")
}
pub fn cyd() -> Person {
    Person::of("cyd")
}
pub fn eve() -> Person {
    Person::of("eve")
}

fn seed(what: &str) -> [u8; 32] {
    Hash::of(what.as_bytes()).0
}

/// The signing key of every public key.
static KEYS: LazyLock<BTreeMap<PublicKey, SigningKey>> = LazyLock::new(|| {
    let of = |who: &str| {
        let devices = (0..DEVICES).map(move |device| format!("device {device}"));
        let who = who.to_owned();
        devices
            .chain(["identity".to_owned()])
            .map(move |key| SigningKey::from_seed(seed(&format!("{who} {key}"))))
    };
    let keys = NAMES.into_iter().flat_map(of);
    keys.map(|key| (key.public(), key)).collect()
});

/// One of a person's public keys.
fn public(who: &str, key: &str) -> PublicKey {
    static KNOWN: Mutex<BTreeMap<String, PublicKey>> = Mutex::new(BTreeMap::new());
    let label = format!("{who} {key}");
    let derive = || SigningKey::from_seed(seed(&label)).public();
    let mut known = KNOWN.lock().unwrap();
    *known.entry(label.clone()).or_insert_with(derive)
}

/// Signs a statement with the key that it names.
pub fn sign<T: Statement>(body: T) -> Signed<T> {
    Signed::new(&KEYS[&body.signer()], body)
}

impl Person {
    fn of(who: &'static str) -> Self {
        let name = who.parse().unwrap();
        Self {
            name,
            who,
            device: 0,
        }
    }

    /// The same user at another device.
    pub fn at_device(&self, device: u8) -> Self {
        Self {
            device,
            ..self.clone()
        }
    }

    /// The same keys under another name.
    pub fn under_name(&self, name: &str) -> Self {
        Self {
            name: name.parse().unwrap(),
            ..self.clone()
        }
    }

    pub fn key(&self) -> PublicKey {
        public(self.who, "identity")
    }

    pub fn device(&self) -> PublicKey {
        public(self.who, &format!("device {}", self.device))
    }

    pub fn sealing(&self) -> SealingPublic {
        SealingPublic(seed(&format!("{} sealing", self.who)))
    }

    pub fn card(&self, sequence: u64) -> Signed<UserCard> {
        sign(UserCard {
            name: self.name.clone(),
            key: self.key(),
            sealing: self.sealing(),
            sequence,
        })
    }

    pub fn certificate(&self, sequence: u64, not_after: Millis) -> Signed<DeviceCertificate> {
        sign(DeviceCertificate {
            user: self.key(),
            device: self.device(),
            sequence,
            not_after,
        })
    }

    /// A revocation of this device.
    pub fn revocation(&self, sequence: u64) -> Signed<DeviceRevocation> {
        sign(DeviceRevocation {
            user: self.key(),
            cluster: cluster_id(),
            device: self.device(),
            sequence,
        })
    }

    /// Revokes this device.
    pub fn revokes(&self, sequence: u64) -> Op {
        let revocation = self.revocation(sequence);
        Op::RevokeDevice { revocation }
    }

    pub fn registers(&self) -> Op {
        Op::Register {
            card: self.card(1),
            certificate: self.certificate(1, CERTIFICATES_END),
            invite: None,
        }
    }

    pub fn endpoint(&self, sequence: u64) -> Signed<EndpointRecord> {
        sign(EndpointRecord {
            device: self.device(),
            sequence,
            addresses: vec![format!("10.0.0.{}:7001", self.device)],
            relay: None,
        })
    }

    pub fn comes_online(&self, sequence: u64, listed: bool) -> Op {
        Op::StartSession {
            endpoint: self.endpoint(sequence),
            listed,
        }
    }

    pub fn requests(&self, owner: &Person, image: ImageId) -> Signed<PhotoRequest> {
        self.requests_as(owner, image, 7)
    }

    /// A request for an image, with a chosen id.
    pub fn requests_as(&self, owner: &Person, image: ImageId, id: u8) -> Signed<PhotoRequest> {
        sign(PhotoRequest {
            viewer: self.key(),
            owner: owner.key(),
            image,
            request: RequestId([id; 16]),
            asked_at: START,
        })
    }

    pub fn receipt(&self, grant: GrantId, received_at: Millis) -> Op {
        let receipt = sign(Receipt {
            viewer: self.key(),
            grant,
            carrier: Hash([0xca; 32]),
            received_at,
        });
        Op::PutReceipt { receipt }
    }

    pub fn ack(&self, grant: GrantId, version: u64) -> Signed<RightsAck> {
        sign(RightsAck {
            viewer: self.key(),
            grant,
            version,
        })
    }

    pub fn acknowledges(&self, grant: GrantId, version: u64) -> Op {
        let ack = self.ack(grant, version);
        Op::AckRights { ack }
    }

    /// A view request; `one_time` fills the one-time key.
    pub fn view_request(&self, grant: GrantId, id: u8, one_time: u8) -> Signed<ViewRequest> {
        sign(ViewRequest {
            device: self.device(),
            cluster: cluster_id(),
            grant,
            request: RequestId([id; 16]),
            one_time: SealingPublic([one_time; 32]),
            not_after: VIEWS_END,
        })
    }

    /// This device's authorization of an operation.
    pub fn authorizes(
        &self,
        op: &Op,
        request: RequestId,
        not_after: Millis,
    ) -> Signed<Authorization> {
        sign(Authorization {
            device: self.device(),
            cluster: cluster_id(),
            request,
            not_after,
            op: op.hash(),
        })
    }

    pub fn views(&self, grant: GrantId, id: u8) -> Op {
        let request = self.view_request(grant, id, 1);
        Op::Debit { request }
    }
}

/// A node's sealing secret.
pub fn node_secret(id: NodeId) -> SealingSecret {
    SealingSecret::from_bytes(seed(&format!("node {id}")))
}

/// A descriptor of three nodes.
pub fn descriptor() -> Descriptor {
    static FIRST: LazyLock<Descriptor> = LazyLock::new(first_descriptor);
    FIRST.clone()
}

fn first_descriptor() -> Descriptor {
    let nonce = Hash([0xc1; 32]);
    Descriptor::genesis(nodes(&[1, 2, 3]), operator(), RegistrationMode::Open, nonce)
}

/// The operator's public key.
pub fn operator() -> PublicKey {
    public("operator", "identity")
}

/// The operator's order of an operation.
pub fn orders(op: &Op, request: RequestId, not_after: Millis) -> Signed<OperatorOrder> {
    sign(OperatorOrder {
        operator: operator(),
        cluster: cluster_id(),
        request,
        not_after,
        op: op.hash(),
    })
}

pub fn cluster_id() -> ClusterId {
    static ID: LazyLock<ClusterId> = LazyLock::new(|| descriptor().founds().unwrap());
    *ID
}

pub fn image(number: u8) -> ImageId {
    ImageId([number; 16])
}

/// Rights without an expiry.
pub fn rights(owner: &Person, grant: GrantId, version: u64, permitted: u32) -> Rights {
    Rights {
        owner: owner.key(),
        grant,
        version,
        permitted,
        expires: None,
        revoked: false,
        may_save: false,
        offline: 0,
    }
}

pub fn puts(rights: Rights) -> Op {
    let rights = sign(rights);
    Op::PutRights { rights }
}
