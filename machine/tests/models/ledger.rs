//! The replicated state as the models hold it: shared, and compared by its rows.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, RwLock};

use cameo_common::ids::{GrantId, Millis, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SIGNATURE_LENGTH};
use cameo_common::signed::{Strict, Verifier};
use cameo_machine::{Caller, Command, Decision, Entry, MapView, Op, StateView, decide_verified_by};

use crate::cast::{Offer, Person, START, ada, bob, descriptor, image};

/// A transition function: the machine's own, or a broken one.
pub type Decide = fn(&dyn StateView, u64, &[u8]) -> Decision;

/// The machine's own, by a verifier that remembers: a model decides the same entries over and over.
pub fn decide(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    decide_verified_by(&Remembered, view, index, entry)
}

struct Remembered;

type Claim = (PublicKey, Vec<u8>, [u8; SIGNATURE_LENGTH]);
static KNOWN: RwLock<BTreeMap<Claim, bool>> = RwLock::new(BTreeMap::new());

impl Verifier for Remembered {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        let claim = (*key, message.to_vec(), *signature);
        if let Some(known) = KNOWN.read().unwrap().get(&claim) {
            return *known;
        }
        let is_signed = Strict.is_signed(key, message, signature);
        KNOWN.write().unwrap().insert(claim, is_signed);
        is_signed
    }
}

/// From a call to its not-after.
const CALL_LIFE_MS: u64 = 120_000;

/// The state after some entries.
#[derive(Debug, Clone)]
pub struct Ledger {
    rows: Arc<MapView>,
    /// Hash of the rows, so that a state of a model is hashed in no time.
    digest: u64,
}

impl Ledger {
    fn of(rows: MapView) -> Self {
        let mut hasher = DefaultHasher::new();
        rows.0.hash(&mut hasher);
        Self {
            rows: Arc::new(rows),
            digest: hasher.finish(),
        }
    }

    /// A cluster with ada, bob at two devices, and a grant of image 1 from ada to bob.
    pub fn with_grant(views: u32) -> (Self, GrantId) {
        let offer = Offer::new(&ada(), &bob(), image(1), views);
        let found = Command {
            caller: Caller::Node(NodeId(1)),
            op: Op::Found(descriptor()),
        };
        let second = bob().at_device(1);
        let entries = [
            Entry::new(START, found).encode(),
            Call::new(&ada(), 201, ada().registers()).entry(START),
            Call::new(&bob(), 202, bob().registers()).entry(START),
            Call::new(&second, 203, second.registers()).entry(START),
            Call::new(&ada(), 204, offer.op()).entry(START),
        ];
        let mut rows = MapView::default();
        for (index, entry) in (1..).zip(&entries) {
            let decision = decide(&rows, index, entry);
            decision.reply.unwrap();
            rows.apply(&decision.changes);
        }
        (Self::of(rows), offer.id())
    }

    pub fn rows(&self) -> &MapView {
        &self.rows
    }

    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Decides one entry; the state after it, and the decision.
    pub fn enter(&self, decide: Decide, index: u64, entry: &[u8]) -> (Self, Decision) {
        let decision = decide(&*self.rows, index, entry);
        if decision.changes.is_empty() {
            return (self.clone(), decision);
        }
        let mut rows = (*self.rows).clone();
        rows.apply(&decision.changes);
        (Self::of(rows), decision)
    }
}

impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
            && (Arc::ptr_eq(&self.rows, &other.rows) || self.rows == other.rows)
    }
}

impl Eq for Ledger {}

impl Hash for Ledger {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

/// A device's call, which may be repeated: always the same bytes under the same request id.
#[derive(Debug, Clone)]
pub struct Call(Command);

impl Call {
    pub fn new(who: &Person, request: u8, op: Op) -> Self {
        Self::signed_at(who, request, op, START)
    }

    /// The same as it is signed at a later time.
    pub fn signed_at(who: &Person, request: u8, op: Op, time: Millis) -> Self {
        let (request, not_after) = (RequestId([request; 16]), time.plus_millis(CALL_LIFE_MS));
        let caller = match op {
            Op::Debit { .. } => Caller::Signer,
            _ => Caller::Device(who.authorizes(&op, request, not_after)),
        };
        Self(Command { caller, op })
    }

    /// The call as the leader enters it at a time.
    pub fn entry(&self, time: Millis) -> Vec<u8> {
        Entry::new(time, self.0.clone()).encode()
    }
}
