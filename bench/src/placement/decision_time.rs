//! How long one decision takes: the real desk, of a thousand workers that have reported and have jobs booked.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cameo_common::ids::{JobId, NodeId};
use cameo_common::keys::PublicKey;
use cameo_dispatch::{
    CostModel, Desk, Job, Member, Placement, Policy, REPORT_VERSION, Report, Settings, TicketId,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::figure::{Figure, round};
use crate::runs::Runs;

const WORKERS: NodeId = 1000;
const DECISIONS: u64 = 2001;
const CLIENT: PublicKey = PublicKey([1; 32]);
const NOW: Duration = Duration::from_secs(1000);

/// Each decision is timed on its own, with all that the leader does for it: giving back what the job had booked,
/// asking whether its client may have more, and making the question.
pub fn measure() -> Figure {
    let mut desk = desk();
    let mut runs = Runs::default();
    for n in 0..DECISIONS {
        let job = Job {
            id: JobId([0; 16]),
            size: 1_000_000 + n * 1000,
            exclude: &[],
        };
        let began = Instant::now();
        desk.give_back(&CLIENT, job.id);
        let enough = black_box(desk.has_booked_enough(&CLIENT, NOW));
        let decision = black_box(desk.decide(black_box(&job), NOW, n));
        runs.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(
            !enough,
            "each worker has a job booked, and none more than it does within a second"
        );
        drop(decision);
    }
    let [min, max] = [runs.min(), runs.max()].map(round);
    let note = format!("one decision with its question, {min}..{max} us");
    Figure::new("decision_us_1000", runs.median(), "us", runs.len(), note)
}

fn desk() -> Desk {
    let settings = Settings {
        stale_after: Duration::from_millis(300),
        max_wait: Duration::from_secs(1),
        policy: Policy::LeastProjected,
        reports_every: Duration::ZERO,
    };
    let mut desk = Desk::new(0, 1, settings, CostModel::default());
    let member = |node| Member { node, voter: false };
    desk.set_members((1..=WORKERS).map(member));
    let mut chance = StdRng::seed_from_u64(1);
    for node in 1..=WORKERS {
        let age = Duration::from_millis(chance.random_range(0..100));
        desk.heard(node, report(&mut chance), NOW - age);
        let ticket = TicketId(u128::from(node).to_be_bytes());
        let placement = Placement {
            client: CLIENT,
            job: JobId(ticket.0),
            size: 1_000_000,
            cost_ms: chance.random_range(20..400),
            expires: NOW * 2,
        };
        desk.place(node, 1, ticket, placement);
    }
    desk
}

fn report(chance: &mut StdRng) -> Report {
    let millicores = chance.random_range(150..4000);
    Report {
        version: REPORT_VERSION,
        incarnation: 1,
        sequence: 1,
        quota_millicores: millicores,
        usable_millicores: millicores,
        cpu_share_permille: chance.random_range(0..1000),
        slots: millicores.div_ceil(2000),
        running: 1,
        queued: chance.random_range(0..4),
        backlog_cpu_ms: chance.random_range(0..1000),
        incoming: chance.random_range(0..4),
        incoming_cpu_ms: chance.random_range(0..1000),
        first_event: 0,
        events: Vec::new(),
        sample_age_ms: 50,
        draining: false,
        full: false,
        input_room: u64::MAX,
        input_limit: u64::MAX,
    }
}
