//! Addresses that have not answered, and why; and the word about a call that takes long.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;

use cameo_common::api::{ApiError, ErrorCode};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::{ClusterApi, ClusterError};
use crate::text::sanitize::sanitize;

/// A call without an answer after this time, or a quarter of its deadline, is told of.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// Why an address has not answered. The text goes after the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("no program listens there")]
    NoProgram,
    #[error("a program that is no node of the cluster answers there")]
    Foreign,
    /// By a program that is no node, or by a node that has too many connections.
    #[error("the connection is closed without an answer")]
    Closed,
    #[error("no answer")]
    Silent,
    #[error("no answer so far")]
    Asked,
    #[error("the node hears from no majority")]
    NoMajority,
    /// Why it cannot serve this at present, in its own words.
    #[error("the node says: {0}")]
    Unable(String),
    #[error("status {0} without a reason")]
    Status(u16),
}

impl Unanswered {
    /// Of a request that failed.
    pub fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Silent;
        }
        let mut cause = error.source();
        while let Some(found) = cause {
            if let Some(io) = found.downcast_ref::<io::Error>() {
                return Self::of_io(innermost(io).kind());
            }
            cause = found.source();
        }
        Self::Silent
    }

    /// Of a node that cannot serve a call at present.
    pub fn of_refusal(error: &ApiError) -> Self {
        match error.code {
            ErrorCode::NoQuorum => Self::NoMajority,
            _ => Self::Unable(sanitize(&error.message)),
        }
    }

    fn of_io(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::ConnectionRefused => Self::NoProgram,
            // What the TLS library says of bytes that are not TLS, and of another kind of key.
            ErrorKind::InvalidData => Self::Foreign,
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Silent,
        }
    }
}

/// The error that others have wrapped as one of kind `Other`: `source` would skip it.
fn innermost(mut error: &io::Error) -> &io::Error {
    while let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        error = inner;
    }
    error
}

/// Takes a line for people.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// What is known of the addresses that have not answered.
#[derive(Default)]
pub(super) struct Unheard {
    why: Mutex<BTreeMap<String, Unanswered>>,
    /// Of whom to tell that a call takes long, until it is done.
    tell: Mutex<Option<Tell>>,
}

impl ClusterApi {
    /// Has the first call that takes long told of, in one line.
    pub fn tell_when_slow(&self, tell: impl Fn(&str) + Send + Sync + 'static) {
        *self.inner.unheard.tell.lock() = Some(Box::new(tell));
    }

    /// Why an address has not answered, after the address.
    #[must_use]
    pub fn why_unanswered(&self, url: &str) -> Option<String> {
        let why = self.inner.unheard.why.lock();
        why.get(url).map(ToString::to_string)
    }

    pub(super) fn note_unanswered(&self, url: &str, why: Unanswered) {
        self.inner.unheard.why.lock().insert(url.to_owned(), why);
    }

    pub(super) fn note_answer(&self, url: &str) {
        self.inner.unheard.why.lock().remove(url);
    }

    /// Whether each of these addresses is another program's.
    pub(super) fn are_all_foreign(&self, urls: &[String]) -> bool {
        let why = self.inner.unheard.why.lock();
        let is_foreign = |url: &String| why.get(url) == Some(&Unanswered::Foreign);
        !urls.is_empty() && urls.iter().all(is_foreign)
    }

    /// The error when no node answers, with the reason at each address.
    pub(super) fn unreachable(&self) -> ClusterError {
        let why = self.inner.unheard.why.lock();
        let urls = self.urls().into_iter();
        let each = urls.map(|url| match why.get(&url) {
            Some(why) => format!("{url}: {why}"),
            None => url,
        });
        ClusterError::Unreachable {
            tried: each.collect::<Vec<_>>().join("; "),
        }
    }

    /// Waits for a call, and tells of it when it takes long.
    pub async fn told_of<T>(&self, call: impl Future<Output = T>) -> T {
        let end = Instant::now() + self.inner.deadline;
        let mut call = pin!(call);
        tokio::select! {
            done = &mut call => return done,
            () = sleep(TOLD_AFTER.min(self.inner.deadline / 4)) => {}
        }
        if let Some(tell) = self.inner.unheard.tell.lock().take() {
            tell(&self.slow_call(end));
        }
        call.await
    }

    /// What a call that takes long waits for, and for how long.
    fn slow_call(&self, end: Instant) -> String {
        let rest = end.saturating_duration_since(Instant::now()).as_secs();
        let why = self.inner.unheard.why.lock();
        let each = why.iter().map(|(url, why)| format!("{url}: {why}"));
        let each = each.collect::<Vec<_>>().join("; ");
        format!("Waiting for the cluster, for {rest} s more at most ({each}) ...")
    }
}
