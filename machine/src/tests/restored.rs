//! A new cluster that begins from the state of another one.

use std::collections::BTreeMap;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, GrantId, Hash, Millis, NodeId, RequestId};
use cameo_common::predecessor::{Piece, PieceRows, Predecessor, piece_hashes, rows_hash};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Reopening, ViewRequest};

use super::cast::chain::nodes;
use super::cast::offer::deal;
use super::cast::{Person, ada, bob, cluster_id, operator, orders, sign};
use super::script::{CALL_LIFE_MS, Script};
use crate::{Authorization, Caller, MapView, Op, Reply, is_taken_over, read};

/// A new cluster, with the log that it has so far.
#[derive(Debug, Clone)]
pub struct Restored {
    pub script: Script,
    pub cluster: ClusterId,
    pub descriptor: Descriptor,
    pub predecessor: Predecessor,
    pub pieces: Vec<Piece>,
    calls: u128,
}

/// A cluster in which Bob has used one of three views of Ada's photo.
pub fn used_once() -> (Script, GrantId) {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    (script, grant)
}

/// The rows of a state that are taken over.
pub fn kept(state: &MapView) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let rows = state.0.iter().filter(|(key, _)| is_taken_over(key));
    rows.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The pieces of so many rows in which they are taken over.
fn pieces(state: &MapView, rows: usize) -> Vec<Piece> {
    let all: PieceRows = kept(state).into_iter().collect();
    let mut cut: Vec<PieceRows> = all.chunks(rows).map(<[_]>::to_vec).collect();
    if cut.is_empty() {
        cut.push(PieceRows::new());
    }
    let hashes = piece_hashes(&cut.iter().map(rows_hash).collect::<Vec<_>>());
    let piece = |(number, rows): (usize, PieceRows)| Piece {
        number: number as u64,
        rows,
        next: hashes.get(number + 1).copied(),
    };
    cut.into_iter().enumerate().map(piece).collect()
}

impl Restored {
    /// A cluster of nodes 4 to 6 that is founded, with pieces of so many rows.
    pub fn founded(old: &Script, rows: usize) -> Self {
        let pieces = pieces(&old.state, rows);
        let predecessor = Predecessor {
            cluster: cluster_id(),
            index: old.index,
            state: Hash([0x5a; 32]),
            content: pieces[0].hash(),
        };
        let (nodes, nonce) = (nodes(&[4, 5, 6]), Hash([0xc2; 32]));
        let descriptor = Descriptor::genesis(nodes, operator(), RegistrationMode::Open, nonce);
        let descriptor = descriptor.after(predecessor);
        let mut script = Script::new();
        script.now = old.now.plus_millis(1_000);
        let caller = Caller::Node(NodeId(4));
        let founded = script.enter(caller, Op::Found(descriptor.clone()));
        founded.reply.unwrap();
        Self {
            script,
            cluster: descriptor.founds().unwrap(),
            descriptor,
            predecessor,
            pieces,
            calls: 1 << 64,
        }
    }

    /// The same, approved and with all of the predecessor's state.
    pub fn from(old: &Script) -> Self {
        let mut new = Self::founded(old, 7);
        new.approves(new.predecessor).unwrap();
        for piece in new.pieces.clone() {
            new.takes_over(&piece).unwrap();
        }
        new
    }

    fn next_call(&mut self) -> (RequestId, Millis) {
        self.calls += 1;
        let not_after = self.script.now.plus_millis(CALL_LIFE_MS);
        (RequestId(self.calls.to_be_bytes()), not_after)
    }

    pub fn operator_does(&mut self, op: Op) -> Reply {
        let (request, not_after) = self.next_call();
        let mut order = orders(&op, request, not_after).unverified().unwrap();
        order.cluster = self.cluster;
        self.script.enter(Caller::Operator(sign(order)), op).reply
    }

    pub fn approves(&mut self, predecessor: Predecessor) -> Reply {
        self.operator_does(Op::ApproveRestore(predecessor))
    }

    pub fn takes_over(&mut self, piece: &Piece) -> Reply {
        let op = Op::TakeOver(piece.clone());
        self.script.enter(Caller::Node(NodeId(5)), op).reply
    }

    /// Enters a command of a device, for this cluster.
    pub fn does(&mut self, who: &Person, op: Op) -> Reply {
        let (request, not_after) = self.next_call();
        let authorization = who.authorizes(&op, request, not_after);
        let authorization: Authorization = authorization.unverified().unwrap();
        let cluster = self.cluster;
        let signed = sign(Authorization {
            cluster,
            ..authorization
        });
        self.script.enter(Caller::Device(signed), op).reply
    }

    /// A view request for this cluster.
    pub fn view_request(&self, who: &Person, grant: GrantId, id: u8) -> Signed<ViewRequest> {
        sign(ViewRequest {
            cluster: self.cluster,
            not_after: self.script.now.plus_millis(CALL_LIFE_MS),
            ..who.view_request(grant, id, 1).unverified().unwrap()
        })
    }

    pub fn views(&mut self, who: &Person, grant: GrantId, id: u8) -> Reply {
        let request = self.view_request(who, grant, id);
        self.script
            .enter(Caller::Signer, Op::Debit { request })
            .reply
    }

    /// Whether the parts of a view would be released.
    pub fn releases(&self, who: &Person, grant: GrantId, id: u8) -> Result<Deal, crate::Refusal> {
        let request = self.view_request(who, grant, id);
        let content = request.unverified().unwrap();
        let state = &self.script.state;
        let release = read::release_check(state, &request, &content, self.script.now)?;
        Ok(release.deal.verify().unwrap())
    }

    /// What an owner signs to open a grant, with so many more views used than the ledger has.
    pub fn reopening(&self, owner: &Person, grant: GrantId, more: u32) -> (Reopening, Deal) {
        let info = read::grant_info(&self.script.state, &grant, &owner.name).unwrap();
        let (rights_version, used) = (info.version, info.used + more);
        let floor = FirstFloor {
            rights_version,
            used,
        };
        let number = info.deal.unverified().unwrap().number + 1;
        let manifest = info.manifest.unverified().unwrap();
        let statement = Reopening {
            owner: owner.key(),
            cluster: self.cluster,
            grant,
            rights_version,
            used,
        };
        let deal = Deal {
            cluster: self.cluster,
            ..deal(&manifest, &self.descriptor, number, floor)
        };
        (statement, deal)
    }

    pub fn reopens(&mut self, owner: &Person, grant: GrantId, more: u32) -> Reply {
        let (statement, deal) = self.reopening(owner, grant, more);
        self.does(owner, reopens(statement, deal))
    }
}

/// The operation of these statements, signed.
pub fn reopens(statement: Reopening, deal: Deal) -> Op {
    let (reopening, deal) = (sign(statement), sign(deal));
    Op::Reopen { reopening, deal }
}
