//! The operations, with their arguments and outcomes.
//!
//! Each attempt is an operation of its own. A retry has the same `request` as the attempt before
//! it: a command is carried out once for a request, and its repetitions get the first one's answer.

use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::grant::{
    AckArg, ConfirmArg, Confirmed, CreateArg, DebitArg, Debited, DeliveredBy, LogRead,
    PutRightsArg, ReadArg, ReleaseArg, Released, RightsStored, Terms, Usage,
};
use super::row::{Answer, Key};

/// An argument, and the outcome if it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation<A, O> {
    pub arg: A,
    /// None exactly when the row has no return.
    pub out: Option<O>,
}

/// What was asked. The tag is the row's `f`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "snake_case")]
pub enum Op {
    /// The first row: how the run was made.
    Begin(Operation<Begin, Happened>),
    /// `user/…`: registers a user's key and a device.
    Register(Operation<RegisterArg, Answer<()>>),
    /// `user/…`: None when nobody has the name.
    LookUp(Operation<LookUpArg, Answer<Option<Found>>>),
    /// `user/…`: a device goes online; its epoch.
    StartSession(Operation<SessionArg, Answer<u64>>),
    /// `user/…`
    KeepAlive(Operation<EpochArg, Answer<()>>),
    /// `user/…`
    EndSession(Operation<EpochArg, Answer<()>>),
    /// `user/…`: a counterparty says that the user does not answer; whether the session has ended.
    ReportOffline(Operation<EpochArg, Answer<bool>>),
    /// `grant/…`
    Create(Operation<CreateArg, Answer<()>>),
    /// `grant/…`: charges a view.
    Debit(Operation<DebitArg, Answer<Debited>>),
    /// `grant/…`: asks one node for its part of a charged view.
    Release(Operation<ReleaseArg, Answer<Released>>),
    /// `grant/…`: reads rights and usage.
    Usage(Operation<ReadArg, Answer<Usage>>),
    /// `grant/…`: reads the views taken, as the owner does.
    Log(Operation<ReadArg, Answer<LogRead>>),
    /// `grant/…`: stores rights in the ledger and the mailbox.
    PutRights(Operation<PutRightsArg, Answer<RightsStored>>),
    /// `grant/…`: asks one node to confirm that it releases nothing by older rights.
    Confirm(Operation<ConfirmArg, Answer<Confirmed>>),
    /// `grant/…`: the viewer has this version.
    Acknowledge(Operation<AckArg, Answer<RightsStored>>),
    /// `grant/…`: rights came to the viewer on its event stream. No question: call equals return.
    Delivered(Operation<Terms, DeliveredBy>),
    /// `job/…`: asks for a worker.
    Place(Operation<PlaceArg, Answer<Placed>>),
    /// `job/…`: sends the job to a worker; the hash of what came back.
    Run(Operation<RunArg, Answer<Hash>>),
    /// `job/…`: how the job ended for who wanted it.
    EndJob(Operation<(), JobEnd>),
    /// `grant/…`: a viewer opens the photo by the real client.
    Open(Operation<(), Answer<Opened>>),
    /// `grant/…`: the owner changes the rights by the real client.
    Permit(Operation<PermitArg, Answer<Permitted>>),
    /// `grant/…`: what the real client shows its owner of the ledger.
    Shown(Operation<(), Answer<Shown>>),
    /// `node/…`: what a node says of itself.
    Observe(Operation<(), Observed>),
    /// `node/…`: what a node keeps for jobs when no client wants one any more.
    Held(Operation<(), Held>),
    /// A fault, from its beginning to its end.
    Fault(Operation<FaultArg, Struck>),
    /// A fault that this machine cannot have.
    Skipped(Operation<FaultArg, String>),
    /// All faults are over, all nodes run and agree on a leader.
    Healed(Operation<(), Happened>),
}

impl Op {
    /// Whether the outcome is known.
    #[must_use]
    pub fn has_outcome(&self) -> bool {
        match self {
            Self::Begin(op) => op.out.is_some(),
            Self::Register(op) => op.out.is_some(),
            Self::LookUp(op) => op.out.is_some(),
            Self::StartSession(op) => op.out.is_some(),
            Self::KeepAlive(op) => op.out.is_some(),
            Self::EndSession(op) => op.out.is_some(),
            Self::ReportOffline(op) => op.out.is_some(),
            Self::Create(op) => op.out.is_some(),
            Self::Debit(op) => op.out.is_some(),
            Self::Release(op) => op.out.is_some(),
            Self::Usage(op) => op.out.is_some(),
            Self::Log(op) => op.out.is_some(),
            Self::PutRights(op) => op.out.is_some(),
            Self::Confirm(op) => op.out.is_some(),
            Self::Acknowledge(op) => op.out.is_some(),
            Self::Delivered(op) => op.out.is_some(),
            Self::Place(op) => op.out.is_some(),
            Self::Run(op) => op.out.is_some(),
            Self::EndJob(op) => op.out.is_some(),
            Self::Open(op) => op.out.is_some(),
            Self::Permit(op) => op.out.is_some(),
            Self::Shown(op) => op.out.is_some(),
            Self::Observe(op) => op.out.is_some(),
            Self::Held(op) => op.out.is_some(),
            Self::Fault(op) => op.out.is_some(),
            Self::Skipped(op) => op.out.is_some(),
            Self::Healed(op) => op.out.is_some(),
        }
    }
}

