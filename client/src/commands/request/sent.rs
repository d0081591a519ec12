//! The requests that stand when the command is interrupted.

use std::sync::Arc;

use cameo_common::ids::{RequestId, UserName};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::report::unanswered;

/// The requests that stand, as far as the command has got.
#[derive(Debug, Clone, Default)]
pub struct SentRequests(Arc<Mutex<Option<Summary>>>);

/// What an interrupted command tells of its requests.
#[derive(Debug, Clone)]
pub struct Summary {
    pub sentence: String,
    /// Request and state of each.
    pub requests: Vec<Value>,
    /// Whether an agent receives the carriers.
    pub agent: bool,
}

impl SentRequests {
    /// Sets the requests that the owner has: id, and whether the owner has to decide.
    pub fn set(&self, owner: &UserName, requests: Vec<(RequestId, bool)>, agent: bool) {
        let waiting = requests.iter().any(|(_, waiting)| *waiting);
        let each = requests.into_iter().map(|(request, waiting)| {
            let state = if waiting { "waiting" } else { "preparing" };
            json!({ "request": request, "state": state })
        });
        let requests: Vec<_> = each.collect();
        let subject = match requests.len() {
            0 => return,
            1 => "the request stands",
            _ => "the requests stand",
        };
        let sentence = format!(
            "{subject}, and `cameo requests` shows what becomes of it. {}",
            unanswered(owner, waiting, agent)
        );
        *self.0.lock() = Some(Summary {
            sentence,
            requests,
            agent,
        });
    }

    /// The summary, once the requests have been sent.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        self.0.lock().clone()
    }
}
