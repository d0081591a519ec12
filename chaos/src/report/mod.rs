//! One page about a run, for people: a self-contained HTML file with pictures inside it, without
//! any script.

mod faults;
mod lanes;
mod nodes;
mod picture;
mod rates;
#[cfg(test)]
mod tests;
mod verdicts;
mod window;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::history::{History, Micros};
use crate::verdict::{Judged, Outcome};
use picture::{Scale, escape};

const STYLE: &str = include_str!("style.css");
/// Broken laws that are shown with their rows, each where it was first found.
const MAX_WINDOWS: usize = 6;

/// The page of a judged history.
#[must_use]
pub fn html(history: &History, judged: &Judged) -> String {
    let scale = Scale::of(Micros(0), end(history));
    let mut page = head(history, judged);
    page.push_str(&verdicts::table(judged));
    page.push_str(&windows(history, judged));
    page.push_str(&section("Faults", FAULTS, &faults::bands(history, &scale)));
    page.push_str(&section(
        "Leaders",
        LEADERS,
        &nodes::strips(history, &scale),
    ));
    page.push_str(&section(
        "Throughput",
        RATES,
        &rates::throughput(history, &scale),
    ));
    page.push_str(&section(
        "Latency",
        LATENCY,
        &rates::latency(history, &scale),
    ));
    page.push_str(&section("Operations", LANES, &lanes::all(history, &scale)));
    page.push_str("</main></body></html>\n");
    page
}

const FAULTS: &str =
    "Each from its beginning to its end. The same bands lie behind the pictures below.";
const LEADERS: &str = "By what the nodes say: dark where a node leads, light where it answers, \
                       blank where it does not. A number is the term that begins there.";
const RATES: &str =
    "Operations that ended, a second: green is done, amber refused, red without an answer.";
const LATENCY: &str =
    "Time to an answer: the median and the slowest in a hundred, in milliseconds.";
const LANES: &str = "Each lane is a client with one operation at a time: green is done, amber \
                     refused, red without an answer. Point at one to read it.";

fn section(title: &str, text: &str, picture: &str) -> String {
    format!("<section><h2>{title}</h2><p>{text}</p>{picture}</section>\n")
}

fn end(history: &History) -> Micros {
    let ends = history.rows.iter().map(|row| row.ret.unwrap_or(row.call));
    ends.max().unwrap_or_default()
}

fn head(history: &History, judged: &Judged) -> String {
    let outcome = judged.outcome().name();
    let mut head = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{outcome}: a run of cameo-chaos</title><style>{STYLE}</style></head><body><main>\n\
         <h1><span class=\"badge {outcome}\">{outcome}</span> A run under faults</h1>\n"
    );
    let asked = history.rows.iter();
    let asked = asked.filter(|row| crate::export::is_asked(&row.op)).count();
    let seconds = end(history).0 as f64 / 1e6;
    if let Some(begin) = history.begin() {
        let (target, seed, nodes) = (escape(&begin.target), begin.seed, begin.nodes);
        let workloads = escape(&begin.workloads.join(", "));
        let _infallible = write!(
            head,
            "<p>Target {target}, seed {seed}, {nodes} nodes, {seconds:.1} s, {asked} operations of \
             the workloads {workloads}.</p>\n<p>Once more:</p><pre>{}</pre>\n",
            escape(&begin.command)
        );
    }
    head
}

fn windows(history: &History, judged: &Judged) -> String {
    let mut text = String::new();
    let broken = judged.verdicts.iter();
    let broken = broken.filter(|verdict| matches!(verdict.outcome, Outcome::Invalid { .. }));
    let mut shown = BTreeSet::new();
    for verdict in broken {
        if shown.len() < MAX_WINDOWS && shown.insert(verdict.law) {
            text.push_str(&window::of(history, verdict));
        }
    }
    text
}
