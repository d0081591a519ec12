//! One node: a folder and ports, and a process that may be started many times.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use cameo_common::ids::NodeId;
use serde_json::Value;
use tokio::process::Command;

use crate::http::get_json;
use crate::process::{LogBy, Process, ProcessError};

const READY_WITHIN: Duration = Duration::from_secs(60);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What a node enters its cluster with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// File of the founders' secret.
    Secret(PathBuf),
    /// File of a worker's token.
    Token(PathBuf),
}

impl Credential {
    fn flags(&self) -> [OsString; 2] {
        match self {
            Self::Secret(file) => ["--secret".into(), file.into()],
            Self::Token(file) => ["--token".into(), file.into()],
        }
    }
}

/// A node of a cluster on this machine.
#[derive(Debug)]
pub struct Node {
    pub id: NodeId,
    /// `127.0.0.1:port` of its API.
    pub http: String,
    /// `127.0.0.1:port` of its health and metrics.
    pub metrics: String,
    /// `127.0.0.1:port` of its links.
    pub link: String,
    pub folder: PathBuf,
    pub program: PathBuf,
    /// The value of `--peers`.
    pub peers: String,
    /// File of the cluster's secret, or of its token if it is a worker.
    pub credential: Credential,
    /// Program and first arguments of a command that runs the node's command line; usually empty.
    pub wrapper: Vec<OsString>,
    /// Flags beyond those of every node.
    pub flags: Vec<OsString>,
    /// The value of `CAMEO_LOG`; None for the node's default.
    pub log_filter: Option<String>,
    /// Variables of its environment, beyond those of this process.
    pub environment: Vec<(OsString, OsString)>,
    pub log_by: LogBy,
    pub process: Option<Process>,
}

impl Node {
    /// Starts the process and waits until the node is part of a cluster.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start(&mut self) -> Result<(), ProcessError> {
        let mut process = self.spawn()?;
        process.wait_ready(READY_WITHIN).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Starts the process, and does not wait until the node is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub fn launch(&mut self) -> Result<(), ProcessError> {
        self.process = Some(self.spawn()?);
        Ok(())
    }

    fn spawn(&self) -> Result<Process, ProcessError> {
        let mut command = self.command();
        command
            .arg("--id")
            .arg(self.id.to_string())
            .arg("--data")
            .arg(self.folder.join("data"))
            .arg("--peers")
            .arg(&self.peers)
            .arg("--http")
            .arg(&self.http)
            .arg("--metrics")
            .arg(&self.metrics)
            .args(self.credential.flags())
            .args(&self.flags);
        let log = self.log();
        Process::spawn(&format!("node {}", self.id), command, &log, self.log_by)
    }

    fn command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            Some((outer, words)) => {
                let mut command = Command::new(outer);
                command.args(words).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        if let Some(filter) = &self.log_filter {
            command.env("CAMEO_LOG", filter);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The file with its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("node.log")
    }

    /// How it ended, if it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.ended()
    }

    /// Whether its process was started and not stopped by the harness.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// Its process, while it is started.
    #[must_use]
    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Sends SIGKILL. Does nothing to a node that is not started.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(&mut self) -> Result<(), ProcessError> {
        match self.process.take() {
            Some(process) => process.kill().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Sends SIGTERM, and waits. Does nothing to a node that is not started.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(&mut self) -> Result<(), ProcessError> {
        match self.process.take() {
            Some(process) => process.stop().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// The node's status (`/v1/status`); None while it does not answer.
    pub async fn status(&self) -> Option<Value> {
        self.get("/v1/status").await
    }

    /// A public document of the node; None while it does not answer with one.
    pub async fn get(&self, path: &str) -> Option<Value> {
        match get_json(&self.metrics, path, ANSWER_WITHIN).await {
            Ok((200, body)) => Some(body),
            _ => None,
        }
    }
}
