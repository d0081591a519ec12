//! One command: signed once, sent to one node after another until one gives a definite answer.

use std::time::Duration;

use bytes::Bytes;
use cameo_common::api::{ApiError, CALL_HEADER, ErrorCode, MAX_CALL_LIFE};
use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::signed::Signed;
use cameo_common::statements::Call;
use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep, timeout_at};

use super::error::{Verdict, verdict};
use super::{ClusterApi, ClusterError, TRY_DEADLINE};
use crate::clock;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Wait after all nodes were asked once, doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// A call with everything that stays the same however often it is sent.
pub(super) struct Command {
    request: RequestId,
    pub method: Method,
    pub path: String,
    pub body: Bytes,
    /// The signed call, as it stands in its header.
    pub header: String,
}

/// One node's answer.
enum Answer {
    Good(Bytes),
    No(ApiError),
    /// Not the protocol's.
    Strange(String),
    /// Nothing was sent.
    NotConnected,
    /// Sent, and then lost.
    Lost,
}

/// What has been seen so far, for the error at the end.
#[derive(Default)]
struct Seen {
    unknown: bool,
    no_quorum: bool,
    strange: Option<(String, String)>,
}

impl ClusterApi {
    /// Signs a command for this device: one request id and one not-after for all its tries.
    pub(super) fn command(&self, method: Method, path: String, body: Bytes) -> Command {
        self.command_as(clock::request_id(), method, path, body)
    }

    fn command_as(&self, request: RequestId, method: Method, path: String, body: Bytes) -> Command {
        let offset = self.nodes().clock_offset;
        let cluster_now = Millis(clock::now().0.saturating_add_signed(offset));
        let life = self.inner.deadline.min(MAX_CALL_LIFE);
        let call = Call {
            device: self.inner.device.public(),
            cluster: self.inner.cluster,
            method: method.as_str().to_owned(),
            path: path.clone(),
            body: Hash::of(&body),
            request,
            not_after: cluster_now.plus(life),
        };
        let signed = Signed::new(&self.inner.device, call);
        Command {
            request,
            method,
            path,
            body,
            header: BASE64URL_NOPAD.encode(signed.as_bytes()),
        }
    }

    /// The same command by what the cluster's time is thought to be now.
    fn sign_anew(&self, command: &Command) -> Command {
        let Command {
            request,
            method,
            path,
            body,
            ..
        } = command;
        self.command_as(*request, method.clone(), path.clone(), body.clone())
    }

    pub(super) async fn get<A: DeserializeOwned>(&self, path: String) -> Result<A, ClusterError> {
        self.ready().await?;
        let command = self.command(Method::GET, path, Bytes::new());
        self.run(&command).await
    }

    pub(super) async fn post<B: Serialize, A: DeserializeOwned>(
        &self,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        self.ready().await?;
        let command = self.command(Method::POST, path, encode(body)?);
        self.run(&command).await
    }

    /// One command to one node, once: whoever asks has other nodes to turn to.
    pub(super) async fn post_to<B: Serialize, A: DeserializeOwned>(
        &self,
        url: &str,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        let command = self.command(Method::POST, path, encode(body)?);
        let end = Instant::now() + self.inner.deadline;
        match self.try_once(url, &command, end).await {
            Answer::Good(bytes) => decode(url, &bytes),
            Answer::No(error) => Err(error.into()),
            Answer::Strange(why) => Err(ClusterError::Protocol {
                url: url.to_owned(),
                why,
            }),
            Answer::Lost | Answer::NotConnected => Err(ClusterError::Unreachable {
                tried: url.to_owned(),
            }),
        }
    }

    /// Tries nodes until one gives a definite answer or the deadline passes.
    async fn run<A: DeserializeOwned>(&self, command: &Command) -> Result<A, ClusterError> {
        let end = Instant::now() + self.inner.deadline;
        let mut seen = Seen::default();
        let mut pause = FIRST_PAUSE;
        let mut signed_anew = None;
        loop {
            let urls = self.urls();
            for url in &urls {
                if Instant::now() >= end {
                    return Err(seen.error(&urls));
                }
                let signed = signed_anew.as_ref().unwrap_or(command);
                match self.try_once(url, signed, end).await {
                    Answer::Good(bytes) => {
                        self.prefer(url);
                        return decode(url, &bytes);
                    }
                    // Once: the node that told the time may have been wrong, or this one is.
                    Answer::No(error)
                        if error.code == ErrorCode::CallExpired
                            && signed_anew.is_none()
                            && self.reset_clock(url, end).await =>
                    {
                        signed_anew = Some(self.sign_anew(command));
                    }
                    Answer::No(error) => match verdict(error.code) {
                        Verdict::Final => {
                            self.prefer(url);
                            return Err(error.into());
                        }
                        Verdict::ElsewhereOrLater => seen.no_quorum = true,
                        Verdict::Unknown => seen.unknown = true,
                    },
                    Answer::Strange(why) => seen.strange = Some((url.clone(), why)),
                    // Nothing is changed by asking; a command may have been carried out.
                    Answer::Lost if command.method == Method::GET => seen.no_quorum = true,
                    Answer::Lost => seen.unknown = true,
                    Answer::NotConnected => {}
                }
            }
            if Instant::now() + pause >= end {
                return Err(seen.error(&urls));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once(&self, url: &str, command: &Command, end: Instant) -> Answer {
        let request = self
            .inner
            .http
            .request(command.method.clone(), format!("{url}{}", command.path))
            .header(CALL_HEADER, &command.header)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(command.body.clone());
        let until = end.min(Instant::now() + TRY_DEADLINE);
        match timeout_at(until, request.send()).await {
            Err(_) => Answer::Lost,
            Ok(Err(error)) if error.is_connect() => Answer::NotConnected,
            Ok(Err(_)) => Answer::Lost,
            Ok(Ok(response)) => match timeout_at(until, read(response)).await {
                Err(_) => Answer::Lost,
                Ok(answer) => answer,
            },
        }
    }
}

async fn read(response: reqwest::Response) -> Answer {
    let status = response.status();
    let bytes = match collect(response, MAX_ANSWER).await {
        Ok(bytes) => bytes,
        Err(Some(why)) => return Answer::Strange(why),
        Err(None) => return Answer::Lost,
    };
    if status.is_success() {
        return Answer::Good(bytes);
    }
    match serde_json::from_slice::<ApiError>(&bytes) {
        Ok(error) => Answer::No(error),
        Err(_) => Answer::Strange(format!("status {status}")),
    }
}

/// The whole body, within a limit. `Err(None)` when the connection broke.
pub(super) async fn collect(
    response: reqwest::Response,
    limit: usize,
) -> Result<Bytes, Option<String>> {
    collect_watched(response, limit, || ()).await
}

/// The same; `moved` is told of each piece.
pub(super) async fn collect_watched(
    mut response: reqwest::Response,
    limit: usize,
    moved: impl Fn(),
) -> Result<Bytes, Option<String>> {
    let mut all = Vec::new();
    loop {
        let chunk = response.chunk().await;
        moved();
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

impl Seen {
    /// The most telling of what was seen: an unknown outcome must never pass for a no.
    fn error(self, urls: &[String]) -> ClusterError {
        if self.unknown {
            ClusterError::OutcomeUnknown
        } else if self.no_quorum {
            ClusterError::NoQuorum
        } else if let Some((url, why)) = self.strange {
            ClusterError::Protocol { url, why }
        } else {
            ClusterError::Unreachable {
                tried: urls.join(", "),
            }
        }
    }
}
