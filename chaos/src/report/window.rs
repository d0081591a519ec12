//! A broken law: its key's operations around the rows that show it.

use super::lanes::operation;
use super::picture::{Scale, escape, pack, picture};
use crate::history::{History, Micros, Row};
use crate::verdict::{Outcome, Verdict};

const LANE: f64 = 16.0;
/// Time before and after the evidence that is shown, at least, in microseconds.
const AROUND: u64 = 100_000;
/// Most characters of a row.
const MAX_CHARACTERS: usize = 600;
/// Most rows in the table.
const MAX_ROWS: usize = 60;

pub(super) fn of(history: &History, verdict: &Verdict) -> String {
    let Outcome::Invalid { rows, sentence } = &verdict.outcome else {
        return String::new();
    };
    let evidence = rows.iter().filter_map(|&row| history.rows.get(row));
    let from = evidence
        .clone()
        .map(|row| row.call)
        .min()
        .unwrap_or_default();
    let to = evidence.map(end).max().unwrap_or_default();
    let room = AROUND.max((to.0.saturating_sub(from.0)) / 8);
    let (from, to) = (Micros(from.0.saturating_sub(room)), Micros(to.0 + room));
    let near: Vec<(usize, &Row)> = history
        .rows
        .iter()
        .enumerate()
        .filter(|(number, row)| {
            let same = verdict.key.as_ref().is_some_and(|key| row.key == *key);
            rows.contains(number) || same && row.call <= to && end(row) >= from
        })
        .collect();
    let key = verdict.key.as_ref().map_or("", |key| key.0.as_str());
    format!(
        "<section><h2><span class=\"badge invalid\">{}</span> {}</h2><p>{}</p>{}{}</section>\n",
        verdict.law,
        escape(sentence),
        escape(key),
        lanes(history, &near, rows, (from, to)),
        table(&near, rows)
    )
}

fn end(row: &Row) -> Micros {
    row.ret.unwrap_or(row.call)
}

fn lanes(
    history: &History,
    near: &[(usize, &Row)],
    evidence: &[usize],
    (from, to): (Micros, Micros),
) -> String {
    let scale = Scale::of(from, to);
    let span = |row: &Row| (scale.x(row.call), scale.x(end(row)) + 3.0);
    let spans: Vec<_> = near.iter().map(|(_, row)| span(row)).collect();
    let (lanes, count) = pack(&spans);
    let mut text = String::new();
    for ((number, row), lane) in near.iter().zip(lanes) {
        let y = lane as f64 * LANE + 2.0;
        text.push_str(&operation(*number, row, &scale, y, LANE - 5.0));
        if evidence.contains(number) {
            let (x, until) = span(row);
            text.push_str(&format!(
                "<rect class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                x - 2.0,
                y - 1.5,
                until - x + 2.0,
                LANE - 2.0
            ));
        }
    }
    picture(history, &scale, count as f64 * LANE + 4.0, &text)
}

/// The rows as they are in the history, the evidence marked.
fn table(near: &[(usize, &Row)], evidence: &[usize]) -> String {
    let mut sorted: Vec<_> = near.iter().collect();
    sorted.sort_by_key(|(number, row)| (row.call, *number));
    let mut left_out = sorted.len().saturating_sub(MAX_ROWS);
    let mut text = String::from("<div class=\"scroll\"><table>");
    for (number, row) in sorted {
        let shown = evidence.contains(number);
        if !shown && left_out > 0 {
            left_out -= 1;
            continue;
        }
        let class = if shown { " class=\"evidence\"" } else { "" };
        let json = shortened(serde_json::to_string(row).unwrap_or_default());
        text.push_str(&format!(
            "<tr{class}><td>{}</td><td class=\"rows\">{}</td></tr>",
            number + 1,
            escape(&json)
        ));
    }
    text.push_str("</table></div>");
    text
}

fn shortened(json: String) -> String {
    match json.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{} …", &json[..end]),
        None => json,
    }
}
