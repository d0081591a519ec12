//! The check of nodes' decision logs against law J2.
//!
//! Every line is judged three ways: by the code that decides (`replays`), by `rule`, a second
//! implementation from the text of the law with its own arithmetic, and by its position after the
//! line before (`order`). A line that cannot be read has not been checked, and is a violation.
//! `law` does so for the logs of a run, beside its history.

mod law;
mod order;
mod outcome;
mod read;
mod rule;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use cameo_dispatch::{Logged, Policy, baselines};

pub use law::{add_to, file_of};
use order::Order;
use outcome::Outcome;
use read::{Chain, Read};

/// The arguments of `decisions`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Decision logs, of one node each; a FILE.1 beside a FILE is read before it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// Checks, prints, and fails on any violation: a decision that breaks the law, or a line that
/// cannot be read.
///
/// # Errors
/// When the outcome cannot be encoded.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let outcome = check(&arguments.files);
    if arguments.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        print!("{outcome}");
    }
    if outcome.ok {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("cameo-chaos: violations: {}", outcome.violations_in_all);
    Ok(ExitCode::FAILURE)
}

/// Checks decision logs, which must have decisions.
fn check(files: &[PathBuf]) -> Outcome {
    let mut outcome = check_lines(files);
    outcome.end();
    outcome
}

/// Checks every line there is.
fn check_lines(files: &[PathBuf]) -> Outcome {
    let mut outcome = Outcome::default();
    for chain in read::chains(files) {
        check_chain(&chain, &mut outcome);
    }
    outcome
}

/// One node's files, the older one first.
fn check_chain(chain: &Chain, outcome: &mut Outcome) {
    let mut order = Order::new(chain.has_rotated());
    let mut first = chain.has_rotated();
    chain.lines(|at, read| match read {
        Read::Line(line) => {
            outcome.count(&at, &line);
            if std::mem::take(&mut first) {
                outcome.kept_from(&at, &line);
            }
            for broken in judge_line(&line, &mut order) {
                outcome.violation(&at, broken);
            }
        }
        Read::Torn => outcome.torn(&at),
        Read::Failed(why) => {
            order.lost();
            outcome.violation(&at, why);
        }
    });
}

fn judge_line(line: &Logged, order: &mut Order) -> Vec<String> {
    let mut broken: Vec<String> = rule::judge(line)
        .into_iter()
        .map(|b| b.to_string())
        .collect();
    // Reported only without other violations, because it cannot name the reason.
    if broken.is_empty() && !baselines::replays(&line.decision) {
        broken.push("deciding again gives another decision".to_owned());
    }
    broken.extend(order.follow(line).err().map(|b| b.to_string()));
    broken
}

/// Whether the rule of the least projected time applies to the choices of a policy.
fn is_judged_in_full(policy: Policy) -> bool {
    policy == Policy::LeastProjected
}
