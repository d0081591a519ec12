//! Calls: proved once, then sent to one node after another until one answers definitely.

use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ApiError, ErrorCode, MAX_BODY};
use cameo_common::op::Op;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep, timeout_at};

use super::error::{Verdict, verdict};
use super::nodes::Server;
use super::signed_call::{Proof, SignedCall};
use super::unanswered::Unanswered;
use super::{ClusterApi, ClusterError, TRY_DEADLINE};

/// Longest answer, in bytes.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Pause after each round over all nodes, doubled each time up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// The outcome of one try at one node.
pub(super) enum Outcome<A> {
    Success(A),
    Refused(ApiError),
    /// An answer that is not in the protocol, also a success: the request may have been carried
    /// out.
    Malformed(String),
    /// The request was not sent.
    NotConnected(Unanswered),
    /// The request may have been sent, and no answer arrived.
    Lost,
}

/// A refusal, on which other nodes are asked.
pub(super) struct Refused<'a> {
    pub by: &'a Server,
    pub error: ApiError,
    /// Whether a node that was asked before may have carried the call out.
    pub unknown: bool,
}

/// The failures of all tries, for the error of the whole call.
#[derive(Default)]
struct Failures {
    unknown: bool,
    no_quorum: bool,
    malformed: Option<(String, String)>,
}

impl ClusterApi {
    pub(super) async fn get<A: DeserializeOwned>(&self, path: String) -> Result<A, ClusterError> {
        self.told_of(async {
            self.verify_identity().await?;
            let call = self.sign_as(Proof::Tls, Method::GET, path, Bytes::new());
            self.run(&call).await
        })
        .await
    }

    /// A call that changes nothing in the log.
    pub(super) async fn post<B: Serialize, A: DeserializeOwned>(
        &self,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        self.post_as(Proof::Tls, path, body).await
    }

    /// A command: the device signs the operation that the body stands for.
    pub(super) async fn command<B: Serialize, A: DeserializeOwned>(
        &self,
        path: String,
        body: &B,
        op: impl Into<Op>,
    ) -> Result<A, ClusterError> {
        let proof = Proof::of_command(&op.into());
        self.post_as(proof, path, body).await
    }

    /// A command whose body is signed.
    pub(super) async fn post_signed<B: Serialize, A: DeserializeOwned>(
        &self,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        self.post_as(Proof::Body, path, body).await
    }

    async fn post_as<B: Serialize, A: DeserializeOwned>(
        &self,
        proof: Proof,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        let body = encode(body)?;
        check_size(&body)?;
        self.told_of(async {
            self.verify_identity().await?;
            let call = self.sign_as(proof, Method::POST, path, body);
            self.run(&call).await
        })
        .await
    }

    /// One try of one call at one node. The caller goes on to other nodes.
    pub(super) async fn post_at<B: Serialize, A: DeserializeOwned>(
        &self,
        server: &Server,
        proof: Proof,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        let call = self.sign_as(proof, Method::POST, path, encode(body)?);
        self.try_at(server, &call).await
    }

    /// The same of a read.
    pub(super) async fn get_at<A: DeserializeOwned>(
        &self,
        server: &Server,
        path: String,
    ) -> Result<A, ClusterError> {
        let call = self.sign_as(Proof::Tls, Method::GET, path, Bytes::new());
        self.try_at(server, &call).await
    }

    async fn try_at<A: DeserializeOwned>(
        &self,
        server: &Server,
        call: &SignedCall,
    ) -> Result<A, ClusterError> {
        let end = Instant::now() + self.inner.deadline;
        match self.try_once(server, call, end).await {
            Outcome::Success(answer) => Ok(answer),
            Outcome::Refused(error) => Err(error.into()),
            Outcome::Malformed(why) => Err(ClusterError::Protocol {
                url: server.url.clone(),
                why,
            }),
            Outcome::Lost | Outcome::NotConnected(_) => {
                let url = &server.url;
                let why = self.why_unanswered(url).unwrap_or_default();
                let tried = format!("{url}: {why}");
                Err(ClusterError::Unreachable { tried })
            }
        }
    }

