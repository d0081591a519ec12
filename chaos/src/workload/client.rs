//! One client: it signs calls, understands their outcomes, and records each attempt.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::SigningKey;
use cameo_mutant::{Mutant, is_planted};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::ask::Ask;
use super::port::{CallFailed, Request, Response};
use super::run::Run;
use crate::history::{Answer, Key, Micros, Op};

/// Time from a call to its not-after.
const CALL_LIFE: Duration = Duration::from_secs(60);
/// Longest wait for an answer. Longer than a node waits for a leader and a majority.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// Pause before another attempt, at most.
const PAUSE_MS: u64 = 150;
/// Attempts of one command.
const MAX_ATTEMPTS: usize = 4;
/// Commands of a hundred that are given up after a first definite no, so that nothing else explains
/// what it may have done all the same.
const GIVE_UP_PERCENT: u32 = 25;

/// What has become of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// Decided.
    Answered(Answer<T>),
    /// Certainly not done, and never will be.
    NotDone,
    /// Done at some time, or never.
    Unknown,
}

impl<T> Outcome<T> {
    /// The result, if it was done.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Answered(answer) => answer.ok(),
            _ => None,
        }
    }

    fn map<U>(self, map: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Answered(Answer::Ok(result)) => Outcome::Answered(Answer::Ok(map(result))),
            Self::Answered(Answer::Refused(code)) => Outcome::Answered(Answer::Refused(code)),
            Self::NotDone => Outcome::NotDone,
            Self::Unknown => Outcome::Unknown,
        }
    }
}

/// A client with one operation at a time.
pub struct Client {
    pub run: Arc<Run>,
    pub rng: StdRng,
    number: u64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client {}", self.number)
    }
}

impl Client {
    /// A client whose choices follow from the run's seed and this name.
    #[must_use]
    pub fn new(run: &Arc<Run>, name: &str) -> Self {
        Self {
            rng: run.rng(name),
            number: run.next_client(),
            run: run.clone(),
        }
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A fresh request id.
    pub fn request(&mut self) -> RequestId {
        RequestId(self.bytes())
    }

    /// True with a chance of `percent`.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    /// Whether it gives up if this attempt is told no, by chance.
    pub fn gives_up(&mut self) -> bool {
        self.chance(GIVE_UP_PERCENT)
    }

    /// Waits for up to this long.
    pub async fn pause(&mut self, at_most: Duration) {
        let micros = u64::try_from(at_most.as_micros()).unwrap_or(u64::MAX);
        let pause = self.rng.random_range(0..=micros);
        sleep(Duration::from_micros(pause)).await;
    }

    /// One attempt at one node, recorded. `result` makes the recorded result of the node's answer,
    /// `op` the row.
    pub async fn attempt<T: DeserializeOwned, O: Clone>(
        &mut self,
        device: &SigningKey,
        node: NodeId,
        ask: &Ask,
        key: &Key,
        result: impl FnOnce(T) -> O,
        op: impl FnOnce(Option<Answer<O>>) -> Op,
    ) -> Outcome<O> {
        let headers = self.sign(device, ask).into_iter().collect();
        let outcome = self.send(device, node, ask, headers, key, json, result, op);
        outcome.await
    }

    /// The same with headers and an answer of any form.
    #[allow(clippy::too_many_arguments)]
    pub async fn send<T, O: Clone>(
        &mut self,
        device: &SigningKey,
        node: NodeId,
        ask: &Ask,
        headers: Vec<(&'static str, String)>,
        key: &Key,
        decode: impl FnOnce(&Bytes) -> Option<T>,
        result: impl FnOnce(T) -> O,
        op: impl FnOnce(Option<Answer<O>>) -> Op,
    ) -> Outcome<O> {
        let request = Request {
            device: Some(copy(device)),
            method: ask.method,
            path: ask.path.clone(),
            headers,
            body: ask.body.clone(),
        };
        let call = self.run.port.elapsed();
        let answer = self.run.port.call(node, request, ANSWER_WITHIN).await;
        let outcome = understand(answer, decode).map(result);
        let is_known = !self.run.port.is_liar(node);
        match &outcome {
            Outcome::Answered(answer) => {
                let answer = is_known.then(|| answer.clone());
                self.record(key, op(answer), call);
            }
            Outcome::NotDone if !is_known => self.record(key, op(None), call),
            Outcome::Unknown => self.record(key, op(None), call),
            Outcome::NotDone => {}
        }
        outcome
    }

    /// Records an operation that ends now, or whose outcome stays unknown.
    pub fn record(&mut self, key: &Key, op: Op, call: Micros) {
        let known = op.has_outcome();
        self.run.record(self.number, key, op, call);
        if !known {
            self.number = self.run.next_client();
        }
    }

    /// Records something that was not asked for.
    pub fn note(&self, key: &Key, op: Op) {
        self.run
            .record(self.number, key, op, self.run.port.elapsed());
    }

    /// The header that proves a command, unless its body does.
    pub fn sign(&self, device: &SigningKey, ask: &Ask) -> Option<(&'static str, String)> {
        let not_after = self.run.port.now_unix().plus(CALL_LIFE);
        ask.sign(device, self.run.cluster, not_after)
    }

    /// A node by chance.
    pub fn any_node(&mut self) -> NodeId {
        self.run.clone().any_node(&mut self.rng)
    }
}

/// The same key once more.
pub fn copy(key: &SigningKey) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(*key.seed()))
}

