//! Counts of what runs held: operations, and faults with the operations that overlapped them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{History, Op, Row};

/// Faults of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfKind {
    pub struck: usize,
    /// They were planned, and no sign of them was seen.
    pub idle: usize,
    /// Operations of clients that were under way while one was there.
    pub overlapped: usize,
}

/// What one history holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub operations: usize,
    /// Of these, those without a known outcome.
    pub unknown: usize,
    pub faults: BTreeMap<String, OfKind>,
}

impl Counts {
    /// Counts the rows.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let of_clients: Vec<_> = history
            .rows
            .iter()
            .filter(|row| is_of_client(row))
            .collect();
        let mut counts = Self {
            operations: of_clients.len(),
            unknown: of_clients.iter().filter(|row| row.ret.is_none()).count(),
            faults: BTreeMap::new(),
        };
        for row in &history.rows {
            let Op::Fault(fault) = &row.op else {
                continue;
            };
            let kind = counts.faults.entry(fault.arg.kind.clone()).or_default();
            if fault.out.as_ref().is_none_or(|struck| !struck.bit) {
                kind.idle += 1;
                continue;
            }
            kind.struck += 1;
            let overlap = of_clients.iter().filter(|other| overlap(row, other));
            kind.overlapped += overlap.count();
        }
        counts
    }

    /// Adds those of another history.
    pub fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.unknown += other.unknown;
        for (kind, more) in &other.faults {
            let sum = self.faults.entry(kind.clone()).or_default();
            sum.struck += more.struck;
            sum.idle += more.idle;
            sum.overlapped += more.overlapped;
        }
    }

    /// A line for each kind of fault.
    #[must_use]
    pub fn table(&self) -> String {
        let line = |(kind, of): (&String, &OfKind)| {
            let OfKind {
                struck,
                idle,
                overlapped,
            } = of;
            format!(
                "{kind:<16}struck {struck:>4}, idle {idle:>3}, over {overlapped:>6} operations\n"
            )
        };
        self.faults.iter().map(line).collect()
    }
}

fn is_of_client(row: &Row) -> bool {
    !matches!(
        row.op,
        Op::Begin(_) | Op::Observe(_) | Op::Held(_) | Op::Fault(_) | Op::Skipped(_) | Op::Healed(_)
    )
}

/// Whether both were under way at some time. What never returned is taken to have ended at once.
fn overlap(fault: &Row, other: &Row) -> bool {
    let ends = other.ret.unwrap_or(other.call);
    other.call <= fault.ret.unwrap_or(fault.call) && ends >= fault.call
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let struck: usize = self.faults.values().map(|of| of.struck).sum();
        let idle: usize = self.faults.values().map(|of| of.idle).sum();
        let Self {
            operations,
            unknown,
            ..
        } = self;
        write!(
            f,
            "{operations} operations ({unknown} unknown), {struck} faults of {} kinds bit",
            self.faults.values().filter(|of| of.struck > 0).count()
        )?;
        if idle > 0 {
            write!(f, ", {idle} did not")?;
        }
        Ok(())
    }
}

/// Counts of many runs.
#[derive(Debug, Default)]
pub struct Total {
    pub runs: usize,
    pub counts: Counts,
}

impl Total {
    /// Adds a run.
    pub fn add(&mut self, counts: &Counts) {
        self.runs += 1;
        self.counts.add(counts);
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs, {}", self.runs, self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{FaultArg, Key, Micros, Observed, Operation, ReadArg, Struck};

    fn row(op: Op, call: u64, ret: Option<u64>) -> Row {
        Row {
            client: 0,
            key: Key(String::new()),
            op,
            call: Micros(call),
            ret: ret.map(Micros),
        }
    }

    fn fault(bit: bool, call: u64, ret: u64) -> Row {
        let op = Op::Fault(Operation {
            arg: FaultArg {
                kind: "kill".to_owned(),
                on: String::new(),
            },
            out: Some(Struck {
                bit,
                seen: String::new(),
            }),
        });
        row(op, call, Some(ret))
    }

    fn read(call: u64) -> Row {
        let arg = ReadArg {
            node: cameo_common::ids::NodeId(1),
        };
        row(Op::Usage(Operation { arg, out: None }), call, None)
    }

    #[test]
    fn given_faults_and_operations_when_they_are_counted_then_overlaps_are_of_what_bit() {
        let observed: Option<Observed> = None;
        let observe = Op::Observe(Operation {
            arg: (),
            out: observed,
        });
        let history = History {
            rows: vec![
                read(5),
                read(15),
                row(observe, 16, None),
                fault(true, 10, 20),
                fault(false, 0, 30),
            ],
        };
        let counts = Counts::of(&history);
        assert_eq!((counts.operations, counts.unknown), (2, 2));
        let kill = OfKind {
            struck: 1,
            idle: 1,
            overlapped: 1,
        };
        assert_eq!(counts.faults.get("kill"), Some(&kill));
        let mut total = Total::default();
        total.add(&counts);
        total.add(&counts);
        assert_eq!(total.counts.faults["kill"].struck, 2);
    }
}
