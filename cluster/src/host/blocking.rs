//! Threads for short blocking work: files, and scans of the whole state.

use tokio::task::JoinError;

/// Threads for blocking work, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blocking {
    /// On threads of the runtime.
    #[default]
    Threads,
    /// At once, on the caller's thread: the simulator has one thread only.
    Inline,
}

impl Blocking {
    /// Runs `work` to its end.
    ///
    /// # Errors
    /// When the thread panics, or its runtime ends.
    pub async fn run<R: Send + 'static>(
        self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, JoinError> {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work).await,
            Self::Inline => Ok(work()),
        }
    }
}