/// The attempts of one command, each at another node, until one is answered. It gives up after
/// some, as people do.
#[derive(Debug)]
pub struct Attempts<O> {
    made: usize,
    last: Outcome<O>,
}

impl<O> Attempts<O> {
    /// None made yet.
    pub fn new() -> Self {
        Self {
            made: 0,
            last: Outcome::NotDone,
        }
    }

    /// The outcome of them all after one more, or the time to pause before the next.
    /// One that `gives_up` does so after a first definite no.
    pub fn after(
        &mut self,
        outcome: Outcome<O>,
        gives_up: bool,
    ) -> ControlFlow<Outcome<O>, Duration> {
        self.made += 1;
        match outcome {
            answered @ Outcome::Answered(_) => return ControlFlow::Break(answered),
            Outcome::NotDone if self.made == 1 && gives_up => {
                return ControlFlow::Break(Outcome::NotDone);
            }
            // An attempt that is not done leaves an earlier one unknown.
            Outcome::NotDone => {}
            Outcome::Unknown => self.last = Outcome::Unknown,
        }
        if self.made < MAX_ATTEMPTS {
            ControlFlow::Continue(Duration::from_millis(PAUSE_MS))
        } else {
            ControlFlow::Break(std::mem::replace(&mut self.last, Outcome::NotDone))
        }
    }
}

/// Repeats an attempt at nodes by chance: `persist!(client, |node| attempt)`. A macro, because a
/// closure that borrows the client for each attempt gives no future that can be sent to a task.
macro_rules! persist {
    ($client:expr, |$node:ident| $attempt:expr) => {{
        let mut attempts = $crate::workload::client::Attempts::new();
        loop {
            let $node = $client.any_node();
            let outcome = $attempt.await;
            match attempts.after(outcome, $client.gives_up()) {
                std::ops::ControlFlow::Break(outcome) => break outcome,
                std::ops::ControlFlow::Continue(pause) => $client.pause(pause).await,
            }
        }
    }};
}
pub(super) use persist;

/// Decodes an answer in JSON.
pub fn json<T: DeserializeOwned>(body: &Bytes) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// What an answer, or its absence, means.
fn understand<T>(
    answer: Result<Response, CallFailed>,
    decode: impl FnOnce(&Bytes) -> Option<T>,
) -> Outcome<T> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(CallFailed::NotSent(_)) => return Outcome::NotDone,
        Err(CallFailed::Lost(_)) if is_planted(Mutant::TimeoutRecordedAsFailure) => {
            return Outcome::NotDone;
        }
        Err(CallFailed::Lost(_)) => return Outcome::Unknown,
    };
    if (200..300).contains(&answer.status) {
        return match decode(&answer.body) {
            Some(result) => Outcome::Answered(Answer::Ok(result)),
            None => Outcome::Unknown,
        };
    }
    match serde_json::from_slice::<ApiError>(&answer.body) {
        Ok(error) => of_refusal(error.code),
        Err(_) => Outcome::Unknown,
    }
}

/// Decisions of the cluster, as against a node that could not have it decided.
fn of_refusal<T>(code: ErrorCode) -> Outcome<T> {
    use ErrorCode as E;
    match code {
        // Ours are well-formed: what is wrong with one is meant to be.
        E::BadRequest
        | E::Forbidden
        | E::NotRegistered
        | E::NotFound
        | E::NameTaken
        | E::RequestReused
        | E::GrantExists
        | E::StaleVersion
        | E::Mismatch
        | E::BadDeal
        | E::TooFewHolders
        | E::ClosedByRestore
        | E::Revoked
        | E::Expired
        | E::UsedUp
        | E::NotDebited
        | E::SessionEnded
        | E::BadTicket
        | E::NotAuthenticated
        | E::LimitReached
        | E::RegistrationClosed
        | E::BadInvite
        | E::Retired
        | E::RolledBack
        | E::RequestTooOld
        | E::TooManyDevices
        | E::TooManyGrants
        | E::DeviceRevoked => Outcome::Answered(Answer::Refused(code)),
        E::TooLarge
        | E::NoSuchPath
        | E::CallExpired
        | E::WrongCluster
        | E::Busy
        | E::TooManyCalls
        | E::BadJob
        | E::NoQuorum
        | E::Unavailable
        | E::NotServed
        | E::WorkerTooSmall => Outcome::NotDone,
        E::OutcomeUnknown if is_planted(Mutant::TimeoutRecordedAsFailure) => Outcome::NotDone,
        E::OutcomeUnknown | E::Internal => Outcome::Unknown,
    }
}
