//! The end of a command: its output and its exit code.

use super::effects::only_reads;
use super::exit::{Exit, Failure};
use crate::output::{Output, Report, print_message, print_result, unwritten};

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
            for line in unprinted(verb, result, &error) {
                print_message(line);
            }
            if exit == Exit::Ok { Exit::Other } else { exit }
        }
        Ok(()) => exit,
    }
}

/// What is said on stderr when stdout cannot be written: the result is not lost with the output.
fn unprinted(verb: &str, result: &Result<Report, Failure>, error: &std::io::Error) -> Vec<String> {
    let mut lines = vec![format!("cameo {verb}: {}", unwritten(error))];
    match result {
        Ok(report) if !only_reads(verb) && !report.text().is_empty() => {
            let text = report.text().trim_end();
            lines.push(format!("cameo {verb}: this was done all the same: {text}"));
        }
        Ok(_) => {}
        Err(failure) => lines.push(format!("cameo {verb}: {failure}")),
    }
    lines
}

/// Prints why a command did not do what it was to do.
fn print_failure(out: Output, verb: &str, failure: &Failure) -> std::io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(verb: &str, result: &Result<Report, Failure>) -> String {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        unprinted(verb, result, &full).join("\n")
    }

    #[test]
    fn what_was_done_is_told_though_the_output_cannot_be_written() {
        // given commands that have changed something
        for verb in [
            "view",
            "revoke",
            "rights",
            "approve",
            "deny",
            "request",
            "device revoke",
        ] {
            let done = Ok(Report::new("View 1 of 3: opened. 2 left.\n"));
            // when their output cannot be written, then stderr says that, and what was done
            let told = told(verb, &done);
            assert!(told.contains("the output cannot be written"), "{told}");
            let stands = "this was done all the same: View 1 of 3: opened. 2 left.";
            assert!(told.ends_with(stands), "{told}");
        }
        // and a list is not told of as a deed
        let told_list = told("inbox", &Ok(Report::new("abcd  from ada")));
        assert_eq!(told_list.lines().count(), 1, "{told_list}");
        let failed = Err(Failure::new(Exit::NoQuorum, "no_quorum", "no majority"));
        assert!(told("view", &failed).ends_with("cameo view: no majority"));
    }
}
