//! Which node led when, by the nodes' own words.

use std::collections::BTreeMap;

use super::picture::{Scale, bar, label, picture};
use crate::history::{History, Key, Micros, Observed, Op};

const LANE: f64 = 26.0;
/// A node that says nothing for longer does not answer.
const SILENCE: u64 = 1_500_000;

pub(super) fn strips(history: &History, scale: &Scale) -> String {
    let mut nodes: BTreeMap<&Key, Vec<(Micros, &Observed)>> = BTreeMap::new();
    for row in &history.rows {
        if let (Op::Observe(op), Some(ret)) = (&row.op, row.ret)
            && let Some(told) = &op.out
        {
            nodes.entry(&row.key).or_default().push((ret, told));
        }
    }
    if nodes.is_empty() {
        return "<p>No node was observed.</p>".to_owned();
    }
    let mut text = String::new();
    let height = nodes.len() as f64 * LANE;
    for (lane, (key, told)) in nodes.iter().enumerate() {
        let y = lane as f64 * LANE;
        text.push_str(&label(y + 16.0, &key.0.replace('/', " ")));
        strip(&mut text, scale, y, key, told);
    }
    picture(history, scale, height, &text)
}

fn strip(text: &mut String, scale: &Scale, y: f64, key: &Key, told: &[(Micros, &Observed)]) {
    let mut begin = 0;
    for at in 0..told.len() {
        let (moment, now) = told[at];
        let next = told.get(at + 1);
        let goes_on = next.is_some_and(|(later, other)| {
            later.0 - moment.0 <= SILENCE
                && other.term == now.term
                && leads(key, other) == leads(key, now)
        });
        if goes_on {
            continue;
        }
        let (first, _) = told[begin];
        let until = next.map_or(moment, |(later, _)| {
            if later.0 - moment.0 <= SILENCE {
                *later
            } else {
                moment
            }
        });
        let (from, to) = (scale.x(first), scale.x(until));
        let class = if leads(key, now) { "leads" } else { "up" };
        let title = format!(
            "{}: term {}, {}",
            key.0,
            now.term,
            match now.leader {
                Some(leader) => format!("follows node {leader}"),
                None => "without a leader".to_owned(),
            }
        );
        text.push_str(&bar(class, (from, y + 5.0), (to - from, 14.0), &title));
        if leads(key, now) {
            text.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" style=\"fill:#fff\">{}</text>",
                from + 4.0,
                y + 16.0,
                if to - from > 18.0 {
                    now.term.to_string()
                } else {
                    String::new()
                }
            ));
        }
        begin = at + 1;
    }
}

fn leads(key: &Key, told: &Observed) -> bool {
    match told.leads {
        Some(leads) => leads,
        None => told.leader.is_some_and(|leader| Key::node(leader) == *key),
    }
}