    /// Tries all nodes in turn until one answers definitely or the deadline passes.
    async fn run<A: DeserializeOwned>(&self, call: &SignedCall) -> Result<A, ClusterError> {
        let end = Instant::now() + self.inner.deadline;
        let mut failures = Failures::default();
        let mut pause = FIRST_PAUSE;
        let mut signed_again = None;
        loop {
            let servers = self.nodes().servers();
            for server in &servers {
                if Instant::now() >= end || self.is_too_late(call, &failures, end) {
                    return Err(failures.error(self, call));
                }
                let signed = signed_again.as_ref().unwrap_or(call);
                match self.try_once(server, signed, end).await {
                    Outcome::Success(answer) => {
                        self.prefer(server);
                        return Ok(answer);
                    }
                    // Once: the clock offset may be from a node with a wrong clock, or this
                    // node's clock is wrong.
                    Outcome::Refused(error)
                        if error.code == ErrorCode::CallExpired
                            && signed_again.is_none()
                            && self.reset_clock(end).await =>
                    {
                        signed_again = Some(self.renew_signature(call));
                    }
                    Outcome::Refused(error) => match verdict(error.code) {
                        Verdict::Doubtful => {
                            let unknown = failures.is_unknown(call);
                            let refused = Refused {
                                by: server,
                                error,
                                unknown,
                            };
                            return self.ask_another(refused, signed, end).await;
                        }
                        Verdict::ElsewhereOrLater => failures.no_quorum = true,
                        Verdict::Unknown => failures.unknown = true,
                    },
                    Outcome::Malformed(why) => {
                        failures.malformed = Some((server.url.clone(), why));
                    }
                    // A read changes nothing; a command may have been carried out.
                    Outcome::Lost if call.method == Method::GET => failures.no_quorum = true,
                    Outcome::Lost => failures.unknown = true,
                    Outcome::NotConnected(_) => {}
                }
            }
            if Instant::now() + pause >= end {
                return Err(failures.error(self, call));
            }
            let _found = timeout_at(end, self.find_another(&servers)).await;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether a command that was not carried out so far would be cut off at its next node before
    /// that one can say that it has no majority. Then its outcome would be unknown for nothing.
    fn is_too_late(&self, call: &SignedCall, failures: &Failures, end: Instant) -> bool {
        let room = TRY_DEADLINE.min(self.inner.deadline / 2);
        let is_known = failures.no_quorum && !failures.is_unknown(call);
        call.method != Method::GET && is_known && Instant::now() + room > end
    }

    pub(super) async fn try_once<A: DeserializeOwned>(
        &self,
        server: &Server,
        call: &SignedCall,
        end: Instant,
    ) -> Outcome<A> {
        self.note_unanswered(&server.url, Unanswered::Asked);
        let outcome = self.try_untold(server, call, end).await;
        match &outcome {
            Outcome::Success(_) | Outcome::Malformed(_) => self.note_answer(&server.url),
            Outcome::Refused(error) if verdict(error.code) == Verdict::ElsewhereOrLater => {
                self.note_unanswered(&server.url, Unanswered::of_refusal(error));
            }
            Outcome::Refused(_) => self.note_answer(&server.url),
            Outcome::NotConnected(why) => self.note_unanswered(&server.url, why.clone()),
            Outcome::Lost => self.note_unanswered(&server.url, Unanswered::Silent),
        }
        outcome
    }

    async fn try_untold<A: DeserializeOwned>(
        &self,
        server: &Server,
        call: &SignedCall,
        end: Instant,
    ) -> Outcome<A> {
        let http = match self.inner.https.node(server.key) {
            Ok(http) => http,
            Err(error) => return Outcome::Malformed(error.to_string()),
        };
        let request = http
            .request(call.method.clone(), format!("{}{}", server.url, call.path))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(call.body.clone());
        let request = call.prove(request);
        let until = end.min(Instant::now() + TRY_DEADLINE);
        match timeout_at(until, request.send()).await {
            Err(_) => Outcome::Lost,
            Ok(Err(error)) if error.is_connect() => Outcome::NotConnected(Unanswered::of(&error)),
            Ok(Err(_)) => Outcome::Lost,
            Ok(Ok(response)) => match timeout_at(until, read(response)).await {
                Err(_) => Outcome::Lost,
                Ok(answer) => answer,
            },
        }
    }
}

async fn read<A: DeserializeOwned>(response: reqwest::Response) -> Outcome<A> {
    let status = response.status();
    let bytes = match collect(response, MAX_ANSWER).await {
        Ok(bytes) => bytes,
        Err(Some(why)) => return Outcome::Malformed(why),
        Err(None) => return Outcome::Lost,
    };
    if status.is_success() {
        return match serde_json::from_slice(&bytes) {
            Ok(answer) => Outcome::Success(answer),
            Err(error) => Outcome::Malformed(error.to_string()),
        };
    }
    match serde_json::from_slice::<ApiError>(&bytes) {
        Ok(error) => Outcome::Refused(error),
        Err(_) => Outcome::Malformed(format!("status {status}")),
    }
}

/// The whole body, at most `limit` bytes. `Err(None)` when the connection broke.
pub(super) async fn collect(
    response: reqwest::Response,
    limit: usize,
) -> Result<Bytes, Option<String>> {
    collect_watched(response, limit, || ()).await
}

/// Like [`collect`], and calls `progress` for each chunk.
pub(super) async fn collect_watched(
    mut response: reqwest::Response,
    limit: usize,
    progress: impl Fn(),
) -> Result<Bytes, Option<String>> {
    let mut all = Vec::new();
    loop {
        let chunk = response.chunk().await;
        progress();
        match chunk {
            Ok(Some(chunk)) if all.len() + chunk.len() > limit => {
                return Err(Some(format!("an answer of more than {limit} bytes")));
            }
            Ok(Some(chunk)) => all.extend_from_slice(&chunk),
            Ok(None) => return Ok(all.into()),
            Err(_) => return Err(None),
        }
    }
}

/// Every node refuses a longer body, so that it is sent to none.
fn check_size(body: &Bytes) -> Result<(), ClusterError> {
    if body.len() <= MAX_BODY {
        return Ok(());
    }
    let message = format!(
        "the call has {} bytes, more than the {MAX_BODY} that a node takes: nothing was sent",
        body.len()
    );
    Err(ApiError::new(ErrorCode::TooLarge, message).into())
}

fn encode<B: Serialize>(body: &B) -> Result<Bytes, ClusterError> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|error| ClusterError::Setup(error.to_string()))
}

pub(super) fn decode<A: DeserializeOwned>(url: &str, bytes: &[u8]) -> Result<A, ClusterError> {
    serde_json::from_slice(bytes).map_err(|error| ClusterError::Protocol {
        url: url.to_owned(),
        why: error.to_string(),
    })
}

impl Failures {
    /// Whether the call may have been carried out, while others say that it was not.
    fn is_unknown(&self, call: &SignedCall) -> bool {
        let is_command = call.method != Method::GET;
        self.unknown || is_command && self.no_quorum && self.malformed.is_some()
    }

    /// The error of the whole call. An unknown outcome takes precedence: it must never be reported
    /// as a refusal.
    fn error(self, api: &ClusterApi, call: &SignedCall) -> ClusterError {
        if self.is_unknown(call) {
            ClusterError::OutcomeUnknown
        } else if self.no_quorum {
            ClusterError::NoQuorum
        } else if let Some((url, why)) = self.malformed {
            ClusterError::Protocol { url, why }
        } else {
            api.unreachable()
        }
    }
}
