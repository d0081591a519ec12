//! The faults as bands.

use super::picture::{Scale, bar, escape, pack, picture};
use crate::history::{History, Op};

const LANE: f64 = 22.0;
/// Width of a letter, about.
const LETTER: f64 = 6.2;

pub(super) fn bands(history: &History, scale: &Scale) -> String {
    let mut faults = Vec::new();
    let mut skipped = String::new();
    for row in &history.rows {
        match &row.op {
            Op::Fault(op) => {
                let from = scale.x(row.call);
                let to = row.ret.map_or(from, |ret| scale.x(ret));
                let name = format!("{} · {}", op.arg.kind, op.arg.on);
                faults.push((from, to.max(from + 2.0), name, op.out.as_ref()));
            }
            Op::Skipped(op) => {
                let why = op.out.as_deref().unwrap_or_default();
                skipped.push_str(&format!(
                    "<li>{} on {}: {}</li>",
                    escape(&op.arg.kind),
                    escape(&op.arg.on),
                    escape(why)
                ));
            }
            _ => {}
        }
    }
    let width = |name: &str| name.chars().count() as f64 * LETTER;
    let spans = faults
        .iter()
        .map(|(from, to, name, _)| (*from, to.max(from + width(name)) + 8.0));
    let spans: Vec<_> = spans.collect();
    let (lanes, count) = pack(&spans);
    let mut text = String::new();
    for ((from, to, name, struck), lane) in faults.iter().zip(lanes) {
        let y = lane as f64 * LANE + 2.0;
        let bit = struck.is_some_and(|struck| struck.bit);
        let seen = struck.map_or("no end", |struck| struck.seen.as_str());
        let class = if bit { "bar" } else { "missed" };
        let title = format!("{name}: {seen}");
        text.push_str(&bar(class, (*from, y), (to - from, 6.0), &title));
        text.push_str(&format!(
            "<text x=\"{from:.1}\" y=\"{:.1}\">{}{}</text>",
            y + 16.0,
            escape(name),
            if bit { "" } else { " (did not strike)" }
        ));
    }
    let mut bands = match count {
        0 => "<p>None.</p>".to_owned(),
        count => picture(history, scale, count as f64 * LANE, &text),
    };
    if !skipped.is_empty() {
        bands.push_str(&format!(
            "<p>Not to be had on this machine:</p><ul>{skipped}</ul>"
        ));
    }
    bands
}
