//! Telling the demo: a line a step for people, or one JSON document at the end.

use std::path::PathBuf;
use std::time::Instant;

use cameo_client::output;
use serde_json::json;

/// What became of one case.
#[derive(Debug)]
pub struct CaseResult {
    pub name: &'static str,
    pub ok: bool,
    pub seconds: f64,
    pub leader: Option<u64>,
    pub worker: Option<u64>,
    pub failed: Option<String>,
}

/// Collects what happened, and tells it as it happens unless JSON was asked for.
#[derive(Debug)]
pub struct Teller {
    json: bool,
    since: Instant,
    cases: Vec<CaseResult>,
    /// The photo's measured way from request to "delivered and acknowledged".
    pub request_seconds: Option<f64>,
}

impl Teller {
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

    /// One step that has been done, with the time since the start.
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

    /// The last word, and whether everything held.
    pub fn finish(self, outcome: anyhow::Result<PathBuf>) -> bool {
        let all_held = !self.cases.is_empty() && self.cases.iter().all(|case| case.ok);
        let ok = all_held && outcome.is_ok();
        let (pictures, error) = match outcome {
            Ok(pictures) => (Some(pictures), None),
            Err(why) => (None, Some(format!("{why:#}"))),
        };
        if self.json {
            say(self.document(ok, pictures, error));
        } else {
            match (pictures, error) {
                (_, Some(why)) => output::tell(format_args!("\ncameo demo: {why}")),
                (Some(pictures), None) if ok => say(format_args!(
                    "\nAll cases held. Pictures to look at, kept until you remove them: {}",
                    pictures.display()
                )),
                (pictures, None) => say(format_args!(
                    "\nNot all cases held. Pictures, kept until you remove them: {}",
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
            "pictures": pictures,
            "error": error,
        })
    }
}

/// What cannot be told is still played.
fn say(line: impl std::fmt::Display) {
    let _ = output::say(line);
}
