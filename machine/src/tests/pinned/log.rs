use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::DescriptorLink;
use cameo_common::ids::{ClusterId, GrantId, Hash, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::predecessor::{Piece, Predecessor};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::wire;

use super::{assert_pinned, hex};
use crate::tests::cast::{self, node_secret};
use crate::{Caller, Command, Done, Entry, Op, Refusal, Reply};

const KEY: PublicKey = PublicKey([0x11; 32]);
const GRANT: GrantId = GrantId([0x22; 32]);
const REQUEST: RequestId = RequestId([0x33; 16]);

fn user() -> UserName {
    "ada".parse().unwrap()
}

fn signed<T>() -> Signed<T> {
    Signed::from_bytes(vec![0xaa, 0xbb])
}

fn descriptor() -> Descriptor {
    let node = |number: u8| NodeIdentity {
        id: NodeId(u64::from(number)),
        key: PublicKey([number; 32]),
        sealing: node_secret(NodeId(u64::from(number))).public(),
    };
    Descriptor {
        nodes: (1..=3).map(node).collect(),
        ..cast::descriptor()
    }
}

/// A new variant does not compile until it has a name here.
fn op_name(op: &Op) -> &'static str {
    match op {
        Op::Found(_) => "Found",
        Op::Register { .. } => "Register",
        Op::StartSession { .. } => "StartSession",
        Op::EndSession { .. } => "EndSession",
        Op::ReportOffline { .. } => "ReportOffline",
        Op::ExpireSessions(_) => "ExpireSessions",
        Op::CreateGrant { .. } => "CreateGrant",
        Op::PutReceipt { .. } => "PutReceipt",
        Op::PutRights { .. } => "PutRights",
        Op::AckRights { .. } => "AckRights",
        Op::Debit { .. } => "Debit",
        Op::RevokeDevice { .. } => "RevokeDevice",
        Op::SetRegistration(_) => "SetRegistration",
        Op::CreateInvite { .. } => "CreateInvite",
        Op::Retire { .. } => "Retire",
        Op::AdmitWorker { .. } => "AdmitWorker",
        Op::RemoveWorker { .. } => "RemoveWorker",
        Op::ChangeDescriptor { .. } => "ChangeDescriptor",
        Op::PutDeal { .. } => "PutDeal",
        Op::ApproveRestore(_) => "ApproveRestore",
        Op::TakeOver(_) => "TakeOver",
        Op::Reopen { .. } => "Reopen",
    }
}

const PREDECESSOR: Predecessor = Predecessor {
    cluster: ClusterId([0x44; 32]),
    index: 300,
    state: Hash([0x55; 32]),
    content: Hash([0x66; 32]),
};

/// Those that came with version 7.
fn ops_with_restore() -> [Op; 4] {
    [
        Op::Found(descriptor().after(PREDECESSOR)),
        Op::ApproveRestore(PREDECESSOR),
        Op::TakeOver(Piece {
            number: 2,
            rows: vec![(vec![0x77], vec![0x88, 0x99])],
            next: Some(Hash([0x66; 32])),
        }),
        Op::Reopen {
            reopening: signed(),
            deal: signed(),
        },
    ]
}

fn ops() -> [Op; 20] {
    [
        Op::Found(descriptor()),
        Op::Register {
            card: signed(),
            certificate: signed(),
            invite: None,
        },
        Op::StartSession {
            endpoint: signed(),
            listed: true,
        },
        Op::EndSession { epoch: 2 },
        Op::ReportOffline {
            user: user(),
            epoch: 2,
        },
        Op::ExpireSessions(vec![(KEY, 2)]),
        Op::CreateGrant {
            request: signed(),
            manifest: signed(),
            deal: signed(),
            rights: signed(),
        },
        Op::PutReceipt { receipt: signed() },
        Op::PutRights { rights: signed() },
        Op::AckRights { ack: signed() },
        Op::Debit { request: signed() },
        Op::RevokeDevice {
            revocation: signed(),
        },
        Op::Register {
            card: signed(),
            certificate: signed(),
            invite: Some(signed()),
        },
        Op::SetRegistration(RegistrationMode::Closed),
        Op::CreateInvite {
            invite: KEY,
            name: Some(user()),
            not_after: Millis(1_000),
        },
        Op::Retire { user: user() },
        Op::AdmitWorker {
            token: signed(),
            used: signed(),
        },
        Op::RemoveWorker { node: NodeId(4) },
        Op::ChangeDescriptor {
            link: DescriptorLink {
                descriptor: descriptor(),
                operator: signed(),
                voters: vec![signed(), signed()],
            },
            force: true,
        },
        Op::PutDeal { deal: signed() },
    ]
}

