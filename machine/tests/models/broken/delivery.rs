//! One faulty machine for each law of delivery.

use cameo_common::wire;
use cameo_machine::{Caller, Change, Decision, Entry, Op, StateView};

use super::{Doctored, kind, op, without};
use crate::cast::sign;
use crate::delivery::laws::{B1, B2, B3, B4, B5, B6};
use crate::ledger::{Decide, decide};

/// Name, the law that must notice it, and the machine.
pub const ALL: &[(&str, &str, Decide)] = &[
    ("a new session drops the mailbox", B1, session_drops_mail),
    ("rights are stored with one view more", B2, one_view_more),
    (
        "the acknowledged version is overwritten",
        B3,
        acknowledged_goes_down,
    ),
    (
        "a lower version overwrites a higher one",
        B3,
        lower_overwrites,
    ),
    (
        "an acknowledgement removes newer mail",
        B4,
        ack_removes_newer,
    ),
    ("an acknowledgement leaves its mail", B5, ack_keeps_mail),
    ("the stream's counter stands still", B6, stream_stands_still),
];

fn session_drops_mail(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let mut decision = decide(view, index, entry);
    if matches!(op(entry), Op::StartSession { .. }) && !decision.changes.is_empty() {
        decision = without(decision, &[kind::MAIL, kind::MAIL_AT]);
        for kind in [kind::MAIL, kind::MAIL_AT] {
            let rows = view.scan(&[kind], &[kind], usize::MAX).into_iter();
            decision
                .changes
                .extend(rows.map(|(key, _)| Change::Delete { key }));
        }
    }
    decision
}

fn one_view_more(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let mut altered = wire::decode::<Entry>(entry).unwrap();
    if let Op::PutRights { rights } = &mut altered.command.op {
        let mut content = rights.unverified().unwrap();
        content.permitted += 1;
        *rights = sign(content);
    }
    if let Caller::Device(signed) = &altered.command.caller {
        let mut authorization = signed.unverified().unwrap();
        authorization.op = altered.command.op.hash();
        altered.command.caller = Caller::Device(sign(authorization));
    }
    decide(view, index, &altered.encode())
}

fn acknowledged_goes_down(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    if !matches!(op(entry), Op::AckRights { .. }) {
        return decide(view, index, entry);
    }
    // Layout version, nothing used, nothing acknowledged, deal 1 to descriptor 0.
    let view = Doctored {
        base: view,
        kind: kind::GRANT_USAGE,
        reads: &|_| Some(vec![2, 0, 0, 1, 0]),
    };
    decide(&view, index, entry)
}

fn lower_overwrites(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let Op::PutRights { rights } = op(entry) else {
        return decide(view, index, entry);
    };
    let mut lowest = rights.unverified().unwrap();
    lowest.version = 0;
    let lowest = wire::encode(&sign(lowest));
    let view = Doctored {
        base: view,
        kind: kind::CURRENT_RIGHTS,
        reads: &|_| Some([vec![1], lowest.clone()].concat()),
    };
    decide(&view, index, entry)
}

fn ack_removes_newer(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let mut decision = decide(view, index, entry);
    if matches!(op(entry), Op::AckRights { .. }) && !decision.changes.is_empty() {
        for kind in [kind::MAIL_AT, kind::MAIL] {
            let rows = view.scan(&[kind], &[kind], usize::MAX).into_iter();
            decision
                .changes
                .extend(rows.map(|(key, _)| Change::Delete { key }));
        }
    }
    decision
}

fn ack_keeps_mail(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let decision = decide(view, index, entry);
    if matches!(op(entry), Op::AckRights { .. }) {
        return without(decision, &[kind::MAIL, kind::MAIL_AT]);
    }
    decision
}

fn stream_stands_still(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    without(decide(view, index, entry), &[kind::STREAM])
}
