//! The event stream: server-sent events, resumed on any node from the last sequence that was seen.

use std::collections::VecDeque;
use std::time::Duration;

use cameo_common::api::{ApiError, CALL_HEADER, Event, paths};
use reqwest::Method;
use tokio::time::timeout;

use super::call::collect;
use super::{ClusterApi, ClusterError, TRY_DEADLINE};

/// A stream on which nothing comes for so long, not even a comment, is taken for dead.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest event, in bytes.
const MAX_EVENT: usize = 256 * 1024;

/// What a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Event(Event),
    /// Somebody reported this device offline: give a sign of life at once.
    Probe,
    /// The node ends the stream, and says why.
    Ended(ApiError),
}

/// A stream of one user's events. Reading ends at its first error: open another from the last
/// sequence that was dealt with.
#[derive(Debug)]
pub struct EventStream {
    response: reqwest::Response,
    url: String,
    lines: Lines,
    ready: VecDeque<Heard>,
}

impl ClusterApi {
    /// Opens the stream after a sequence (0 for all there are), on the first node that serves it.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn events(&self, after: u64) -> Result<EventStream, ClusterError> {
        self.ready().await?;
        let path = format!("{}?after={after}", paths::EVENTS);
        let command = self.command(Method::GET, path, bytes::Bytes::new());
        let urls = self.urls();
        let mut last = ClusterError::Unreachable {
            tried: urls.join(", "),
        };
        for url in urls {
            let request = self
                .inner
                .http
                .get(format!("{url}{}", command.path))
                .header(CALL_HEADER, &command.header)
                .header(reqwest::header::ACCEPT, "text/event-stream");
            let Ok(Ok(response)) = timeout(TRY_DEADLINE, request.send()).await else {
                continue;
            };
            if response.status().is_success() {
                self.prefer(&url);
                return Ok(EventStream {
                    response,
                    url,
                    lines: Lines::default(),
                    ready: VecDeque::new(),
                });
            }
            let bytes = collect(response, MAX_EVENT).await.unwrap_or_default();
            if let Ok(error) = serde_json::from_slice::<ApiError>(&bytes) {
                last = error.into();
            }
        }
        Err(last)
    }
}

impl EventStream {
    /// The node that serves it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What comes next; waits for it.
    ///
    /// # Errors
    /// When the stream ends, goes silent or makes no sense.
    pub async fn next(&mut self) -> Result<Heard, ClusterError> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Ok(heard);
            }
            let chunk = match timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None) | Err(_)) | Err(_) => {
                    return Err(ClusterError::Unreachable {
                        tried: self.url.clone(),
                    });
                }
            };
            let strange = |why: String| ClusterError::Protocol {
                url: self.url.clone(),
                why,
            };
            let found = self
                .lines
                .push(&chunk)
                .map_err(|()| strange("an event is too long".into()))?;
            for message in found {
                let heard = understand(&message).map_err(|error| strange(error.to_string()))?;
                self.ready.extend(heard);
            }
        }
    }
}

/// Kinds of messages that are not known are passed over.
fn understand(message: &Message) -> serde_json::Result<Option<Heard>> {
    Ok(match message.kind.as_str() {
        "" | "message" => Some(Heard::Event(serde_json::from_str(&message.data)?)),
        "probe" => Some(Heard::Probe),
        "ended" => Some(Heard::Ended(serde_json::from_str(&message.data)?)),
        _ => None,
    })
}

/// One message of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    kind: String,
    data: String,
}

/// Puts messages together out of chunks (WHATWG HTML, section 9.2.6).
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
    message: Message,
}

impl Lines {
    /// The messages that this chunk completes.
    fn push(&mut self, chunk: &[u8]) -> Result<Vec<Message>, ()> {
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

    fn messages() -> [Message; 2] {
        let message = |kind: &str, data: &str| Message {
            kind: kind.into(),
            data: data.into(),
        };
        [message("", "{\"a\":1}"), message("x", "one\ntwo")]
    }

    #[test]
    fn a_probe_and_an_end_are_told_from_events() {
        let stream = "event: probe\ndata: {}\n\nevent: ended\ndata: {\"schema\":1,\"code\":\"session_ended\",\"message\":\"over\"}\n\nevent: later\ndata: 1\n\n";
        let found = Lines::default().push(stream.as_bytes()).unwrap();
        let heard: Vec<_> = found
            .iter()
            .filter_map(|m| understand(m).unwrap())
            .collect();
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[0], Heard::Probe);
        assert!(matches!(&heard[1], Heard::Ended(error) if error.message == "over"));
    }

    #[test]
    fn comments_and_other_fields_are_passed_over() {
        let found = Lines::default().push(STREAM.as_bytes()).unwrap();
        assert_eq!(found, messages());
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; MAX_EVENT];
        assert!(lines.push(&chunk).is_ok());
        assert!(lines.push(b"x").is_err());
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_does_not_matter(cuts in prop::collection::vec(0..STREAM.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut lines = Lines::default();
            let (mut found, mut start) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                found.extend(lines.push(&STREAM.as_bytes()[start..cut]).unwrap());
                start = cut;
            }
            prop_assert_eq!(found, messages());
        }
    }
}