#[test]
fn entries_have_pinned_bytes() {
    let device = || Caller::Device(signed());
    let line = |version: u16, op: Op| {
        let name = op_name(&op);
        let caller = match op {
            Op::Found(_) | Op::ExpireSessions(_) | Op::TakeOver(_) => Caller::Node(NodeId(1)),
            Op::Debit { .. } | Op::AdmitWorker { .. } => Caller::Signer,
            Op::SetRegistration(_)
            | Op::CreateInvite { .. }
            | Op::Retire { .. }
            | Op::RemoveWorker { .. }
            | Op::ChangeDescriptor { .. }
            | Op::ApproveRestore(_) => Caller::Operator(signed()),
            _ => device(),
        };
        let entry = Entry {
            version,
            time: Millis(1_000),
            command: Command { caller, op },
        };
        format!("{name} {}", hex(&entry.encode()))
    };
    let first = ops().into_iter().map(|op| line(6, op));
    let with_restore = ops_with_restore().into_iter().map(|op| line(7, op));
    let lines: Vec<_> = first.chain(with_restore).collect();
    assert_pinned(&lines, include_str!("entries.txt"));
}

fn done_name(done: &Done) -> &'static str {
    match done {
        Done::Nothing => "Nothing",
        Done::Registered { .. } => "Registered",
        Done::SessionStarted { .. } => "SessionStarted",
        Done::Offline { .. } => "Offline",
        Done::GrantCreated { .. } => "GrantCreated",
        Done::Rights { .. } => "Rights",
        Done::Debited { .. } => "Debited",
    }
}

#[test]
fn replies_have_pinned_bytes() {
    let done = [
        Done::Nothing,
        Done::Registered { created: true },
        Done::SessionStarted { epoch: 2 },
        Done::Offline { offline: true },
        Done::GrantCreated { grant: GRANT },
        Done::Rights {
            version: 2,
            in_mailbox: true,
        },
        Done::Debited {
            grant: GRANT,
            request: REQUEST,
            number: 1,
            used: 1,
            left: 2,
            index: 300,
            deal: signed(),
        },
    ];
    let done = done
        .into_iter()
        .map(|done| (done_name(&done), Ok(done)))
        .chain(
            refusals()
                .into_iter()
                .map(|no| (refusal_name(&no), Err(no))),
        );
    let lines: Vec<_> = done
        .map(|(name, reply): (_, Reply)| format!("{name} {}", hex(&wire::encode(&reply))))
        .collect();
    assert_pinned(&lines, include_str!("replies.txt"));
}

