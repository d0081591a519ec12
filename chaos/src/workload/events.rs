//! A device's event stream.

use std::time::Duration;

use cameo_common::api::{Event, paths};

use super::ask::Ask;
use super::client::{Client, copy};
use super::person::Device;
use super::port::{Chunks, Request};

/// Longest wait for the stream to open.
const OPEN_WITHIN: Duration = Duration::from_secs(6);
/// Longest line that a node sends.
const MAX_LINE: usize = 64 * 1024;

/// An open stream of server-sent events.
pub struct Events {
    /// Numbers the streams of a run.
    pub number: u64,
    body: Box<dyn Chunks>,
    buffer: Vec<u8>,
}

impl Events {
    /// Opens the stream of a device at any node. None when the node does not.
    pub async fn open(client: &mut Client, device: &Device, after: u64) -> Option<Self> {
        let request = client.request();
        let ask = Ask::get(format!("{}?after={after}", paths::EVENTS), request);
        let node = client.any_node();
        let request = Request {
            device: Some(copy(&device.key)),
            method: ask.method,
            path: ask.path,
            headers: Vec::new(),
            body: ask.body,
        };
        let opened = client.run.port.open(node, request, OPEN_WITHIN).await;
        let (status, body) = opened.ok()?;
        (status == 200).then(|| Self {
            number: client.run.next_stream(),
            body,
            buffer: Vec::new(),
        })
    }

    /// The next event; None at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if let Some(event) = line.strip_prefix(b"data:").and_then(event) {
                    return Some(event);
                }
            }
            if self.buffer.len() > MAX_LINE {
                return None;
            }
            let chunk = self.body.next().await?;
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

fn event(data: &[u8]) -> Option<Event> {
    serde_json::from_slice(data.trim_ascii()).ok()
}
