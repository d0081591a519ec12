//! The figures of rolling: failed requests, and the longest silence.

use std::time::Duration;

use super::load::Load;
use super::photos::Opened;
use super::round::Rounds;
use crate::document::Document;
use crate::figure::Figure;
use crate::runs::Runs;

/// Of restarts.
pub fn restarts(document: &mut Document, load: &Load<'_>, rounds: &Rounds) {
    both(document, "rolling", load, rounds);
}

/// Of replacements, with the photos that have opened after the last one.
pub fn replacements(document: &mut Document, load: &Load<'_>, rounds: &Rounds, opened: Opened) {
    both(document, "replacement", load, rounds);
    document.figures.push(Figure::new(
        "replacement_photos_opened",
        opened.opened as f64,
        "",
        opened.of,
        format!(
            "of {}, by nodes of which none was there at first",
            opened.of
        ),
    ));
}

/// Failures of all rounds count, also of disturbed ones: a client would have been told of each.
fn both(document: &mut Document, name: &str, load: &Load<'_>, rounds: &Rounds) {
    let silences: Runs = rounds.silences.iter().map(milliseconds).collect();
    let mut note = format!("of {} answered", load.answered());
    for why in load.reasons() {
        note += &format!("; {why}");
    }
    document.figures.push(Figure::new(
        format!("{name}_failed_requests"),
        load.failed() as f64,
        "",
        rounds.silences.len() + rounds.again.again,
        note,
    ));
    let mut note = format!("longest of a round {silences}");
    if rounds.again.again > 0 {
        note += &format!(", {} rounds measured again", rounds.again.again);
    }
    if rounds.again.disturbed > 0 {
        note += &format!(", {} of the rounds disturbed", rounds.again.disturbed);
    }
    document.figures.push(Figure::new(
        format!("{name}_longest_silence_ms"),
        silences.max(),
        "ms",
        silences.len(),
        note,
    ));
}

fn milliseconds(silence: &Duration) -> f64 {
    silence.as_secs_f64() * 1e3
}
