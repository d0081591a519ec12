//! `GET /metrics`: counters, gauges and histograms of this node and its jobs, for Prometheus.
//!
//! Public, as the status is, and without names and keys of users.

mod latencies;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cameo_common::api::{LoadInfo, paths};
use cameo_common::ids::NodeId;
use tokio::time::Instant;

use super::Api;
use crate::host::disk_space::DiskStatus;
use crate::jobs::leader::dispatcher::load_info;
use crate::jobs::{DecisionCounts, JobCounts};
use crate::latency::Latencies;
use text::Page;

/// Version 0.0.4 of the Prometheus text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Router<Api> {
    Router::new().route(paths::METRICS, get(metrics))
}

async fn metrics(State(api): State<Api>) -> Response {
    (
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        render(&gather(&api)),
    )
        .into_response()
}

/// The figures of one scrape.
struct Figures {
    term: u64,
    leads: bool,
    committed: u64,
    applied: u64,
    quarantined: bool,
    /// Answers of voters that this node waits for before it takes part.
    answers_missing: usize,
    /// Number of the last floor record that other voters had told.
    floors_of_peers: BTreeMap<NodeId, u64>,
    disk: DiskStatus,
    latencies: Arc<Latencies>,
    jobs: JobCounts,
    own: LoadInfo,
    decided: DecisionCounts,
    /// While this node leads: every member, whether it is a voter, and its newest load.
    workers: Vec<(NodeId, bool, Option<LoadInfo>)>,
}

fn gather(api: &Api) -> Figures {
    let status = api.replica.status();
    let leads = status.leader == Some(api.node);
    let mut workers = Vec::new();
    if leads {
        let mut loads = api.dispatcher.loads(Instant::now());
        let voters = status.voters.keys().map(|node| (*node, true));
        let learners = status.learners.keys().map(|node| (*node, false));
        let with_load = |(node, voter)| (node, voter, loads.remove(&node));
        workers = voters.chain(learners).map(with_load).collect();
    }
    let own = api.reporter.now();
    let age = std::time::Duration::from_millis(u64::from(own.sample_age_ms));
    Figures {
        term: status.term,
        leads,
        committed: status.committed,
        applied: status.applied,
        quarantined: status.quarantined,
        answers_missing: status.waits.map_or(0, |waits| waits.answers_missing),
        floors_of_peers: api.replica.floors_of_peers(),
        disk: status.disk,
        latencies: api.latencies.clone(),
        jobs: api.worker.counts(),
        own: load_info(&own, age),
        decided: api.dispatcher.decided(),
        workers,
    }
}

fn render(figures: &Figures) -> String {
    let mut page = Page::default();
    consensus(&mut page, figures);
    latencies::render(&mut page, &figures.latencies);
    disk(&mut page, figures.disk);
    jobs(&mut page, &figures.jobs);
    for (name, help, value) in LOADS {
        let name = format!("cameo_{name}");
        page.gauge(&name, help).value(&value(&figures.own));
    }
    decisions(&mut page, &figures.decided);
    if figures.leads {
        workers(&mut page, &figures.workers);
    }
    page.into_text()
}

fn consensus(page: &mut Page, figures: &Figures) {
    page.gauge("cameo_raft_term", "The term this node is in.")
        .value(&figures.term);
    page.gauge(
        "cameo_is_leader",
        "1 while this node leads, as far as it knows.",
    )
    .value(&u8::from(figures.leads));
    page.gauge(
        "cameo_committed_index",
        "Last log index known to be committed.",
    )
    .value(&figures.committed);
    page.gauge(
        "cameo_applied_index",
        "Last log index applied to the state.",
    )
    .value(&figures.applied);
    page.gauge(
        "cameo_quarantined",
        "1 when the node has come back below what it had told other voters, and takes no part.",
    )
    .value(&u8::from(figures.quarantined));
    page.gauge(
        "cameo_answers_missing",
        "Voters that have yet to say what they remember of this node, before it takes part.",
    )
    .value(&figures.answers_missing);
    let help = "Number of the last floor record that this node remembers of another voter.";
    let mut family = page.gauge("cameo_remembered_floor", help);
    for (node, floor) in &figures.floors_of_peers {
        family = family.labelled("node", node, floor);
    }
}

