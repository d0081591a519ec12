use std::time::Duration;

use super::*;

fn load(running: u32) -> LoadInfo {
    LoadInfo {
        cpu_share: 0.25,
        quota_millicores: 2000,
        usable_millicores: 1500,
        running,
        queued: 3,
        backlog_cpu_ms: 1250,
        incoming: 2,
        draining: false,
        full: false,
        age_ms: 12,
    }
}

fn latencies() -> Arc<Latencies> {
    let latencies = Latencies::default();
    for millis in [1, 4, 20_000] {
        latencies.writes.ended(Duration::from_millis(millis), true);
    }
    latencies.writes.ended(Duration::from_secs(5), false);
    latencies.reads.ended(Duration::from_micros(300), true);
    latencies.log_syncs.record_time(Duration::from_micros(150));
    latencies.applies.record_time(Duration::from_micros(700));
    latencies.apply_entries.record(5.0);
    latencies.snapshots.record_time(Duration::from_secs(3));
    Arc::new(latencies)
}

fn figures(leads: bool) -> Figures {
    Figures {
        term: 7,
        leads,
        committed: 120,
        applied: 119,
        quarantined: false,
        answers_missing: 2,
        floors_of_peers: BTreeMap::from([(NodeId(2), 17)]),
        disk: DiskStatus {
            free: Some(500_000_000),
            size: Some(2_000_000_000),
            reserve: 134_217_728,
            is_low: false,
        },
        latencies: latencies(),
        jobs: JobCounts {
            finished: 11,
            failed: 1,
            cancelled: 2,
            refused: 4,
        },
        own: load(1),
        decided: DecisionCounts {
            worker: 9,
            busy: 8,
            nobody: 0,
            own_share: 3,
        },
        workers: vec![(NodeId(1), true, Some(load(2))), (NodeId(12), false, None)],
    }
}

/// Dashboards depend on names, types, units and labels: a change belongs into OPERATING.md.
#[test]
fn names_and_format_are_pinned() {
    assert_eq!(render(&figures(true)), include_str!("pinned.txt"));
}

#[test]
fn a_follower_has_no_figures_of_other_workers() {
    let text = render(&figures(false));
    assert!(text.contains("cameo_is_leader 0\n"));
    assert!(!text.contains("cameo_worker_"), "{text}");
}

#[test]
fn every_name_is_in_the_manual() {
    let manual = include_str!("../../../../docs/OPERATING.md");
    let text = render(&figures(true));
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in types.filter_map(|line| line.split(' ').next()) {
        // Metrics of workers are documented once, by pattern.
        let own = name.replacen("cameo_worker_", "cameo_", 1);
        let documented =
            manual.contains(&format!("`{name}`")) || manual.contains(&format!("`{own}`"));
        assert!(documented, "{name} is not in OPERATING.md");
    }
}
