//! Goals of the figures of sessions.

use crate::goal::Goal::AtMost;
use crate::goal::Goals;

/// Keep-alives are no entries: with nobody coming or going there is nothing to log.
pub const GOALS: Goals = &[("sessions_log_entries_per_minute", AtMost(0.0))];
