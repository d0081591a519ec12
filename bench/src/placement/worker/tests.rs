#![allow(clippy::unwrap_used)]
use super::*;

const SIZE: u64 = 1 << 20;

fn job(cpu_ms: u64) -> Arrival {
    Arrival {
        at: 0,
        size: SIZE,
        cpu: cpu_ms * MILLISECOND,
        travel: 0,
        upload: 0,
    }
}

fn take(worker: &mut Worker, n: usize, cpu_ms: u64, now: u64) -> u64 {
    worker.accept(n, TicketId([n as u8; 16]), SIZE, now);
    worker.enqueue(n, &job(cpu_ms), now).unwrap()
}

#[test]
fn the_true_cost_is_the_job_s_end_and_the_delay_of_later_ones() {
    let mut worker = Worker::new(NodeId(1), 1000, SECOND);
    assert_eq!(take(&mut worker, 1, 50, 0), 50 * MILLISECOND);
    let cpu = 100 * MILLISECOND;
    worker.expect(2, 10 * MILLISECOND, cpu);
    worker.expect(3, 30 * MILLISECOND, cpu);
    // Ends at 250, and the job at 30 ends at 350 instead of 250.
    let overtaking = worker.true_cost(20 * MILLISECOND, cpu);
    assert_eq!(overtaking, (250 + 100) * MILLISECOND);
    let last = worker.true_cost(40 * MILLISECOND, cpu);
    assert_eq!(last, 350 * MILLISECOND);
}

#[test]
fn reports_contain_predictions_and_not_the_true_costs() {
    let mut worker = Worker::new(NodeId(1), 1000, SECOND);
    take(&mut worker, 1, 9000, 0);
    take(&mut worker, 2, 9000, 0);
    let report = worker.report(20 * MILLISECOND);
    assert_eq!((report.running, report.queued), (1, 1));
    assert_eq!(report.backlog_cpu_ms, 85 + 85 - 20);
    assert_eq!(report.events.len(), 2);
    let late = worker.report(SECOND);
    assert_eq!(late.backlog_cpu_ms, 85 + 85 / 8);
}

#[test]
fn the_cpu_share_follows_the_load() {
    let mut worker = Worker::new(NodeId(1), 1000, SECOND);
    take(&mut worker, 1, 5000, 0);
    for n in 1..=20 {
        worker.sample(n * SAMPLE_EVERY);
    }
    assert!(worker.report(4 * SECOND).cpu_share_permille > 990);
    worker.end(1, &job(5000), 5 * SECOND);
    for n in 25..=45 {
        worker.sample(n * SAMPLE_EVERY);
    }
    assert!(worker.report(9 * SECOND).cpu_share_permille < 10);
}

#[test]
fn a_crash_drops_all_jobs() {
    let mut worker = Worker::new(NodeId(1), 1000, SECOND);
    take(&mut worker, 1, 500, 0);
    worker.expect(2, 900, 1000);
    assert_eq!(worker.crash(), [1]);
    worker.restart(NodeId(1), SECOND, SECOND);
    let report = worker.report(SECOND);
    assert_eq!(
        (report.incarnation, report.backlog_cpu_ms, report.running),
        (2, 0, 0)
    );
    assert_eq!(worker.true_cost(SECOND, 7), SECOND + 7);
}
