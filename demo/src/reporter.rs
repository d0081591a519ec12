//! Output of the demo: one line per step for people, or one JSON document at the end.

use std::path::PathBuf;
use std::time::Instant;

use cameo_client::output;
use cameo_common::ids::NodeId;
use serde_json::json;

/// Result of one case.
#[derive(Debug)]
pub struct CaseResult {
    pub name: &'static str,
    pub ok: bool,
    pub seconds: f64,
    pub leader: Option<NodeId>,
    pub worker: Option<NodeId>,
    pub failed: Option<String>,
}

/// Collects results, and prints them as they come unless JSON was requested.
#[derive(Debug)]
pub struct Reporter {
    json: bool,
    since: Instant,
    cases: Vec<CaseResult>,
    /// Seconds from the request to "delivered and acknowledged".
    pub request_seconds: Option<f64>,
}

impl Reporter {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            since: Instant::now(),
            cases: Vec::new(),
            request_seconds: None,
        }
    }

    pub fn title(&self, title: &str) {
        if !self.json {
            say(format_args!("\n{title}"));
        }
    }

    /// Prints a completed step, with the time since the start.
    pub fn step(&self, text: &str) {
        if !self.json {
            say(format_args!(
                "  {:6.2} s  {text}",
                self.since.elapsed().as_secs_f64()
            ));
        }
    }

    pub fn case(&mut self, result: CaseResult) {
        match &result.failed {
            None => self.step(&format!("ok: {} ({:.2} s)", result.name, result.seconds)),
            Some(why) => self.step(&format!("FAILED: {}: {why}", result.name)),
        }
        self.cases.push(result);
    }

    /// Prints the end result. Returns whether all cases passed.
    pub fn finish(self, outcome: anyhow::Result<PathBuf>) -> bool {
        let all_passed = !self.cases.is_empty() && self.cases.iter().all(|case| case.ok);
        let ok = all_passed && outcome.is_ok();
        let (pictures, error) = match outcome {
            Ok(pictures) => (Some(pictures), None),
            Err(why) => (None, Some(format!("{why:#}"))),
        };
        if self.json {
            say(self.document(ok, pictures, error));
        } else {
            match (pictures, error) {
                (_, Some(why)) => output::print_message(format_args!("\ncameo demo: {why}")),
                (Some(pictures), None) if ok => say(format_args!(
                    "\nAll cases passed. Pictures to look at, kept until you remove them: {}",
                    pictures.display()
                )),
                (pictures, None) => say(format_args!(
                    "\nNot all cases passed. Pictures, kept until you remove them: {}",
                    pictures.unwrap_or_default().display()
                )),
            }
        }
        ok
    }

    fn document(
        &self,
        ok: bool,
        pictures: Option<PathBuf>,
        error: Option<String>,
    ) -> serde_json::Value {
        let case = |case: &CaseResult| {
            json!({
                "name": case.name, "ok": case.ok, "seconds": case.seconds,
                "leader": case.leader, "worker": case.worker, "error": case.failed,
            })
        };
        json!({
            "schema": cameo_common::api::SCHEMA,
            "ok": ok,
            "cases": self.cases.iter().map(case).collect::<Vec<_>>(),
            "request_seconds": self.request_seconds,
            "pictures": pictures.as_ref().map(|folder| folder.to_string_lossy()),
            "error": error,
        })
    }
}

/// Prints a line. The demo continues when stdout is closed.
fn say(line: impl std::fmt::Display) {
    let _ = output::print_result(line);
}
