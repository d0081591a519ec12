//! What is measured: each call at each number of clients, ours and etcd's in turn.

use std::time::Duration;

use super::arguments::Arguments;
use super::caller::Caller;
use super::etcd::{self, Etcd, Via};
use super::lane::Lane;
use super::ours::{self, Ours};
use super::window::Window;
use crate::document::Document;
use crate::figure::Figure;
use crate::rounding::round;
use crate::runs::median;

/// Window of `--quick`.
const QUICK: Duration = Duration::from_millis(300);
/// Windows of five that may be measured again because something else had the machine: the same for
/// ours and etcd's.
const AGAIN_OF_FIVE: usize = 1;
/// Clients at which CPU and views are told.
const MANY: usize = 64;

/// One kind of call, with what etcd is asked beside it.
struct Kind {
    name: &'static str,
    ours: ours::Call,
    theirs: etcd::Call,
}

/// Bytes of what a command adds to the log beside its operation: device, cluster, request,
/// not-after, hash and signature.
const AUTHORIZATION_BYTES: usize = 210;
/// Bytes of a signed view request with its certificate's hash.
const VIEW_REQUEST_BYTES: usize = 270;

const KINDS: [Kind; 4] = [
    Kind {
        name: "write",
        ours: ours::Call::Write,
        theirs: etcd::Call::Put {
            bytes: AUTHORIZATION_BYTES,
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
        for _ in 0..rounds {
            for (at, lane) in lanes.iter_mut().enumerate() {
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

/// The figures of a call beside the better of etcd's ways; without etcd, ours alone.
fn compare(document: &mut Document, name: &str, clients: usize, lanes: &[Lane]) {
    let Some((ours, theirs)) = lanes.split_first() else {
        return;
    };
    let n = ours.windows.len();
    let rate = |lane: &Lane| median(&lane.all(|window| window.rate));
    let best = theirs.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)));
    let mut add = |name: String, unit: &str, of: &dyn Fn(&Window) -> f64| {
        let (own, figure) = (
            ours.all(of),
            format!("ours {}", spread(&ours.all(of), unit)),
        );
        let (value, unit, note) = match best {
            Some(best) => {
                let peer = best.all(of);
                let note = format!("{figure}, {} {}", best.name, spread(&peer, unit));
                (median(&own) / median(&peer), "x", note)
            }
            None => (median(&own), "", figure),
        };
        let disturbed: usize = lanes.iter().map(|lane| lane.disturbed).sum();
        let note = format!("{note}; {disturbed} windows measured again");
        document
            .figures
            .push(Figure::new(name, value, unit, n, note));
    };
    add(format!("{name}_{clients}_vs_etcd"), "/s", &|window| {
        window.rate
    });
    add(format!("{name}_p99_{clients}_vs_etcd"), "ms", &p99);
    add(
        format!("cpu_per_{name}_{clients}_vs_etcd"),
        "us",
        &|window| window.cpu_us,
    );
}

/// The figures of whole views.
fn views(document: &mut Document, clients: usize, lanes: &[Lane]) {
    let Some((ours, theirs)) = lanes.split_first() else {
        return;
    };
    let n = ours.windows.len();
    let half = |window: &Window| window.times.percentile(50.0) * 1e3;
    if clients == 1 {
        let own = ours.all(half);
        let peers = theirs.iter().map(|lane| (lane.name, lane.all(half)));
        let best = peers.min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b)));
        if let Some((name, peer)) = best {
            let note = format!(
                "median of a view {}, of a put by {name} {}",
                spread(&own, "ms"),
                spread(&peer, "ms")
            );
            let value = median(&own) / median(&peer);
            document
                .figures
                .push(Figure::new("view_vs_put_1", value, "x", n, note));
        }
        let cpu = ours.all(|window| window.cpu_us);
        let note = format!("of all nodes together, {}", spread(&cpu, "us"));
        document
            .figures
            .push(Figure::new("cpu_per_view", median(&cpu), "us", n, note));
    }
    let rate = ours.all(|window| window.rate);
    let name = format!("view_{clients}_per_second");
    let note = spread(&rate, "/s");
    document
        .figures
        .push(Figure::new(name, median(&rate), "/s", n, note));
}

fn p99(window: &Window) -> f64 {
    window.times.percentile(99.0) * 1e3
}

/// Median, least and most.
fn spread(values: &[f64], unit: &str) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [median, least, most] = [median(values), least, most].map(round);
    format!("{median} {unit} ({least}..{most})")
}
