//! A log that is written entry by entry, and its state. Every decision is checked for the
//! properties that all decisions have.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{GrantId, Millis, NodeId, RequestId};
use cameo_common::statements::{Deal, FirstFloor};

use super::cast::chain::link;
use super::cast::offer::deal;
use super::cast::{Offer, Person, START, descriptor, image, orders, sign};
use super::verifiers::Recorder;
use crate::{
    Caller, Change, Command, Decision, Done, Entry, MapView, Op, Reply, claims, decide_verified_by,
    read,
};

/// From a test's call to its not-after.
pub const CALL_LIFE_MS: u64 = 60_000;

#[derive(Debug, Clone)]
pub struct Script {
    pub state: MapView,
    pub index: u64,
    /// The leader's clock.
    pub now: Millis,
    calls: u128,
}

impl Script {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            state: MapView::default(),
            index: 0,
            now: START,
            calls: 0,
        }
    }

    /// A cluster of three nodes, with these users registered.
    pub fn with(people: &[&Person]) -> Self {
        let mut script = Self::new();
        script.node_does(Op::Found(descriptor())).unwrap();
        for person in people {
            script.does(person, person.registers()).unwrap();
        }
        script
    }

    /// Records a grant of image 1.
    pub fn grants(&mut self, owner: &Person, viewer: &Person, views: u32) -> GrantId {
        let offer = Offer::new(owner, viewer, image(1), views);
        self.does(owner, offer.op()).unwrap();
        offer.id()
    }

    pub fn wait(&mut self, span_millis: u64) {
        self.now = self.now.plus_millis(span_millis);
    }

    /// Enters a new command of a device.
    pub fn does(&mut self, who: &Person, op: Op) -> Reply {
        let caller = self.call(who, &op);
        self.enter(caller, op).reply
    }

    pub fn node_does(&mut self, op: Op) -> Reply {
        self.enter(Caller::Node(NodeId(1)), op).reply
    }

    /// Enters a new order of the operator.
    pub fn operator_does(&mut self, op: Op) -> Reply {
        let caller = self.order(&op);
        self.enter(caller, op).reply
    }

    /// The cluster's current descriptor.
    pub fn descriptor(&self) -> Descriptor {
        read::descriptors(&self.state).unwrap().newest().clone()
    }

    /// Enters a change to the nodes of these numbers, which all of the nodes before have signed.
    pub fn changes_nodes(&mut self, numbers: &[u8], force: bool) -> Reply {
        let current = self.descriptor();
        let voters: Vec<_> = current.nodes.iter().map(|node| node.id.0 as u8).collect();
        let link = link(&current, numbers, &voters);
        self.operator_does(Op::ChangeDescriptor { link, force })
    }

    /// The next deal of a grant, by what the ledger has of it.
    pub fn next_deal(&self, owner: &Person, grant: GrantId) -> Deal {
        let info = read::grant_info(&self.state, &grant, &owner.name).unwrap();
        let floor = FirstFloor {
            rights_version: info.version,
            used: info.used,
        };
        let number = info.deal.unverified().unwrap().number + 1;
        let manifest = info.manifest.unverified().unwrap();
        deal(&manifest, &self.descriptor(), number, floor)
    }

    /// The owner deals a grant again.
    pub fn deals_again(&mut self, owner: &Person, grant: GrantId) -> Reply {
        let deal = sign(self.next_deal(owner, grant));
        self.does(owner, Op::PutDeal { deal })
    }

    /// An order with a new request id.
    pub fn order(&mut self, op: &Op) -> Caller {
        self.calls += 1;
        let request = RequestId(self.calls.to_be_bytes());
        let not_after = self.now.plus_millis(CALL_LIFE_MS);
        Caller::Operator(orders(op, request, not_after))
    }

    /// A call with a new request id. A debit has none but its own.
    pub fn call(&mut self, who: &Person, op: &Op) -> Caller {
        if matches!(op, Op::Debit { .. }) {
            return Caller::Signer;
        }
        self.calls += 1;
        let request = RequestId(self.calls.to_be_bytes());
        let not_after = self.now.plus_millis(CALL_LIFE_MS);
        Caller::Device(who.authorizes(op, request, not_after))
    }

    pub fn enter(&mut self, caller: Caller, op: Op) -> Decision {
        let entry = Entry::new(self.now, Command { caller, op });
        self.apply(&entry.encode())
    }

    /// Decides one entry and applies its changes.
    pub fn apply(&mut self, entry: &[u8]) -> Decision {
        self.index += 1;
        let before = read::log_time(&self.state);
        let recorder = Recorder::default();
        let decision = decide_verified_by(&recorder, &self.state, self.index, entry);
        check_shape(&decision);
        let claims = claims(entry);
        for claim in recorder.verified() {
            assert!(claims.contains(&claim), "a signature that is not claimed");
        }
        self.state.apply(&decision.changes);
        assert!(read::log_time(&self.state) >= before, "time went back");
        decision
    }
}

/// Checks that a refusal has no effect, and that changes and users are sorted and unique.
fn check_shape(decision: &Decision) {
    if decision.reply.is_err() {
        assert_eq!(decision.changes, [], "a refusal has changes");
        assert_eq!(decision.touched, [], "a refusal touches users");
        assert_eq!(decision.sessions, [], "a refusal changes sessions");
    }
    let keys: Vec<_> = decision.changes.iter().map(key).collect();
    assert!(keys.is_sorted_by(|one, next| one < next), "a row twice");
    let touched = &decision.touched;
    assert!(touched.is_sorted_by(|one, next| one < next));
}

fn key(change: &Change) -> &[u8] {
    match change {
        Change::Put { key, .. } | Change::Delete { key } => key,
    }
}

/// The number, used and left of a debit's reply.
pub fn debit_numbers(reply: &Reply) -> (u32, u32, u32) {
    match reply {
        Ok(Done::Debited {
            number, used, left, ..
        }) => (*number, *used, *left),
        other => panic!("expected a debit, got {other:?}"),
    }
}
