//! Goals of the dispatch figures.

use crate::goal::Goal::AtMost;
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("balanced_vs_unbalanced", AtMost(0.40)),
    ("makespan_vs_ideal", AtMost(1.08)),
    ("open_p99_vs_oracle", AtMost(1.30)),
    ("open_mean_vs_oracle", AtMost(1.10)),
    ("antagonist_p99_vs_oracle", AtMost(1.40)),
    ("leader_change_p99_vs_oracle", AtMost(1.35)),
    ("leader_image_jobs", AtMost(0.0)),
    ("failed_jobs", AtMost(0.0)),
    ("saturated_elections", AtMost(0.0)),
    ("saturated_write_p99_vs_idle", AtMost(2.0)),
];
