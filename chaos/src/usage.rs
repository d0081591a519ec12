//! Command lines that cannot be used, and commands without a result, told as `--json` asks.

use std::ffi::OsString;
use std::process::ExitCode;

use cameo_common::terminal::usage_sentence;
use clap::Parser;
use serde_json::{Value, json};

/// Exit code for a wrong command line, that of clap.
const EXIT_USAGE: u8 = 2;

/// Parses this process's command line. Else prints help, version or what is wrong: with `--json`
/// as one document on stdout.
///
/// # Errors
/// The exit code with which the program has to end.
pub fn parse<T: Parser>() -> Result<T, ExitCode> {
    let line: Vec<OsString> = std::env::args_os().collect();
    T::try_parse_from(&line).map_err(|error| {
        if !error.use_stderr() {
            let _unread = error.print();
            return ExitCode::SUCCESS;
        }
        if wants_json(&line) {
            println!("{}", of_usage(&error, T::command().get_name()));
        } else {
            let _unread = error.print();
        }
        ExitCode::from(EXIT_USAGE)
    })
}

/// Tells why a command has no result, which it has not printed yet: on stderr, and with `--json` as
/// one document on stdout.
pub fn failed(program: &str, why: &anyhow::Error) {
    eprintln!("{program}: {why:#}");
    let line: Vec<OsString> = std::env::args_os().collect();
    if wants_json(&line) {
        println!("{}", document("failed", &format!("{why:#}")));
    }
}

fn wants_json(line: &[OsString]) -> bool {
    line.iter().any(|word| word == "--json")
}

/// The document of a command without a result, as that of `cameo`.
fn document(code: &str, message: &str) -> Value {
    json!({
        "schema": cameo_common::api::SCHEMA,
        "ok": false,
        "error": { "code": code, "message": message },
    })
}

fn of_usage(error: &clap::Error, program: &str) -> Value {
    document("usage", &usage_sentence(&error.to_string(), program))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "some-program")]
    struct Line {
        #[arg(long)]
        nodes: u64,
    }

    #[test]
    fn a_wrong_flag_is_one_document_with_what_is_wrong_and_where_help_is() {
        for (flag, says) in [("--nodes=x", "invalid value 'x'"), ("--knots", "'--knots'")] {
            let error = Line::try_parse_from(["some-program", flag]).unwrap_err();
            let document = of_usage(&error, "some-program");
            assert_eq!(
                (&document["ok"], &document["error"]["code"]),
                (&json!(false), &json!("usage"))
            );
            let message = document["error"]["message"].as_str().unwrap();
            assert!(message.contains(says), "{message}");
            assert!(
                message.ends_with("; see `some-program --help`"),
                "{message}"
            );
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
