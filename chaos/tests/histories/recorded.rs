//! Objects of a recorded run of five real processes under kills, pauses, partitions and wrong
//! clocks, and the same with one answer changed: judged by both checkers. It was recorded before
//! logs had proofs: `statement` and `proved` are those of the debits in the same run.

use std::collections::BTreeMap;

use cameo_chaos::history::{Answer, History, Key, Op, Row, read};
use cameo_common::api::ErrorCode;

use super::independent::{ours, theirs};

const RECORDED: &str = include_str!("recorded/real-seed-7.jsonl");
/// The other checker remembers nothing of what it tried, so longer objects take it too long.
const MOST_CHANGED: usize = 26;

/// One history for each object, each with the first row of the run.
fn by_object() -> BTreeMap<Key, History> {
    let whole = read(RECORDED.as_bytes()).unwrap();
    let mut rows = whole.rows.into_iter();
    let begin = rows.next().unwrap();
    let mut objects: BTreeMap<Key, History> = BTreeMap::new();
    for row in rows {
        let object = objects.entry(row.key.clone()).or_insert_with(|| History {
            rows: vec![begin.clone()],
        });
        object.rows.push(row);
    }
    objects
}

/// The same row with another answer, if this kind of row is changed.
pub fn changed(row: &Row) -> Option<Row> {
    let mut row = row.clone();
    match &mut row.op {
        Op::LookUp(op) => match op.out.as_mut()? {
            Answer::Ok(found @ Some(_)) => *found = None,
            _ => return None,
        },
        Op::Register(op) => {
            op.out = Some(match op.out.as_ref()? {
                Answer::Ok(()) => Answer::Refused(ErrorCode::NameTaken),
                Answer::Refused(_) => Answer::Ok(()),
            });
        }
        Op::Usage(op) => match op.out.as_mut()? {
            Answer::Ok(usage) => usage.used += 1,
            Answer::Refused(_) => return None,
        },
        Op::Debit(op) => match op.out.as_mut()? {
            Answer::Ok(debited) => debited.number += 1,
            Answer::Refused(_) => return None,
        },
        Op::Release(op) => match op.out.as_mut()? {
            Answer::Ok(_) => op.out = Some(Answer::Refused(ErrorCode::NotDebited)),
            Answer::Refused(_) => return None,
        },
        Op::PutRights(op) => match op.out.as_mut()? {
            Answer::Ok(_) => op.out = Some(Answer::Refused(ErrorCode::StaleVersion)),
            Answer::Refused(_) => return None,
        },
        Op::Acknowledge(op) => match op.out.as_mut()? {
            Answer::Ok(stored) => stored.in_mailbox = !stored.in_mailbox,
            Answer::Refused(_) => return None,
        },
        _ => return None,
    }
    Some(row)
}

#[test]
fn both_accept_every_object_of_the_run() {
    let objects = by_object();
    assert!(objects.len() >= 8);
    for (key, history) in &objects {
        assert!(ours(history), "{key:?}: ours");
        assert!(theirs(history), "{key:?}: theirs");
    }
}

#[test]
fn both_answer_the_same_when_one_answer_is_changed() {
    let (mut refused, mut accepted) = (0, 0);
    for (key, history) in by_object() {
        if history.rows.len() > MOST_CHANGED {
            continue;
        }
        for place in 0..history.rows.len() {
            let Some(row) = changed(&history.rows[place]) else {
                continue;
            };
            let mut other = history.clone();
            other.rows[place] = row;
            let ours = ours(&other);
            assert_eq!(ours, theirs(&other), "{key:?}, row {place}: {other:#?}");
            if ours {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    println!("{refused} changed histories refused by both, {accepted} accepted by both");
    assert!(refused >= 20);
}
