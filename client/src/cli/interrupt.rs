//! The result of a command that Ctrl-C ends.
//!
//! It ends at once, as it would by the signal alone. Only its result is printed before: with
//! `--json` one document, else a line on stderr.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::effects::only_reads;
use super::exit::{Exit, Failure};
use super::finish::finish;
use crate::commands::request::SentRequests;
use crate::output::Output;

/// The one result of a command: printed by its end, or by its interruption.
#[derive(Debug, Clone, Default)]
pub(super) struct OnlyResult(Arc<AtomicBool>);

impl OnlyResult {
    /// True for the first caller, who prints.
    pub fn take(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}

/// Ends the process with the result of an interrupted command, at Ctrl-C.
pub(super) fn watch(
    out: Output,
    verb: &'static str,
    sent: &SentRequests,
    result: &OnlyResult,
) -> Option<JoinHandle<()>> {
    // Without a handler the signal ends the process by itself.
    let mut signals = signal(SignalKind::interrupt()).ok()?;
    let (sent, result) = (sent.clone(), result.clone());
    Some(tokio::spawn(async move {
        if signals.recv().await.is_some() && result.take() {
            let exit = finish(out, verb, &Err(interrupted(verb, &sent)));
            std::process::exit(i32::from(exit as u8));
        }
    }))
}

/// The result of an interrupted command.
fn interrupted(verb: &str, sent: &SentRequests) -> Failure {
    let failure = |message: &str| {
        Failure::new(
            Exit::Interrupted,
            "interrupted",
            format!("interrupted: {message}"),
        )
    };
    // Only `request` has sent any.
    if let Some(summary) = sent.summary() {
        return failure(&summary.sentence)
            .with("requests", summary.requests)
            .with("agent", summary.agent);
    }
    let after = AFTERWARDS.iter().find(|(of, _)| *of == verb);
    failure(match after {
        Some((_, message)) => message,
        None if only_reads(verb) => "run it again",
        None => "it may have been carried out, or in part; run it again",
    })
}

/// What became of a command, and the next step, for each that is not simply run again.
pub(super) const AFTERWARDS: [(&str, &str); 7] = [
    (
        "request",
        "a request that was stored before stands, and `cameo requests` lists it; the same command \
         goes on with it",
    ),
    (
        "view",
        "a view that was charged and not shown is not charged again: the same command resumes it",
    ),
    // A second approval of more views may add them once more.
    (
        "approve",
        "the request may be approved, and stays so: look at `cameo requests` and `cameo shared` \
         before you approve it again; `cameo agent` goes on with an approved photo while it runs",
    ),
    // A second run adds the photos once more.
    (
        "add",
        "photos may have been added: look at your gallery (`cameo gallery` with your own name) \
         before you run it again",
    ),
    // A second run makes another key.
    (
        "device new",
        "a new device may be registered; run it again if this home is not that device: `cameo \
         device list` shows it, and one that no home has is to be revoked",
    ),
    ("hide", COMPLETE),
    ("reveal", COMPLETE),
];

const COMPLETE: &str = "a file that is there is complete; run it again";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::RequestId;

    use super::*;

    #[test]
    fn an_interrupted_request_says_that_it_stands_and_how_to_go_on() {
        // given a command that waits for an answer to a request
        let sent = SentRequests::default();
        let request = RequestId([0xab; 16]);
        sent.set(&"ada".parse().unwrap(), vec![(request, true)], false);
        // when it is interrupted
        let failure = interrupted("request", &sent);
        // then its document has the request, and what to start
        assert_eq!(failure.exit as u8, 130);
        let document = failure.document();
        assert_eq!(document["ok"], false);
        assert_eq!(document["error"]["code"], "interrupted");
        assert_eq!(document["requests"][0]["request"], request.to_string());
        assert_eq!(document["requests"][0]["state"], "waiting");
        assert_eq!(document["agent"], false);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("stands"), "{message}");
        assert!(message.contains("run `cameo agent`"), "{message}");
    }

    #[test]
    fn every_interrupted_command_has_a_document_and_only_one_result() {
        for verb in [
            "request",
            "view",
            "approve",
            "rights",
            "who",
            "hide",
            "add",
            "device new",
        ] {
            let failure = interrupted(verb, &SentRequests::default());
            assert_eq!(failure.exit, Exit::Interrupted, "{verb}");
            assert!(!failure.message.contains("nothing was"), "{verb}");
        }
        // and a second run that may do it twice is advised after a look only
        for (verb, look) in [
            ("approve", "look at `cameo requests`"),
            ("add", "look at your gallery"),
            ("device new", "`cameo device list`"),
        ] {
            let failure = interrupted(verb, &SentRequests::default());
            assert!(failure.message.contains(look), "{failure}");
        }
        let result = OnlyResult::default();
        assert!(result.take());
        assert!(!result.take());
    }
}
