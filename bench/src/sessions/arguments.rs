//! Arguments of `cameo-bench sessions`.

use std::time::Duration;

use anyhow::ensure;

/// Windows of equal length, of which the first and the last are compared.
const WINDOWS: u32 = 5;
/// The same with `--quick`.
const QUICK_WINDOWS: u32 = 2;
const QUICK_WINDOW: Duration = Duration::from_secs(2);
/// Sessions of `--quick`, and those of them with a connection.
const QUICK: [u32; 2] = [50, 10];
/// Time before the first window, in which the last sessions that have begun are renewed for the
/// first time.
const SETTLES: Duration = Duration::from_secs(15);
const QUICK_SETTLES: Duration = Duration::from_secs(1);
/// One of so many windows may be measured again.
const AGAIN_OF: u32 = 5;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// 50 sessions, 10 of them with a connection, and short: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// Sessions that run
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions: u32,
    /// Of these, sessions with the real event stream; the others are renewed as one node renews
    /// another's
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=15_000))]
    pub connections: u32,
    /// Minutes that are measured
    #[arg(long, default_value_t = 10, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub minutes: u32,
}

/// What is to be held and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub sessions: u32,
    pub connections: u32,
    pub settles: Duration,
    pub windows: u32,
    pub window: Duration,
    /// Disturbed windows that are measured again.
    pub again: u32,
}

impl Arguments {
    /// # Errors
    /// When there are more connections than sessions.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        if self.quick {
            let [sessions, connections] = QUICK;
            return Ok(Plan {
                sessions,
                connections,
                settles: QUICK_SETTLES,
                windows: QUICK_WINDOWS,
                window: QUICK_WINDOW,
                again: 0,
            });
        }
        ensure!(
            self.connections <= self.sessions,
            "{} connections for {} sessions, and nothing was started: a connection has a session \
             of its own; give fewer --connections or more --sessions",
            self.connections,
            self.sessions
        );
        Ok(Plan {
            sessions: self.sessions,
            connections: self.connections,
            settles: SETTLES,
            windows: WINDOWS,
            window: Duration::from_secs(60 * u64::from(self.minutes)) / WINDOWS,
            again: WINDOWS.div_ceil(AGAIN_OF),
        })
    }
}
