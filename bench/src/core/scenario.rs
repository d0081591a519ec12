//! The scenarios: each call at each number of clients, ours and etcd's in turn.

use std::time::Duration;

use super::arguments::Arguments;
use super::figures::{compare, views};
use super::lane::Lane;
use super::window::Window;
use crate::clusters::caller::Caller;
use crate::clusters::etcd::{self, Etcd, Via};
use crate::clusters::ours::{self, Ours};
use crate::document::Document;

/// Window of `--quick`.
const QUICK: Duration = Duration::from_millis(300);
/// Windows of five that may be measured again because something else had the machine: the same for
/// ours and etcd's.
const AGAIN_OF_FIVE: usize = 1;
/// Clients at which views are measured, beside one.
const MANY: usize = 64;

/// One kind of call, with what etcd is asked beside it.
struct Kind {
    name: &'static str,
    ours: ours::Call,
    theirs: etcd::Call,
}

/// Bytes of a signed view request with its certificate's hash.
const VIEW_REQUEST_BYTES: usize = 270;

const KINDS: [Kind; 4] = [
    Kind {
        name: "write",
        ours: ours::Call::Write,
        theirs: etcd::Call::Put {
            bytes: ours::AUTHORIZATION_BYTES,
        },
    },
    Kind {
        name: "debit",
        ours: ours::Call::Debit,
        theirs: etcd::Call::Put {
            bytes: VIEW_REQUEST_BYTES,
        },
    },
    Kind {
        name: "read",
        ours: ours::Call::LookUp,
        theirs: etcd::Call::Range,
    },
    Kind {
        name: "view",
        ours: ours::Call::View,
        theirs: etcd::Call::Put {
            bytes: VIEW_REQUEST_BYTES,
        },
    },
];

/// Both sides, running.
pub struct Scenarios<'a> {
    pub arguments: &'a Arguments,
    pub ours: &'a Ours,
    pub etcd: Option<&'a Etcd>,
}

impl Scenarios<'_> {
    /// Adds the figures of all.
    pub async fn run(&self, document: &mut Document) -> anyhow::Result<()> {
        let only = self.arguments.only.as_deref().unwrap_or_default();
        for kind in KINDS.iter().filter(|kind| kind.name.contains(only)) {
            for clients in &self.arguments.clients {
                let is_view = kind.ours == ours::Call::View;
                if is_view && ![1, MANY].contains(clients) {
                    continue;
                }
                eprintln!("{} with {clients} clients", kind.name);
                let lanes = self.lanes(kind, *clients).await?;
                match is_view {
                    true => views(document, *clients, &lanes),
                    false => compare(document, kind.name, *clients, &lanes),
                }
            }
        }
        Ok(())
    }

    /// Ours first, then etcd's, each with its windows.
    async fn lanes(&self, kind: &Kind, clients: usize) -> anyhow::Result<Vec<Lane>> {
        let mut lanes = vec![Lane::new("ours", self.ours.processes()?)];
        if let Some(etcd) = self.etcd {
            let via = Via::ALL.into_iter();
            lanes.extend(via.map(|via| Lane::new(via.name(), etcd.processes())));
        }
        let rounds = if self.arguments.quick {
            1
        } else {
            self.arguments.rounds as usize
        };
        let allowed = (rounds * AGAIN_OF_FIVE).div_ceil(5);
        for round in 0..rounds {
            // Each side comes first in turn: what it has put off falls into another's window.
            for turn in 0..lanes.len() {
                let at = (round + turn) % lanes.len();
                let lane = &mut lanes[at];
                let mut window = self.window(lane, at, kind, clients).await?;
                while window.is_disturbed() && lane.disturbed < allowed && !self.arguments.quick {
                    lane.disturbed += 1;
                    window = self.window(lane, at, kind, clients).await?;
                }
                lane.windows.push(window);
            }
        }
        Ok(lanes)
    }

    async fn window(
        &self,
        lane: &mut Lane,
        at: usize,
        kind: &Kind,
        clients: usize,
    ) -> anyhow::Result<Window> {
        let length = match self.arguments.quick {
            true => QUICK,
            false => Duration::from_secs_f64(self.arguments.seconds),
        };
        let callers: Vec<Box<dyn Caller>> = match (at.checked_sub(1), self.etcd) {
            (Some(via), Some(etcd)) => etcd.callers(clients, Via::ALL[via], &kind.theirs).await?,
            _ => self.ours.callers(clients, kind.ours).await?,
        };
        lane.measure(callers, length).await
    }
}
