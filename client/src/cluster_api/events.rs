//! The event stream: server-sent events, resumed on any node from the last received sequence.

use std::collections::VecDeque;
use std::time::Duration;

use cameo_common::api::{ApiError, Event, paths};
use tokio::time::timeout;

use super::call::collect;
use super::{ClusterApi, ClusterError, TRY_DEADLINE};

/// A stream without any byte for this long, not even of a comment, counts as lost.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest event, in bytes.
const MAX_EVENT: usize = 256 * 1024;

/// One message of the event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamMessage {
    Event(Event),
    /// A counterparty reported this device offline: renew the session at once.
    Probe,
    /// The node ends the stream, with the reason.
    Ended(ApiError),
}

/// A stream of one user's events. After an error no more can be read: open another stream from the
/// last processed sequence.
#[derive(Debug)]
pub struct EventStream {
    response: reqwest::Response,
    url: String,
    parser: SseParser,
    ready: VecDeque<StreamMessage>,
}

impl ClusterApi {
    /// Opens the stream after a sequence (0 for all events), on the first node that serves it.
    ///
    /// # Errors
    /// The last refusal, or [`ClusterError::Unreachable`], when no node serves it.
    pub async fn events(&self, after: u64) -> Result<EventStream, ClusterError> {
        self.verify_identity().await?;
        let path = format!("{}?after={after}", paths::EVENTS);
        let mut last = ClusterError::Unreachable {
            tried: self.urls().join(", "),
        };
        let servers = self.nodes().servers();
        for server in servers {
            let http = self.inner.https.node(server.key)?;
            let request = http
                .get(format!("{}{path}", server.url))
                .header(reqwest::header::ACCEPT, "text/event-stream");
            let Ok(Ok(response)) = timeout(TRY_DEADLINE, request.send()).await else {
                continue;
            };
            if response.status().is_success() {
                self.prefer(&server);
                return Ok(EventStream {
                    response,
                    url: server.url,
                    parser: SseParser::default(),
                    ready: VecDeque::new(),
                });
            }
            let body = timeout(TRY_DEADLINE, collect(response, MAX_EVENT)).await;
            let bytes = body.ok().and_then(Result::ok).unwrap_or_default();
            if let Ok(error) = serde_json::from_slice::<ApiError>(&bytes) {
                last = error.into();
            }
        }
        Err(last)
    }
}

impl EventStream {
    /// URL of the node that serves the stream.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// When the stream ends, sends nothing for ten seconds, or is malformed.
    pub async fn next(&mut self) -> Result<StreamMessage, ClusterError> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            let chunk = match timeout(SILENCE_TIMEOUT, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None) | Err(_)) | Err(_) => {
                    return Err(ClusterError::Unreachable {
                        tried: self.url.clone(),
                    });
                }
            };
            let malformed = |why: String| ClusterError::Protocol {
                url: self.url.clone(),
                why,
            };
            let found = self
                .parser
                .push(&chunk)
                .map_err(|()| malformed("an event is too long".into()))?;
            for message in found {
                let parsed = parse(&message).map_err(|error| malformed(error.to_string()))?;
                self.ready.extend(parsed);
            }
        }
    }
}

/// `None` for unknown kinds of messages, which are ignored.
fn parse(message: &SseMessage) -> serde_json::Result<Option<StreamMessage>> {
    Ok(match message.kind.as_str() {
        "" | "message" => Some(StreamMessage::Event(serde_json::from_str(&message.data)?)),
        "probe" => Some(StreamMessage::Probe),
        "ended" => Some(StreamMessage::Ended(serde_json::from_str(&message.data)?)),
        _ => None,
    })
}

/// One server-sent event, not yet decoded.
#[derive(Debug, Default, PartialEq, Eq)]
struct SseMessage {
    kind: String,
    data: String,
}

/// Parser of server-sent events (WHATWG HTML, section 9.2.6) that takes chunks of any size.
#[derive(Debug, Default)]
struct SseParser {
    rest: Vec<u8>,
    message: SseMessage,
}

impl SseParser {
    /// The messages that this chunk completes. `Err` when one is over [`MAX_EVENT`] or not UTF-8.
    fn push(&mut self, chunk: &[u8]) -> Result<Vec<SseMessage>, ()> {
        let mut found = Vec::new();
        for &byte in chunk {
            if byte != b'\n' {
                self.rest.push(byte);
                if self.rest.len() + self.message.data.len() > MAX_EVENT {
                    return Err(());
                }
                continue;
            }
            let line = std::mem::take(&mut self.rest);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if line.is_empty() {
                let message = std::mem::take(&mut self.message);
                if !message.data.is_empty() {
                    found.push(message);
                }
            } else if let Some(kind) = line.strip_prefix(b"event:") {
                let kind = std::str::from_utf8(kind).map_err(|_| ())?;
                self.message.kind = kind.trim().to_owned();
            } else if let Some(value) = line.strip_prefix(b"data:") {
                let value = value.strip_prefix(b" ").unwrap_or(value);
                let data = &mut self.message.data;
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(std::str::from_utf8(value).map_err(|_| ())?);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const STREAM: &str =
        ": hello\n\nid: 4\ndata: {\"a\":1}\n\nevent: x\r\ndata: one\r\ndata: two\r\n\r\ndata: cut";

    fn messages() -> [SseMessage; 2] {
        let message = |kind: &str, data: &str| SseMessage {
            kind: kind.into(),
            data: data.into(),
        };
        [message("", "{\"a\":1}"), message("x", "one\ntwo")]
    }

    #[test]
    fn probe_and_end_are_parsed_and_unknown_kinds_ignored() {
        let stream = "event: probe\ndata: {}\n\n\
            event: ended\ndata: {\"schema\":1,\"code\":\"session_ended\",\"message\":\"over\"}\n\n\
            event: later\ndata: 1\n\n";
        let found = SseParser::default().push(stream.as_bytes()).unwrap();
        let parsed: Vec<_> = found.iter().filter_map(|m| parse(m).unwrap()).collect();
        assert_eq!(parsed.len(), 2);
        assert_eq!(parsed[0], StreamMessage::Probe);
        assert!(matches!(&parsed[1], StreamMessage::Ended(error) if error.message == "over"));
    }

    #[test]
    fn comments_and_other_fields_are_ignored() {
        let found = SseParser::default().push(STREAM.as_bytes()).unwrap();
        assert_eq!(found, messages());
    }

    #[test]
    fn attack_an_oversized_event_is_refused() {
        let mut parser = SseParser::default();
        let chunk = vec![b'x'; MAX_EVENT];
        assert!(parser.push(&chunk).is_ok());
        assert!(parser.push(b"x").is_err());
    }

    proptest! {
        #[test]
        fn chunk_boundaries_do_not_matter(
            cuts in prop::collection::vec(0..STREAM.len(), 0..6),
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut parser = SseParser::default();
            let (mut found, mut start) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                found.extend(parser.push(&STREAM.as_bytes()[start..cut]).unwrap());
                start = cut;
            }
            prop_assert_eq!(found, messages());
        }
    }
}
