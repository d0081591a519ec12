//! One sequence of calls and returns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::history::{History, Op, Row};

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Process {
    Client(u64),
    /// Faults, and what was seen without a question.
    Nemesis,
}

/// What an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Invoke,
    /// Done.
    Ok,
    /// Certainly not done.
    Fail,
    /// Perhaps done; or the nemesis's.
    Info,
}

/// A call, or a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub process: Process,
    pub kind: EventKind,
    /// The row, counted from 0.
    pub row: usize,
    /// Whether it tells of the outcome.
    pub ends: bool,
    /// Microseconds.
    pub time: u64,
}

/// All events by time. At equal times calls come first, so that operations which touch are
/// concurrent, but a client's own operations follow each other. Unknown outcomes come at the end.
#[must_use]
pub fn events(history: &History) -> Vec<Event> {
    let last = history.rows.iter().filter_map(|row| row.ret).max();
    let last = last.map_or(0, |last| last.0);
    let mut queues: BTreeMap<Process, VecDeque<Event>> = BTreeMap::new();
    let mut nemesis = Vec::new();
    for (number, row) in by_call(history) {
        let both = of_row(number, row, last);
        if is_asked(&row.op) {
            let queue = queues.entry(Process::Client(row.client)).or_default();
            queue.extend(both);
        } else {
            nemesis.extend(both);
        }
    }
    nemesis.sort_by_key(|event: &Event| event.time);
    queues.insert(Process::Nemesis, nemesis.into());
    merge(queues)
}

fn by_call(history: &History) -> Vec<(usize, &Row)> {
    let mut rows: Vec<_> = history.rows.iter().enumerate().collect();
    rows.sort_by_key(|(_, row)| (row.call, row.ret.is_none(), row.ret));
    rows
}

/// Whether a client asked for it, and waited for the answer.
#[must_use]
pub fn is_asked(op: &Op) -> bool {
    !matches!(
        op,
        Op::Begin(_)
            | Op::Delivered(_)
            | Op::EndJob(_)
            | Op::Observe(_)
            | Op::Held(_)
            | Op::Fault(_)
            | Op::Skipped(_)
            | Op::Healed(_)
    )
}

fn of_row(number: usize, row: &Row, last: u64) -> [Event; 2] {
    let asked = is_asked(&row.op);
    let (process, first) = if asked {
        (Process::Client(row.client), EventKind::Invoke)
    } else {
        (Process::Nemesis, EventKind::Info)
    };
    let kind = match row.ret {
        _ if !asked => EventKind::Info,
        None => EventKind::Info,
        Some(_) if is_refused(&row.op) => EventKind::Fail,
        Some(_) => EventKind::Ok,
    };
    let event = |kind, ends, time| Event {
        process,
        kind,
        row: number,
        ends,
        time,
    };
    let end = row.ret.map_or(last.max(row.call.0), |ret| ret.0);
    [event(first, false, row.call.0), event(kind, true, end)]
}

/// Whether the answer was a refusal.
fn is_refused(op: &Op) -> bool {
    let json = serde_json::to_value(op);
    json.is_ok_and(|json| json["out"].get("refused").is_some())
}

/// At one time: calls, then returns of clients who go on at once, then the other returns.
fn place(queue: &VecDeque<Event>) -> Option<(u64, u8)> {
    let head = queue.front()?;
    let goes_on = queue.get(1).is_some_and(|next| next.time == head.time);
    let place = match (head.kind, goes_on) {
        (EventKind::Invoke, _) => 0,
        (_, true) => 1,
        (_, false) => 2,
    };
    Some((head.time, place))
}

fn merge(mut queues: BTreeMap<Process, VecDeque<Event>>) -> Vec<Event> {
    let mut heads = BinaryHeap::new();
    for (process, queue) in &queues {
        heads.extend(place(queue).map(|place| Reverse((place, *process))));
    }
    let mut merged = Vec::new();
    while let Some(Reverse((_, process))) = heads.pop() {
        let Some(queue) = queues.get_mut(&process) else {
            continue;
        };
        merged.extend(queue.pop_front());
        heads.extend(place(queue).map(|place| Reverse((place, process))));
    }
    merged
}
