//! The end of a benchmark by SIGINT or SIGTERM.

use std::fmt;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// A signal that has ended a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    Interrupt,
    Terminate,
}

impl Interrupted {
    /// 128 and the signal's number, as shells tell it.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        })
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "interrupted; the processes are killed and their folder is removed",
            Self::Terminate => "terminated; the processes are killed and their folder is removed",
        })
    }
}

impl std::error::Error for Interrupted {}

/// Runs a benchmark, and ends it at once on SIGINT and SIGTERM: its processes are killed and its
/// folders removed by dropping it.
///
/// # Errors
/// Those of the benchmark, or [`Interrupted`].
pub async fn undone_when_interrupted(
    benchmark: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = benchmark => done,
        _ = interrupt.recv() => Err(Interrupted::Interrupt.into()),
        _ = terminate.recv() => Err(Interrupted::Terminate.into()),
    }
}
