//! Throughput and latency over time.

use super::picture::{LEFT, Scale, WIDTH, label, picture};
use crate::export::is_asked;
use crate::history::{History, Micros, Row};

const HEIGHT: f64 = 120.0;
/// Parts of the run that are counted apart.
const BUCKETS: usize = 120;

/// Operations of one part of the run.
#[derive(Debug, Clone, Default)]
struct Bucket {
    ok: usize,
    refused: usize,
    lost: usize,
    /// Microseconds to an answer.
    took: Vec<u64>,
}

fn buckets(history: &History) -> (Vec<Bucket>, f64) {
    let end = super::end(history).0.max(1);
    let mut buckets = vec![Bucket::default(); BUCKETS];
    for row in history.rows.iter().filter(|row| is_asked(&row.op)) {
        let at = row.ret.unwrap_or(row.call);
        let place = (at.0 as usize).saturating_mul(BUCKETS) / (end as usize + 1);
        let bucket = &mut buckets[place.min(BUCKETS - 1)];
        match kind(row) {
            "ok" => bucket.ok += 1,
            "refused" => bucket.refused += 1,
            _ => bucket.lost += 1,
        }
        if let Some(ret) = row.ret {
            bucket.took.push(ret.0.saturating_sub(row.call.0));
        }
    }
    for bucket in &mut buckets {
        bucket.took.sort_unstable();
    }
    (buckets, end as f64 / BUCKETS as f64)
}

/// How an operation ended, as the style sheet names it.
pub(super) fn kind(row: &Row) -> &'static str {
    let json = serde_json::to_value(&row.op).unwrap_or_default();
    match row.ret {
        None => "lost",
        Some(_) if json["out"].get("refused").is_some() => "refused",
        Some(_) => "ok",
    }
}

pub(super) fn throughput(history: &History, scale: &Scale) -> String {
    let (buckets, span) = buckets(history);
    let rate = |count: usize| count as f64 * 1e6 / span;
    let all = |bucket: &Bucket| bucket.ok + bucket.refused + bucket.lost;
    let most = buckets.iter().map(all).max().unwrap_or(0).max(1);
    let high = |count: usize| count as f64 / most as f64 * (HEIGHT - 12.0);
    let mut text = marks(&[
        (12.0, format!("{:.0} a second", rate(most))),
        (HEIGHT, "0".into()),
    ]);
    for (place, bucket) in buckets.iter().enumerate() {
        let x = scale.x(Micros((place as f64 * span) as u64));
        let width = scale.x(Micros(((place + 1) as f64 * span) as u64)) - x - 0.6;
        let mut y = HEIGHT;
        for (class, count) in [
            ("ok", bucket.ok),
            ("refused", bucket.refused),
            ("lost", bucket.lost),
        ] {
            if count > 0 {
                y -= high(count);
                text.push_str(&format!(
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                     height=\"{:.1}\"/>",
                    high(count)
                ));
            }
        }
    }
    picture(history, scale, HEIGHT, &text)
}

pub(super) fn latency(history: &History, scale: &Scale) -> String {
    let (buckets, span) = buckets(history);
    let slowest = buckets.iter().filter_map(|bucket| bucket.took.last()).max();
    let top = (*slowest.unwrap_or(&1) as f64).max(1_000.0).log10();
    let quickest = buckets
        .iter()
        .filter_map(|bucket| bucket.took.first())
        .min();
    let bottom = (*quickest.unwrap_or(&100) as f64).max(10.0).log10().floor();
    let y = |took: u64| {
        let part = ((took as f64).max(1.0).log10() - bottom) / (top - bottom).max(0.1);
        HEIGHT - part.clamp(0.0, 1.0) * (HEIGHT - 12.0)
    };
    let mut lines = Vec::new();
    for power in bottom as i32..=top as i32 {
        let took = 10_f64.powi(power);
        lines.push((y(took as u64) + 4.0, format!("{} ms", took / 1_000.0)));
    }
    let mut text = marks(&lines);
    for (class, part) in [("slow", 0.99), ("median", 0.5)] {
        let mut path = String::new();
        for (place, bucket) in buckets.iter().enumerate() {
            let last = bucket.took.len().saturating_sub(1);
            let Some(took) = bucket.took.get((last as f64 * part).round() as usize) else {
                continue;
            };
            let x = scale.x(Micros(((place as f64 + 0.5) * span) as u64));
            let step = if path.is_empty() { 'M' } else { 'L' };
            path.push_str(&format!("{step}{x:.1} {:.1} ", y(*took)));
        }
        text.push_str(&format!("<path class=\"line {class}\" d=\"{path}\"/>"));
    }
    text.push_str(&format!(
        "<text x=\"{x:.1}\" y=\"10\" text-anchor=\"end\"><tspan style=\"fill:#d07a3c\">slowest in \
         a hundred</tspan> · <tspan style=\"fill:#35618f\">median</tspan></text>",
        x = WIDTH - 8.0
    ));
    picture(history, scale, HEIGHT, &text)
}

fn marks(marks: &[(f64, String)]) -> String {
    let mut text = String::new();
    for (y, mark) in marks {
        text.push_str(&label(*y, mark));
        let line = y - 4.0;
        text.push_str(&format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>"
        ));
    }
    text
}
