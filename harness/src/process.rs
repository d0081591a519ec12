//! One child process. Its first line on stdout means that it is ready; stderr goes to a log file.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::AbortHandle;

/// Longest time from a request to stop until a process has stopped.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// Lines of its log in the error of a process that failed.
const LAST_LINES: usize = 12;

/// A failure of a process.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("{program} does not start: {why}")]
    Start {
        program: String,
        why: std::io::Error,
    },
    #[error("{program} ended with {status} before it was ready; its log ends:\n{log}")]
    Ended {
        program: String,
        status: String,
        log: String,
    },
    #[error("{program} was not ready within {} s; its log ends:\n{log}", .within.as_secs())]
    NotReady {
        program: String,
        within: Duration,
        log: String,
    },
    #[error("{program} cannot be signalled: {why}")]
    Signal { program: String, why: String },
    #[error("{program} did not stop within {} s", STOP_WITHIN.as_secs())]
    NotStopped { program: String },
}

/// Where a child's stderr goes on its way to the log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogBy {
    /// The child writes the file itself.
    #[default]
    File,
    /// A pipe, which a task of this process reads until [`Process::close_log`].
    Pipe,
}

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    log_reader: Option<AbortHandle>,
    /// Its first line; empty until it is ready.
    pub ready: String,
}

impl Process {
    /// Starts a program and waits for its first line on stdout.
    ///
    /// # Errors
    /// When it does not start, ends, or is not ready in time.
    pub async fn start(
        name: &str,
        command: Command,
        log: &Path,
        within: Duration,
    ) -> Result<Self, ProcessError> {
        let mut process = Self::spawn(name, command, log, LogBy::File)?;
        process.wait_ready(within).await?;
        Ok(process)
    }

    /// Starts a program, and does not wait for its first line.
    ///
    /// # Errors
    /// When it does not start.
    pub fn spawn(
        name: &str,
        mut command: Command,
        log: &Path,
        by: LogBy,
    ) -> Result<Self, ProcessError> {
        let failed = |why| ProcessError::Start {
            program: name.to_owned(),
            why,
        };
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        let (stderr, file) = match by {
            LogBy::File => (Stdio::from(file), None),
            LogBy::Pipe => (Stdio::piped(), Some(file)),
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let log_reader = child.stderr.take().zip(file).map(|(mut pipe, file)| {
            let mut file = tokio::fs::File::from_std(file);
            let copy = async move { drop(tokio::io::copy(&mut pipe, &mut file).await) };
            tokio::spawn(copy).abort_handle()
        });
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            log_reader,
            ready: String::new(),
        })
    }

    /// Waits for the first line on stdout. To be called once.
    ///
    /// # Errors
    /// When the process ends, or is not ready in time.
    pub async fn wait_ready(&mut self, within: Duration) -> Result<(), ProcessError> {
        match tokio::time::timeout(within, self.first_line()).await {
            Ok(Some(line)) => {
                self.ready = line;
                Ok(())
            }
            Ok(None) => Err(self.ended_early().await),
            Err(_) => Err(ProcessError::NotReady {
                program: self.name.clone(),
                within,
                log: self.log_end(),
            }),
        }
    }

    /// The first line. Later output is read and dropped, so that the child never blocks on a full
    /// pipe.
    async fn first_line(&mut self) -> Option<String> {
        let mut lines = BufReader::new(self.child.stdout.take()?).lines();
        let first = lines.next_line().await.ok()??;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(first)
    }

    async fn ended_early(&mut self) -> ProcessError {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(why) => why.to_string(),
        };
        ProcessError::Ended {
            log: self.log_end(),
            program: self.name.clone(),
            status,
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The reader of its stderr goes away: from now on its writes there fail. False if it writes to
    /// a file.
    pub fn close_log(&mut self) -> bool {
        let reader = self.log_reader.take();
        if let Some(reader) = &reader {
            reader.abort();
        }
        reader.is_some()
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Sends SIGKILL, and waits until the process has ended.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(mut self) -> Result<ExitStatus, ProcessError> {
        let failed = |why: std::io::Error| ProcessError::Signal {
            program: self.name.clone(),
            why: why.to_string(),
        };
        self.child.start_kill().map_err(failed)?;
        self.child.wait().await.map_err(failed)
    }

    /// Sends SIGTERM, and waits until the process has ended.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub async fn stop(mut self) -> Result<ExitStatus, ProcessError> {
        self.signal(Signal::TERM)?;
        match tokio::time::timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(why)) => Err(ProcessError::Signal {
                program: self.name,
                why: why.to_string(),
            }),
            Err(_) => Err(ProcessError::NotStopped { program: self.name }),
        }
    }

    /// Sends SIGSTOP.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn pause(&self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP)
    }

    /// Sends SIGCONT.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn resume(&self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT)
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let failed = |why: String| ProcessError::Signal {
            program: self.name.clone(),
            why,
        };
        let id = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let id = id.ok_or_else(|| failed("it has ended".to_owned()))?;
        kill_process(id, signal).map_err(|why| failed(why.to_string()))
    }
}
