//! One member of etcd's cluster, as a process that can be killed and started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cameo_harness::{LogBy, Process, ProcessError};
use tokio::process::Command;

use super::NAME;

/// A member, running or not.
#[derive(Debug)]
pub struct Member {
    name: String,
    /// Parent of its data and its log.
    folder: PathBuf,
    /// URL for the other members.
    peer: String,
    pub clients: SocketAddr,
    /// The value of `--initial-cluster`.
    all: String,
    process: Option<Process>,
}

impl Member {
    /// The member with this number in a folder of its own, not started. `ports` are those for
    /// members and for clients.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn new(
        at: usize,
        folder: &Path,
        (peer, client): (u16, u16),
        all: &str,
    ) -> std::io::Result<Self> {
        let name = format!("m{at}");
        let folder = folder.join(&name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            name,
            folder,
            peer: url(peer),
            clients: SocketAddr::from(([127, 0, 0, 1], client)),
            all: all.to_owned(),
            process: None,
        })
    }

    /// Starts the process, and does not wait until it serves. With data from before, etcd passes
    /// over the flags of a new cluster.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&mut self) -> Result<(), ProcessError> {
        let clients = url(self.clients.port());
        let mut command = Command::new(NAME);
        command
            .args(["--name", &self.name, "--data-dir"])
            .arg(self.folder.join("data"))
            .args(["--listen-peer-urls", &self.peer])
            .args(["--initial-advertise-peer-urls", &self.peer])
            .args(["--listen-client-urls", &clients])
            .args(["--advertise-client-urls", &clients])
            .args(["--initial-cluster", &self.all])
            .args(["--initial-cluster-state", "new", "--log-level", "error"]);
        let log = self.folder.join("etcd.log");
        let name = format!("{NAME} {}", self.name);
        self.process = Some(Process::spawn(&name, command, &log, LogBy::File)?);
        Ok(())
    }

    /// Sends SIGKILL, and waits until the process has ended. Does nothing to a member that is not
    /// started.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(&mut self) -> Result<(), ProcessError> {
        match self.process.take() {
            Some(process) => process.kill().await.map(drop),
            None => Ok(()),
        }
    }

    /// Sends SIGTERM, and waits until the process has ended. Does nothing to a member that is not
    /// started.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(&mut self) -> Result<(), ProcessError> {
        match self.process.take() {
            Some(process) => process.stop().await.map(drop),
            None => Ok(()),
        }
    }

    /// The id of its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.process.as_ref()?.id()
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
