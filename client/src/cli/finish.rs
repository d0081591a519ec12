//! The end of a command: its output and its exit code.

use super::exit::{Exit, Failure};
use crate::output::{Output, Report, print_message, print_result};

/// Prints the result of a command, and returns the exit code.
#[must_use]
pub(super) fn finish(out: Output, verb: &str, result: &Result<Report, Failure>) -> Exit {
    let (exit, printed) = match result {
        Ok(report) => {
            let exit = report.completion().into();
            (exit, print(out, verb, report))
        }
        Err(failure) => (failure.exit, print_failure(out, verb, failure)),
    };
    match printed {
        Err(error) => {
            print_message(format_args!(
                "cameo {verb}: the result cannot be printed: {error}"
            ));
            if exit == Exit::Ok { Exit::Other } else { exit }
        }
        Ok(()) => exit,
    }
}

/// Prints why a command did not do what it was to do.
pub(super) fn print_failure(out: Output, verb: &str, failure: &Failure) -> std::io::Result<()> {
    if out.json {
        return print_result(failure.document());
    }
    print_message(format_args!("cameo {verb}: {failure}"));
    Ok(())
}

fn print(out: Output, verb: &str, report: &Report) -> std::io::Result<()> {
    if report.is_silent() {
        Ok(())
    } else if out.json {
        print_result(report.document(verb))
    } else if report.text().is_empty() {
        Ok(())
    } else {
        print_result(report.text().trim_end())
    }
}