fn disk(page: &mut Page, disk: DiskStatus) {
    if let Some(free) = disk.free {
        let help = "Bytes that are free on the disk of the data folder.";
        page.gauge("cameo_disk_free_bytes", help).value(&free);
    }
    let help = "Free bytes below which the node takes no new entries.";
    page.gauge("cameo_disk_reserve_bytes", help)
        .value(&disk.reserve);
    let help = "1 while the node takes no new entries for want of free bytes.";
    page.gauge("cameo_disk_low", help)
        .value(&u8::from(disk.is_low));
}

fn jobs(page: &mut Page, jobs: &JobCounts) {
    let counts = [
        ("finished", "Jobs finished by this node.", jobs.finished),
        (
            "failed",
            "Jobs that failed by a wrong input or an error of this node.",
            jobs.failed,
        ),
        (
            "cancelled",
            "Jobs whose client disconnected before they were finished.",
            jobs.cancelled,
        ),
        (
            "refused",
            "Jobs rejected: a bad ticket, too much load, or a stopping node.",
            jobs.refused,
        ),
    ];
    for (what, help, count) in counts {
        page.counter(&format!("cameo_jobs_{what}_total"), help)
            .value(&count);
    }
}

fn decisions(page: &mut Page, decided: &DecisionCounts) {
    let help = "Placements that this node decided as leader, by choice.";
    page.counter("cameo_decisions_total", help)
        .labelled("choice", &"worker", &decided.worker)
        .labelled("choice", &"busy", &decided.busy)
        .labelled("choice", &"nobody", &decided.nobody)
        .labelled("choice", &"own_share", &decided.own_share);
}

/// One figure of a load: name, help, value.
type Load = (&'static str, &'static str, fn(&LoadInfo) -> f64);

const LOADS: [Load; 10] = [
    ("jobs_running", "Jobs that run.", |load| {
        f64::from(load.running)
    }),
    (
        "jobs_queued",
        "Jobs that wait for a thread or for memory.",
        |load| f64::from(load.queued),
    ),
    (
        "jobs_incoming",
        "Accepted jobs whose input is being received.",
        |load| f64::from(load.incoming),
    ),
    (
        "backlog_cpu_seconds",
        "Predicted CPU time that running and queued jobs still need.",
        |load| seconds(load.backlog_cpu_ms),
    ),
    (
        "cpu_share_ratio",
        "CPU used, as a share of the quota, smoothed.",
        |load| load.cpu_share,
    ),
    (
        "quota_millicores",
        "CPU that the process may use.",
        |load| f64::from(load.quota_millicores),
    ),
    ("usable_millicores", "CPU that jobs got recently.", |load| {
        f64::from(load.usable_millicores)
    }),
    (
        "draining",
        "1 while the node is stopping and accepts no jobs.",
        |load| f64::from(u8::from(load.draining)),
    ),
    (
        "full",
        "1 while the node has as many jobs as it may, or is stalled for want of memory.",
        |load| f64::from(u8::from(load.full)),
    ),
    ("report_age_seconds", "Age of these figures.", |load| {
        seconds(load.age_ms)
    }),
];

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn workers(page: &mut Page, workers: &[(NodeId, bool, Option<LoadInfo>)]) {
    let mut family = page.gauge("cameo_worker_voter", "1 for a voter, 0 for a learner.");
    for (node, voter, _) in workers {
        family = family.labelled("worker", node, &u8::from(*voter));
    }
    let help = "1 when the worker has reported to this leader.";
    let mut family = page.gauge("cameo_worker_reporting", help);
    for (node, _, load) in workers {
        family = family.labelled("worker", node, &u8::from(load.is_some()));
    }
    for (name, help, value) in LOADS {
        let name = format!("cameo_worker_{name}");
        let mut family = page.gauge(&name, help);
        for (node, _, load) in workers {
            if let Some(load) = load {
                family = family.labelled("worker", node, &value(load));
            }
        }
    }
}

#[cfg(test)]
mod tests;