fn refusals() -> [Refusal; 46] {
    let what = || "x".to_owned();
    [
        Refusal::UnknownEntry,
        Refusal::AlreadyFounded,
        Refusal::NotFounded,
        Refusal::Malformed,
        Refusal::TooLate,
        Refusal::RequestReused,
        Refusal::UnknownDevice,
        Refusal::CertificateExpired,
        Refusal::NameTaken(user()),
        Refusal::KeyTaken,
        Refusal::Stale,
        Refusal::NotRegistered(user()),
        Refusal::SessionEnded,
        Refusal::NoSuchGrant,
        Refusal::Forbidden(what()),
        Refusal::GrantExists(GRANT),
        Refusal::Mismatch(what()),
        Refusal::BadDeal,
        Refusal::StaleVersion(2),
        Refusal::Revoked,
        Refusal::Expired,
        Refusal::UsedUp,
        Refusal::Limit(what()),
        Refusal::NotDebited,
        Refusal::TooFarAhead,
        Refusal::BadSignature,
        Refusal::DeviceRevoked,
        Refusal::NoSuchDevice,
        Refusal::RequestTooOld,
        Refusal::TooManyDevices(user()),
        Refusal::TooManyGrants(user()),
        Refusal::RegistrationClosed(RegistrationMode::Closed),
        Refusal::BadInvite,
        Refusal::Retired(user()),
        Refusal::BadToken,
        Refusal::NodeRemoved(NodeId(4)),
        Refusal::NotAWorker(NodeId(4)),
        Refusal::NotSuccessor(what()),
        Refusal::TooFewHolders {
            grants: 2,
            named: vec![GRANT],
        },
        Refusal::StaleDeal {
            deal: 1,
            rights_version: 2,
            used: 3,
        },
        Refusal::DealtAlready(2),
        Refusal::Restoring { approved: true },
        Refusal::OtherPiece { next: Some(2) },
        Refusal::ClosedByRestore,
        Refusal::StaleReopening {
            rights_version: 2,
            used: 3,
        },
        Refusal::NotClosed,
    ]
}

fn refusal_name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownEntry => "UnknownEntry",
        Refusal::AlreadyFounded => "AlreadyFounded",
        Refusal::NotFounded => "NotFounded",
        Refusal::Malformed => "Malformed",
        Refusal::TooLate => "TooLate",
        Refusal::RequestReused => "RequestReused",
        Refusal::UnknownDevice => "UnknownDevice",
        Refusal::CertificateExpired => "CertificateExpired",
        Refusal::NameTaken(_) => "NameTaken",
        Refusal::KeyTaken => "KeyTaken",
        Refusal::Stale => "Stale",
        Refusal::NotRegistered(_) => "NotRegistered",
        Refusal::SessionEnded => "SessionEnded",
        Refusal::NoSuchGrant => "NoSuchGrant",
        Refusal::Forbidden(_) => "Forbidden",
        Refusal::GrantExists(_) => "GrantExists",
        Refusal::Mismatch(_) => "Mismatch",
        Refusal::BadDeal => "BadDeal",
        Refusal::StaleVersion(_) => "StaleVersion",
        Refusal::Revoked => "Revoked",
        Refusal::Expired => "Expired",
        Refusal::UsedUp => "UsedUp",
        Refusal::Limit(_) => "Limit",
        Refusal::NotDebited => "NotDebited",
        Refusal::TooFarAhead => "TooFarAhead",
        Refusal::BadSignature => "BadSignature",
        Refusal::DeviceRevoked => "DeviceRevoked",
        Refusal::NoSuchDevice => "NoSuchDevice",
        Refusal::RequestTooOld => "RequestTooOld",
        Refusal::TooManyDevices(_) => "TooManyDevices",
        Refusal::TooManyGrants(_) => "TooManyGrants",
        Refusal::RegistrationClosed(_) => "RegistrationClosed",
        Refusal::BadInvite => "BadInvite",
        Refusal::Retired(_) => "Retired",
        Refusal::BadToken => "BadToken",
        Refusal::NodeRemoved(_) => "NodeRemoved",
        Refusal::NotAWorker(_) => "NotAWorker",
        Refusal::NotSuccessor(_) => "NotSuccessor",
        Refusal::TooFewHolders { .. } => "TooFewHolders",
        Refusal::StaleDeal { .. } => "StaleDeal",
        Refusal::DealtAlready(_) => "DealtAlready",
        Refusal::Restoring { .. } => "Restoring",
        Refusal::OtherPiece { .. } => "OtherPiece",
        Refusal::ClosedByRestore => "ClosedByRestore",
        Refusal::StaleReopening { .. } => "StaleReopening",
        Refusal::NotClosed => "NotClosed",
    }
}
