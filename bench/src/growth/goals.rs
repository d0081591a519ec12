//! Goals of the figures of growth: of the last level.

use crate::goal::Goal::{AtLeast, AtMost};
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("growth_write_kept", AtLeast(0.8)),
    ("growth_debit_kept", AtLeast(0.8)),
    ("growth_read_kept", AtLeast(0.8)),
    ("snapshot_p99_factor", AtMost(2.0)),
    ("longest_silence_ms", AtMost(1_000.0)),
    ("restart_seconds", AtMost(10.0)),
    ("rebuild_seconds", AtMost(300.0)),
    ("bytes_per_grant_memory", AtMost(2_048.0)),
    ("bytes_per_grant_disk", AtMost(16_384.0)),
    ("bytes_per_grant_disk_most", AtMost(20_480.0)),
    ("behind_rate_kept", AtLeast(2.0 / 3.0)),
    ("soak_elections", AtMost(0.0)),
    ("soak_cpu_growth", AtMost(1.1)),
];
