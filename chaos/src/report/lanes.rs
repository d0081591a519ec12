//! Operations in lanes, by client.

use std::collections::BTreeMap;

use super::picture::{Scale, bar, label, pack, picture};
use super::rates::kind;
use crate::export::is_asked;
use crate::history::{History, Micros, Row};

const LANE: f64 = 9.0;
/// Most operations in the picture; beyond that a page gets slow.
const MAX_SHOWN: usize = 20_000;
/// An operation without an answer is drawn this long, in microseconds.
const LOST: u64 = 150_000;

pub(super) fn all(history: &History, scale: &Scale) -> String {
    let asked = history.rows.iter().enumerate();
    let asked: Vec<_> = asked.filter(|(_, row)| is_asked(&row.op)).collect();
    let shown = &asked[..asked.len().min(MAX_SHOWN)];
    let mut clients: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (_, row) in shown {
        let (from, to) = (scale.x(row.call), scale.x(end(row)));
        let span = clients.entry(row.client).or_insert((from, to));
        *span = (span.0.min(from), span.1.max(to + 1.5));
    }
    let spans: Vec<_> = clients.values().copied().collect();
    let (lanes, count) = pack(&spans);
    let lane_of: BTreeMap<u64, usize> = clients.keys().copied().zip(lanes).collect();
    let mut text = label(8.0, "clients");
    for (number, row) in shown {
        let y = lane_of[&row.client] as f64 * LANE + 1.0;
        text.push_str(&operation(*number, row, scale, y, LANE - 2.0));
    }
    let mut lanes = picture(history, scale, count as f64 * LANE, &text);
    if asked.len() > MAX_SHOWN {
        let more = asked.len() - MAX_SHOWN;
        lanes.push_str(&format!("<p>The last {more} are left out.</p>"));
    }
    lanes
}

/// One operation as a bar.
pub(super) fn operation(number: usize, row: &Row, scale: &Scale, y: f64, height: f64) -> String {
    let from = scale.x(row.call);
    let width = scale.x(end(row)) - from;
    let title = format!("row {}: {}", number + 1, told(row));
    bar(kind(row), (from, y), (width, height), &title)
}

fn end(row: &Row) -> Micros {
    row.ret.unwrap_or(Micros(row.call.0 + LOST))
}

/// A row in words.
pub(super) fn told(row: &Row) -> String {
    let json = serde_json::to_value(&row.op).unwrap_or_default();
    let name = json["f"].as_str().unwrap_or_default().replace('_', " ");
    let key: String = row.key.0.chars().take(18).collect();
    let out = match (row.ret, json["out"].get("refused")) {
        (None, _) => "no answer".to_owned(),
        (_, Some(code)) => format!("refused: {}", code.as_str().unwrap_or_default()),
        (Some(ret), None) => format!("done in {} ms", ret.0.saturating_sub(row.call.0) / 1_000),
    };
    format!("{name} of {key}, client {}, {out}", row.client)
}
