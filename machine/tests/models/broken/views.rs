//! One faulty machine for each law of debits, and one faulty node for each law of releases.

use cameo_common::ids::Millis;
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use cameo_common::wire;
use cameo_machine::{Decision, MapView, Op, StateView, read};

use super::{Doctored, kind, op, without};
use crate::cast::{START, bob, sign};
use crate::ledger::{Decide, decide};
use crate::views::laws::{L1, L2, L3, L4, L5, L6, RESUME};
use crate::views::{PERMITTED, Release};

/// Name, the law that must notice it, and the machine.
pub const MACHINES: &[(&str, &str, Decide)] = &[
    ("two debits get one number", L1, one_number),
    ("the quota is not checked", L2, quota_unchecked),
    ("a repeat is charged again", L3, charged_again),
    ("the counter is not written", L4, counter_not_written),
];

/// The same for nodes that release.
pub const RELEASES: &[(&str, &str, Release)] = &[
    ("the first rights count for ever", L5, first_rights),
    ("any key under a debited id is served", L6, any_key),
    ("there is no end of the time to resume", L6, always_in_time),
    ("nothing is released twice", RESUME, |_, _, _| false),
];

fn one_number(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    // Layout version, nothing used, nothing acknowledged, deal 1 to descriptor 0.
    let reads = |_| Some(vec![2, 0, 0, 1, 0]);
    debit_over(view, index, entry, kind::GRANT_USAGE, &reads)
}

fn quota_unchecked(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    let more = |value: Vec<u8>| Some(with_permitted(&value, 100));
    debit_over(view, index, entry, kind::CURRENT_RIGHTS, &more)
}

fn charged_again(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    debit_over(view, index, entry, kind::VIEW, &|_| None)
}

fn counter_not_written(view: &dyn StateView, index: u64, entry: &[u8]) -> Decision {
    without(decide(view, index, entry), &[kind::GRANT_USAGE])
}

/// Decides a debit over a state in which one kind of row reads as something else.
fn debit_over(
    view: &dyn StateView,
    index: u64,
    entry: &[u8],
    kind: u8,
    reads: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>,
) -> Decision {
    if !matches!(op(entry), Op::Debit { .. }) {
        return decide(view, index, entry);
    }
    let doctored = Doctored {
        base: view,
        kind,
        reads,
    };
    decide(&doctored, index, entry)
}

/// A row of rights with another number of views, not revoked and without expiry.
fn with_permitted(value: &[u8], permitted: u32) -> Vec<u8> {
    let signed: Signed<cameo_common::rights::Rights> = wire::decode(&value[1..]).unwrap();
    let mut rights = signed.unverified().unwrap();
    rights.permitted = permitted;
    rights.revoked = false;
    rights.expires = None;
    [vec![value[0]], wire::encode(&sign(rights))].concat()
}

fn first_rights(rows: &MapView, request: &Signed<ViewRequest>, now: Millis) -> bool {
    let doctored = Doctored {
        base: rows,
        kind: kind::CURRENT_RIGHTS,
        reads: &|value| Some(with_permitted(&value, PERMITTED)),
    };
    let content = request.unverified().unwrap();
    read::release_check(&doctored, request, &content, now).is_ok()
}

fn any_key(rows: &MapView, request: &Signed<ViewRequest>, now: Millis) -> bool {
    let content = request.unverified().unwrap();
    let id = content.request.0[0];
    let debited = bob().view_request(content.grant, id, 1);
    let content = debited.unverified().unwrap();
    read::release_check(rows, &debited, &content, now).is_ok()
}

fn always_in_time(rows: &MapView, request: &Signed<ViewRequest>, now: Millis) -> bool {
    // Layout version, and the time of the first entry.
    let doctored = Doctored {
        base: rows,
        kind: kind::LOG_TIME,
        reads: &|_| Some([vec![1], wire::encode(&START)].concat()),
    };
    let content = request.unverified().unwrap();
    read::release_check(&doctored, request, &content, now).is_ok()
}
