//! Events in JSON.

use std::io;

use serde_json::{Value, json};

use super::events::{Event, EventKind, Process};
use crate::history::History;

/// An event, as both formats have it.
pub(super) struct Fields {
    /// None for the nemesis.
    pub process: Option<u64>,
    pub kind: &'static str,
    pub f: String,
    pub key: String,
    pub value: Value,
    /// The reason of a refusal.
    pub error: Option<String>,
    pub nanoseconds: u64,
}

impl Fields {
    pub fn of(history: &History, event: &Event) -> io::Result<Self> {
        let row = history
            .rows
            .get(event.row)
            .ok_or_else(|| io::Error::other("an event of no row"))?;
        let mut op = serde_json::to_value(&row.op)?;
        let error = op["out"]["refused"].as_str().map(str::to_owned);
        let told = event.ends && row.ret.is_some() && error.is_none();
        let value = match told {
            true if op["out"].get("ok").is_some() => op["out"]["ok"].take(),
            true => op["out"].take(),
            false => op["arg"].take(),
        };
        Ok(Self {
            process: match event.process {
                Process::Client(client) => Some(client),
                Process::Nemesis => None,
            },
            kind: match event.kind {
                EventKind::Invoke => "invoke",
                EventKind::Ok => "ok",
                EventKind::Fail => "fail",
                EventKind::Info => "info",
            },
            f: op["f"].as_str().unwrap_or_default().to_owned(),
            key: row.key.0.clone(),
            value,
            error: error.filter(|_| event.ends),
            nanoseconds: event.time.saturating_mul(1_000),
        })
    }
}

pub(super) fn line(history: &History, index: usize, event: &Event) -> io::Result<String> {
    let fields = Fields::of(history, event)?;
    let mut object = json!({
        "index": index,
        "process": fields.process.map_or_else(|| json!("nemesis"), |client| json!(client)),
        "type": fields.kind,
        "f": fields.f,
        "key": fields.key,
        "value": fields.value,
        "time": fields.nanoseconds,
    });
    if let Some(error) = fields.error {
        object["error"] = json!(error);
    }
    Ok(object.to_string())
}
