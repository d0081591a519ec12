//! One panel of the plot: lines for one load over two logarithmic axes, labelled at their ends.

use super::axis::Axis;
use super::svg::{Anchor, Svg};
use crate::placement::interval::Interval;

const LEFT: f64 = 76.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 66.0;
/// Lower end of the ratios, and the least upper end.
const MIN_RATIO: f64 = 0.8;
const MIN_TOP_RATIO: f64 = 2.5;
/// Minimum distance of labels.
const LABEL_HEIGHT: f64 = 15.0;
const GREY: &str = "#666";

#[derive(Debug)]
pub struct Panel {
    pub title: String,
    pub lines: Vec<Line>,
}

#[derive(Debug)]
pub struct Line {
    pub name: String,
    pub colour: &'static str,
    pub baseline: bool,
    pub points: Vec<Point>,
}

#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub seconds: f64,
    pub ratio: f64,
    pub diverges: bool,
}

impl Panel {
    fn largest(&self) -> f64 {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points
            .map(|point| point.ratio * 1.3)
            .fold(MIN_TOP_RATIO, f64::max)
    }

    /// Draws the panel with its upper left corner at `x`, `y`.
    pub fn draw(&self, svg: &mut Svg, x: f64, y: f64, (width, height): (f64, f64)) {
        let x_axis = Axis {
            values: (0.025, 12.0),
            places: (x + LEFT, x + width - RIGHT),
        };
        let y_axis = Axis {
            values: (MIN_RATIO, self.largest()),
            places: (y + height - BOTTOM, y + TOP),
        };
        self.frame(svg, x_axis, y_axis);
        for line in &self.lines {
            let at = |point: &Point| (x_axis.place(point.seconds), y_axis.place(point.ratio));
            let places: Vec<_> = line.points.iter().map(at).collect();
            svg.line(&places, line.colour, 2.2, line.baseline);
            for (place, point) in places.iter().zip(&line.points) {
                svg.dot(*place, line.colour, !point.diverges);
            }
        }
        self.labels(svg, x_axis, y_axis);
    }

    fn frame(&self, svg: &mut Svg, x_axis: Axis, y_axis: Axis) {
        let ((left, right), (bottom, top)) = (x_axis.places, y_axis.places);
        let middle = f64::midpoint(left, right);
        svg.text(
            middle,
            top - 14.0,
            16.0,
            Anchor::Middle,
            "#111",
            &self.title,
        );
        for tick in y_axis.ticks() {
            let place = y_axis.place(tick);
            let (colour, width) = if tick == 1.0 {
                ("#111", 1.4)
            } else {
                ("#ddd", 1.0)
            };
            svg.line(&[(left, place), (right, place)], colour, width, false);
            let label = format!("{tick}x");
            svg.text(left - 8.0, place + 4.0, 12.0, Anchor::End, GREY, &label);
        }
        for interval in Interval::ALL {
            let place = x_axis.place(interval.seconds());
            svg.line(&[(place, bottom), (place, top)], "#eee", 1.0, false);
            let label = match interval.seconds() {
                seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
                seconds => format!("{seconds:.0} s"),
            };
            svg.text(place, bottom + 20.0, 12.0, Anchor::Middle, GREY, &label);
        }
        svg.line(
            &[(left, top), (left, bottom), (right, bottom)],
            GREY,
            1.0,
            false,
        );
        let below = "time between two reports of a worker (logarithmic)";
        svg.text(middle, bottom + 44.0, 13.0, Anchor::Middle, "#333", below);
        let beside = "p99 / oracle's p99 (logarithmic)";
        let height = f64::midpoint(top, bottom);
        svg.upright(left - 54.0, height, 13.0, "#333", beside);
    }

    /// Labels each line at its last point, moved up where labels would overlap.
    fn labels(&self, svg: &mut Svg, x_axis: Axis, y_axis: Axis) {
        let mut ends: Vec<(f64, f64, &Line)> = self
            .lines
            .iter()
            .filter_map(|line| {
                let last = line.points.last()?;
                Some((y_axis.place(last.ratio), x_axis.place(last.seconds), line))
            })
            .collect();
        ends.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut free = y_axis.places.0 + LABEL_HEIGHT;
        for (place, x, line) in ends {
            let y = place.min(free - LABEL_HEIGHT);
            free = y;
            svg.text(
                x + 10.0,
                y + 4.0,
                12.0,
                Anchor::Start,
                line.colour,
                &line.name,
            );
        }
    }
}
