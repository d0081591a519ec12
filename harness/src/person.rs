//! A person at a terminal: a home, commands, and possibly an agent.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::binary::Binaries;
use crate::process::{Process, ProcessError};

const AGENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time of a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// The result of a command.
#[derive(Debug, Clone)]
pub struct CommandResult {
    pub code: i32,
    /// The one JSON document on stdout; null when stdout was empty.
    pub json: Value,
    pub stdout: String,
    pub stderr: String,
}

/// A person with a home.
#[derive(Debug)]
pub struct Person {
    pub name: String,
    pub home: PathBuf,
    /// Variables of the environment of all commands, beyond those of this process.
    pub environment: Vec<(OsString, OsString)>,
    program: PathBuf,
    passphrase: PathBuf,
    agent: Option<Process>,
}

/// Waits for a command's end, within its time.
async fn ended(
    arguments: &[&str],
    running: impl Future<Output = std::io::Result<Output>>,
) -> anyhow::Result<Output> {
    let ended = tokio::time::timeout(COMMAND_TIMEOUT, running).await;
    let ended = ended.map_err(|_| anyhow::anyhow!("`cameo {}` did not end", arguments.join(" ")));
    Ok(ended??)
}

impl Person {
    /// Creates a home folder and a passphrase; nothing is registered yet.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(binaries: &Binaries, folder: &Path, name: &str) -> std::io::Result<Self> {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let passphrase = folder.join("passphrase");
        std::fs::write(&passphrase, format!("the passphrase of {name}\n"))?;
        std::fs::set_permissions(&passphrase, Permissions::from_mode(0o600))?;
        Ok(Self {
            name: name.to_owned(),
            home: folder.join("home"),
            environment: Vec::new(),
            program: binaries.client.clone(),
            passphrase,
            agent: None,
        })
    }

    /// A command, ready to be run as this person.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("CAMEO_HOME", &self.home)
            .env("CAMEO_PASSPHRASE_FILE", &self.passphrase)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command with `--json` to its end.
    ///
    /// # Errors
    /// When it does not start, does not end, or prints anything but one JSON document.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<CommandResult> {
        let mut command = self.command(arguments);
        command.arg("--json");
        let output = ended(arguments, command.output()).await?;
        let stdout = String::from_utf8(output.stdout)?;
        let json = if stdout.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&stdout)?
        };
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(CommandResult {
            code: output.status.code().unwrap_or(-1),
            json,
            stdout,
            stderr,
        })
    }

    /// Runs a command without `--json` to its end, with this stdout. Its exit code and stderr.
    ///
    /// # Errors
    /// When it does not start, or does not end.
    pub async fn run_into(
        &self,
        arguments: &[&str],
        stdout: Stdio,
    ) -> anyhow::Result<(i32, String)> {
        let mut command = self.command(arguments);
        // `Command::output` would put a pipe in its place.
        let command = command.stdout(stdout).stderr(Stdio::piped());
        let ran = ended(arguments, command.spawn()?.wait_with_output()).await?;
        let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
        Ok((ran.status.code().unwrap_or(-1), stderr))
    }

    /// Runs a command that has to succeed. Returns its JSON.
    ///
    /// # Errors
    /// When its exit code is not 0.
    pub async fn ok(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let ran = self.run(arguments).await?;
        anyhow::ensure!(
            ran.code == 0,
            "{}: `cameo {}` ended with {}: {}{}",
            self.name,
            arguments.join(" "),
            ran.code,
            ran.stdout,
            ran.stderr
        );
        Ok(ran.json)
    }

    /// Starts the agent and waits until it is registered and serves.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start_agent(&mut self) -> Result<(), ProcessError> {
        let log = self.home.with_file_name("agent.log");
        let name = format!("{}'s agent", self.name);
        self.agent =
            Some(Process::start(&name, self.command(&["agent"]), &log, AGENT_TIMEOUT).await?);
        Ok(())
    }

    /// The agent, while it is started.
    #[must_use]
    pub fn agent(&self) -> Option<&Process> {
        self.agent.as_ref()
    }

    /// How the agent ended, if it has ended by itself.
    pub fn agent_ended(&mut self) -> Option<ExitStatus> {
        self.agent.as_mut()?.ended()
    }

    /// Sends SIGKILL to the agent, which then cannot end its session.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill_agent(&mut self) -> Result<(), ProcessError> {
        match self.agent.take() {
            Some(agent) => agent.kill().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Sends SIGTERM to the agent: it ends its session.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop_agent(&mut self) -> Result<(), ProcessError> {
        match self.agent.take() {
            Some(agent) => agent.stop().await.map(|_| ()),
            None => Ok(()),
        }
    }
}
