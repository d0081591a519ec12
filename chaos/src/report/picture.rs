//! The common parts of the pictures: the time axis, and the faults behind it.

use std::fmt::Write as _;

use crate::history::{History, Micros, Op};

/// Width of a picture, in its own units.
pub(super) const WIDTH: f64 = 1120.0;
/// Room for labels on the left.
pub(super) const LEFT: f64 = 96.0;
/// Room under a picture for the axis.
pub(super) const AXIS: f64 = 22.0;

/// A span of time on the width of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    span: f64,
}

impl Scale {
    pub fn of(from: Micros, to: Micros) -> Self {
        Self {
            from: from.0 as f64,
            span: (to.0.saturating_sub(from.0)).max(1) as f64,
        }
    }

    /// The place of a moment; those outside lie on the edge.
    pub fn x(&self, at: Micros) -> f64 {
        let part = (at.0 as f64 - self.from) / self.span;
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - 6.0)
    }

    pub fn seconds(&self) -> f64 {
        self.span / 1e6
    }

    fn at(&self, seconds: f64) -> Micros {
        Micros((self.from + seconds * 1e6).max(0.0) as u64)
    }

    /// Steps of 1, 2 or 5 times a power of ten, about ten of them.
    fn step(&self) -> f64 {
        let rough = self.seconds() / 10.0;
        let power = 10_f64.powf(rough.max(1e-6).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        steps
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough)
    }

    /// The grid, and the time under it.
    pub fn axis(&self, height: f64) -> String {
        let (step, mut text) = (self.step(), String::new());
        let offset = self.from / 1e6;
        let first = (offset / step).ceil() * step - offset;
        for number in 0..=12 {
            let seconds = first + f64::from(number) * step;
            if seconds > self.seconds() {
                break;
            }
            let x = self.x(self.at(seconds));
            let decimals = if step < 1.0 { 3 } else { 0 };
            let _infallible = write!(
                text,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{height:.1}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.decimals$} s</text>",
                height + 15.0,
                offset + seconds
            );
        }
        text
    }
}

/// A picture of this height, with the axis and the faults behind it.
pub(super) fn picture(history: &History, scale: &Scale, height: f64, inside: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.1}\" role=\"img\">{}{}{inside}</svg>",
        height + AXIS,
        behind(history, scale, height),
        scale.axis(height)
    )
}

fn behind(history: &History, scale: &Scale, height: f64) -> String {
    let mut text = String::new();
    for row in &history.rows {
        let Op::Fault(_) = &row.op else {
            continue;
        };
        let from = scale.x(row.call);
        let wide = row.ret.map_or(WIDTH, |ret| scale.x(ret)) - from;
        if wide > 0.0 {
            let _infallible = write!(
                text,
                "<rect class=\"fault\" x=\"{from:.1}\" y=\"0\" width=\"{wide:.1}\" \
                 height=\"{height:.1}\"/>"
            );
        }
    }
    text
}

/// A bar with a text that shows when pointed at.
pub(super) fn bar(
    class: &str,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    title: &str,
) -> String {
    let width = width.max(1.2);
    format!(
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\"><title>{}</title></rect>",
        escape(title)
    )
}

/// A label at the left edge.
pub(super) fn label(y: f64, text: &str) -> String {
    let x = LEFT - 8.0;
    format!(
        "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
        escape(text)
    )
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Puts spans into as few lanes as fit, in order of their starts: the lane of each, and how many.
pub(super) fn pack(spans: &[(f64, f64)]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by(|&one, &two| spans[one].0.total_cmp(&spans[two].0));
    let mut ends: Vec<f64> = Vec::new();
    let mut lanes = vec![0; spans.len()];
    for at in order {
        let (from, to) = spans[at];
        let free = ends.iter().position(|end| *end <= from);
        let lane = free.unwrap_or(ends.len());
        if lane == ends.len() {
            ends.push(to);
        } else {
            ends[lane] = to;
        }
        lanes[at] = lane;
    }
    (lanes, ends.len())
}
