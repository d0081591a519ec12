//! `demo`: starts `cameo-demo`, a program beside this one that runs real nodes and agents.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    let why = match program(out) {
        Ok(program) => {
            let error = Command::new(&program)
                .args(arguments(options, out.json))
                .exec();
            format!("{} cannot be started: {error}", program.display())
        }
        Err(error) => format!("{PROGRAM} cannot be built: {error}"),
    };
    let failure = Failure::other(
        "no_demo",
        format!("{why}; build all programs with `cargo build --workspace --bins`"),
    );
    finish(out, "demo", &Err(failure))
}

/// The path of the program beside this one. `cargo run` builds this program only; then cargo
/// builds the other one as well, so that it is never older than its source.
fn program(out: Output) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("."));
    if let (Some(cargo), Some(package)) = (
        std::env::var_os("CARGO"),
        std::env::var_os("CARGO_MANIFEST_DIR"),
    ) && std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == env!("CARGO_PKG_NAME"))
    {
        out.note(format_args!("Building {PROGRAM}."));
        build(&cargo, Path::new(&package), folder)?;
    }
    Ok(folder.join(PROGRAM))
}

/// Builds the program into the folder, which is named after cargo's profile.
fn build(cargo: &OsStr, package: &Path, folder: &Path) -> io::Result<()> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile, "--bin", PROGRAM])
        .arg("--manifest-path")
        .arg(package.with_file_name("Cargo.toml"))
        // Standard output is for the demo's own document.
        .stdout(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("cargo ended with {status}")))
    }
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
