//! Sizes of the measurements.

use std::time::Duration;

use super::Arguments;

/// Numbers of jobs and runs.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Requests of each of the three clients of the paper's table.
    pub table_each: usize,
    pub closed_clients: usize,
    pub closed_each: usize,
    /// Runs of ours at 70% load, evaluated together.
    pub open_runs: usize,
    pub open_jobs: usize,
    /// Jobs of a baseline, which has one run.
    pub baseline_jobs: usize,
    /// Whether baselines also run with the neighbour and with leader changes.
    pub baselines_everywhere: bool,
    pub leader_changes: usize,
    /// Duration of the overload of all workers.
    pub saturated_for: Duration,
}

impl Sizes {
    #[must_use]
    pub fn of(arguments: &Arguments) -> Self {
        let default = Self {
            table_each: 60,
            closed_clients: 12,
            closed_each: 100,
            open_runs: 5,
            open_jobs: 1000,
            baseline_jobs: 1000,
            baselines_everywhere: false,
            leader_changes: 6,
            saturated_for: Duration::from_secs(300),
        };
        if arguments.full {
            Self {
                table_each: 1000,
                open_jobs: 2000,
                baseline_jobs: 2000,
                baselines_everywhere: true,
                ..default
            }
        } else if arguments.quick {
            Self {
                table_each: 5,
                closed_each: 5,
                open_runs: 1,
                open_jobs: 60,
                baseline_jobs: 60,
                leader_changes: 1,
                saturated_for: Duration::from_secs(10),
                ..default
            }
        } else {
            default
        }
    }
}
