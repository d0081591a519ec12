//! Peak memory of a program, as the kernel accounts it.
//!
//! `getrusage` reports the largest of all children so far, and Linux includes the memory of a child
//! before its `exec`. So this program starts itself again, small and fresh, and that process has
//! exactly one child.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use nix::sys::resource::{UsageWho, getrusage};

/// Hidden subcommand that runs another program and prints its peak.
pub const VERB: &str = "peak-of";

/// Runs a program to its end and returns its peak resident memory in MB (1e6 bytes).
pub fn peak_mb(program: &Command) -> anyhow::Result<f64> {
    let this = std::env::current_exe().context("the path of this program is unknown")?;
    let output = Command::new(this)
        .args([VERB, "--"])
        .arg(program.get_program())
        .args(program.get_args())
        .stderr(Stdio::inherit())
        .output()
        .context("this program cannot start itself")?;
    ensure!(output.status.success(), "{program:?} failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let kib: f64 = text
        .trim()
        .parse()
        .with_context(|| format!("no peak: {text:?}"))?;
    Ok(kib * 1024.0 / 1e6)
}

/// Implementation of [`VERB`]: runs one child and returns its peak in KiB.
pub fn peak_of_child(command: &[OsString]) -> anyhow::Result<i64> {
    let (program, arguments) = command.split_first().context("no program is named")?;
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("{} does not start", program.display()))?;
    ensure!(status.success(), "{} failed: {status}", program.display());
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())
}
