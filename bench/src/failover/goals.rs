//! Goals of the figures of failover: times in milliseconds, elections, and the factor of jobs.

use crate::goal::Goal::AtMost;
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("failover_gap_ms_median", AtMost(320.0)),
    ("failover_gap_ms_max", AtMost(450.0)),
    ("handover_gap_ms_max", AtMost(20.0)),
    ("load_elections", AtMost(0.0)),
    ("jobs_write_p99_factor", AtMost(2.0)),
];