/// The outcome of what has none but that it took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Happened {}

/// How a run was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    pub format: u32,
    /// `sim` or `real`.
    pub target: String,
    pub seed: u64,
    pub nodes: u64,
    /// Wall-clock time of moment 0.
    pub started: Millis,
    /// The workloads that ran: `directory`, `rights`, `ledger`, `dispatch`,
    /// `endings`, `journey`.
    pub workloads: Vec<String>,
    /// The command that makes the run again.
    pub command: String,
    /// Nodes that lie at times. What they answer is recorded as unknown, and what they say of
    /// themselves is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub liars: Vec<NodeId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterArg {
    pub request: RequestId,
    /// The identity key of the one who wants the name.
    pub owner: PublicKey,
    pub device: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUpArg {
    pub node: NodeId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub owner: PublicKey,
    /// None when the caller may not know.
    pub online: Option<bool>,
    pub epoch: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionArg {
    pub request: RequestId,
    pub device: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochArg {
    pub request: RequestId,
    pub epoch: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceArg {
    pub node: NodeId,
    pub client: PublicKey,
    pub input: Hash,
    pub size: u64,
    /// Workers on which the job was lost.
    pub exclude: Vec<NodeId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub worker: NodeId,
    pub leader: NodeId,
    pub term: u64,
    /// Hash of the signed ticket's bytes.
    pub ticket: Hash,
}

/// What is wrong with a job that is sent to a worker on purpose (law J3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// Nothing is.
    None,
    OtherWorker,
    OtherClient,
    OtherInput,
    /// A worker that has seen a newer term.
    OldTerm,
    /// Sent a second time.
    Again,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunArg {
    pub worker: NodeId,
    pub ticket: Hash,
    pub input: Hash,
    pub term: u64,
    pub tamper: Tamper,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEnd {
    /// The carrier came, and holds the payload.
    Done,
    /// A carrier came that does not.
    Wrong,
    /// Its owner was told that it failed.
    Failed,
    /// Nothing was heard until the end of the run.
    Silent,
}

/// An opened photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Number of the view, 1 for the first.
    pub number: u32,
    /// Whether the client went on with a view that it had asked for before.
    pub resumed: bool,
    pub used: u32,
    pub left: u32,
    /// Whether the photo is the owner's, bit for bit.
    pub genuine: bool,
}

/// What the owner wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitArg {
    pub permitted: u32,
    pub revoked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permitted {
    pub version: u64,
    /// Whether the viewer's agent had it when the command ended.
    pub delivered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub version: u64,
    pub permitted: u32,
    pub used: u32,
    pub acknowledged: u64,
    pub in_mailbox: bool,
}

/// What a node says of itself. Within one `start`, term, committed and applied never go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Counts the starts of the node's process.
    pub start: u64,
    pub term: u64,
    pub leader: Option<NodeId>,
    /// Whether the node itself leads. None where it is not known from outside.
    pub leads: Option<bool>,
    pub committed: u64,
    pub applied: u64,
    /// The whole state's hash, with the index at which it was taken.
    pub state: Option<(u64, Hash)>,
    /// Term and hash of committed log entries by index, where a target can read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<(u64, u64, Hash)>,
    /// Floors on the node's disk that differ from the observation before, where a target can read
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<FloorSeen>,
}

/// The floor of a grant at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorSeen {
    pub grant: Key,
    /// Highest version of the rights.
    pub version: u64,
    /// Distinct requests released.
    pub released: u32,
}

/// Memory of a node's jobs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Inputs of jobs that were not given up, whole or in part.
    pub inputs: u64,
    /// Pictures of running jobs, and carriers that nobody has fetched.
    pub pictures: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultArg {
    /// The kind, as `--faults` names it.
    pub kind: String,
    /// What it strikes, in words: `node 3`, `leader`, `1,2 | 3,4,5`.
    pub on: String,
}

/// Whether a fault took hold, and how that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Struck {
    pub bit: bool,
    pub seen: String,
}
