//! `demo`: starts `cameo-demo`, a program beside this one that runs real nodes and agents.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::exit::{Exit, Failure};
use super::finish::finish;
use crate::output::Output;

/// The name of the program.
const PROGRAM: &str = "cameo-demo";

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Options {
    /// The photo to share: any picture. Without it, a 16 MP one that comes with Cameo.
    #[arg(long, value_name = "FILE")]
    pub photo: Option<PathBuf>,
    /// How many nodes to start: 3 or 5.
    #[arg(long, default_value_t = 3, value_parser = three_or_five)]
    pub nodes: u64,
    /// Keep everything (nodes' disks, homes, logs) in this folder, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

fn three_or_five(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(nodes @ (3 | 5)) => Ok(nodes),
        _ => Err(
            "must be 3 or 5: an even number survives no more failures than the odd one below it"
                .to_owned(),
        ),
    }
}

/// Replaces this process by `cameo-demo`. Returns only if that cannot be started.
#[must_use]
pub(super) fn run(options: &Options, out: Output) -> Exit {
    let error = match program() {
        Ok(mut program) => program.args(arguments(options, out.json)).exec(),
        Err(error) => error,
    };
    let failure = Failure::other(
        "no_demo",
        format!(
            "{PROGRAM} cannot be started ({error}): build all programs with `cargo build \
             --workspace --bins`"
        ),
    );
    finish(out, "demo", &Err(failure))
}

/// The program beside this one. `cargo run` builds this program only; then cargo builds and runs
/// the other one, so that it is never older than its source.
fn program() -> io::Result<Command> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    let (Some(cargo), Some(package)) = (
        std::env::var_os("CARGO"),
        std::env::var_os("CARGO_MANIFEST_DIR"),
    ) else {
        return Ok(Command::new(folder.join(PROGRAM)));
    };
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut command = Command::new(cargo);
    let manifest = Path::new(&package).with_file_name("Cargo.toml");
    command
        .args(["run", "--quiet", "--profile", profile, "--bin", PROGRAM])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--");
    Ok(command)
}

fn arguments(options: &Options, json: bool) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--nodes".into(), options.nodes.to_string().into()];
    for (flag, path) in [("--photo=", &options.photo), ("--keep=", &options.keep)] {
        if let Some(path) = path {
            // One argument, because a path may begin like a flag.
            let mut argument = OsString::from(flag);
            argument.push(path);
            arguments.push(argument);
        }
    }
    if json {
        arguments.push("--json".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
        #[arg(long)]
        json: bool,
    }

    #[test]
    fn arguments_are_passed_to_the_demo_s_program() {
        for line in [
            "--nodes 5 --photo a.jpg --keep folder --json",
            "--photo=-.jpg",
            "",
        ] {
            let words = ["cameo-demo"].into_iter().chain(line.split_whitespace());
            let given = Line::try_parse_from(words).unwrap();
            let passed = arguments(&given.options, given.json);
            let again = Line::try_parse_from(std::iter::once("cameo-demo".into()).chain(passed));
            assert_eq!(format!("{:?}", again.unwrap()), format!("{given:?}"));
        }
    }
}
