//! One child process. Its first line on stdout means that it is ready; stderr goes to a log file.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

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

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Its first line.
    pub ready: String,
}

impl Process {
    /// Starts a program and waits for its first line on stdout.
    ///
    /// # Errors
    /// When it does not start, ends, or is not ready in time.
    pub async fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        within: Duration,
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
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut process = Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            ready: String::new(),
        };
        match tokio::time::timeout(within, process.first_line()).await {
            Ok(Some(line)) => {
                process.ready = line;
                Ok(process)
            }
            Ok(None) => Err(process.ended().await),
            Err(_) => {
                let log = process.log_end();
                Err(ProcessError::NotReady {
                    program: process.name,
                    within,
                    log,
                })
            }
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

    async fn ended(mut self) -> ProcessError {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(why) => why.to_string(),
        };
        ProcessError::Ended {
            log: self.log_end(),
            program: self.name,
            status,
        }
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
    pub async fn kill(mut self) -> Result<(), ProcessError> {
        let program = self.name.clone();
        self.child.kill().await.map_err(|why| ProcessError::Signal {
            program,
            why: why.to_string(),
        })
    }

    /// Sends SIGTERM, and waits until the process has ended.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub async fn stop(mut self) -> Result<std::process::ExitStatus, ProcessError> {
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
