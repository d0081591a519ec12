//! Goals of the placement figures, from the issue that set them.

use crate::goal::Goal::AtMost;
use crate::goal::Goals;

pub const GOALS: Goals = &[
    ("sim_1000_p99_vs_oracle", AtMost(1.05)),
    ("sim_1000_mean_vs_oracle", AtMost(1.03)),
    ("decision_us_1000", AtMost(50.0)),
];
