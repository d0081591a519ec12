//! Time of one decision: the real scheduler, with a thousand workers that have reported and have
//! reserved jobs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cameo_common::ids::{JobId, NodeId};
use cameo_common::keys::PublicKey;
use cameo_dispatch::{
    CostModel, Job, Member, REPORT_VERSION, Report, Reservation, Scheduler, Settings, TicketId,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::figure::Figure;
use crate::rounding::round;
use crate::runs::Runs;

const WORKERS: u64 = 1000;
const DECISIONS: u64 = 2001;
const CLIENT: PublicKey = PublicKey([1; 32]);
const NOW: Duration = Duration::from_secs(1000);

/// Times each decision by itself, with all that the leader does for it: releasing the job's
/// reservation, checking its client's quota, and collecting the input.
pub fn measure() -> Figure {
    let mut scheduler = scheduler();
    let mut runs = Runs::default();
    for n in 0..DECISIONS {
        let job = Job {
            id: JobId([0; 16]),
            size: 1_000_000 + n * 1000,
            exclude: &[],
        };
        let began = Instant::now();
        scheduler.release(&CLIENT, job.id);
        let over = black_box(scheduler.is_over_quota(&CLIENT, NOW));
        let decision = black_box(scheduler.decide(black_box(&job), NOW, n));
        runs.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(
            !over,
            "each worker has one reserved job, of less than a second of work"
        );
        drop(decision);
    }
    let [min, max] = [runs.min(), runs.max()].map(round);
    let note = format!("one decision with its input, {min}..{max} us");
    Figure::new("decision_us_1000", runs.median(), "us", runs.len(), note)
}

fn scheduler() -> Scheduler {
    let settings = Settings::new(Duration::from_millis(300), Duration::from_secs(1));
    let mut scheduler = Scheduler::new(NodeId(0), 1, settings, CostModel::default());
    let member = |node| Member { node, voter: false };
    scheduler.set_members((1..=WORKERS).map(NodeId).map(member));
    let mut rng = StdRng::seed_from_u64(1);
    for node in (1..=WORKERS).map(NodeId) {
        let age = Duration::from_millis(rng.random_range(0..100));
        scheduler.follow(node, report(&mut rng), NOW - age);
        let ticket = TicketId(u128::from(node.0).to_be_bytes());
        let reservation = Reservation {
            client: CLIENT,
            job: JobId(ticket.0),
            size: 1_000_000,
            cost_ms: rng.random_range(20..400),
            expires: NOW * 2,
        };
        scheduler.reserve(node, 1, ticket, reservation);
    }
    scheduler
}

fn report(rng: &mut StdRng) -> Report {
    let millicores = rng.random_range(150..4000);
    Report {
        version: REPORT_VERSION,
        incarnation: 1,
        sequence: 1,
        quota_millicores: millicores,
        usable_millicores: millicores,
        cpu_share_permille: rng.random_range(0..1000),
        slots: millicores.div_ceil(2000),
        running: 1,
        queued: rng.random_range(0..4),
        backlog_cpu_ms: rng.random_range(0..1000),
        incoming: rng.random_range(0..4),
        incoming_cpu_ms: rng.random_range(0..1000),
        first_event: 0,
        events: Vec::new(),
        sample_age_ms: 50,
        draining: false,
        full: false,
        input_room: u64::MAX,
        input_limit: u64::MAX,
    }
}
