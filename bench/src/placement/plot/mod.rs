//! The plot: p99 relative to the oracle's over the interval of reports, one panel per load.

mod axis;
mod panel;
mod svg;

use cameo_dispatch::Policy;

use super::comparison::Comparison;
use panel::{Line, Panel, Point};
use svg::{Anchor, Svg};

const LOADS: [u32; 2] = [70, 90];
const SIGMA: f64 = 0.3;
/// Baselines are drawn for this number of workers.
const BASELINE_WORKERS: usize = 100;
const PANEL_WIDTH: f64 = 560.0;
const HEIGHT: f64 = 560.0;
const HEAD: f64 = 84.0;

/// Draws all panels.
pub fn draw(compared: &[Comparison]) -> String {
    let panels: Vec<Panel> = LOADS
        .into_iter()
        .map(|load| Panel {
            title: format!("{load} % load"),
            lines: lines(compared, load),
        })
        .filter(|panel| !panel.lines.is_empty())
        .collect();
    let width = PANEL_WIDTH * panels.len() as f64;
    let mut svg = Svg::new(width, HEIGHT + HEAD);
    let title = "p99 latency against an oracle that knows true sizes, speeds and queues";
    svg.text(24.0, 34.0, 19.0, Anchor::Start, "#111", title);
    let legend = "Simulated; job sizes span 20:1, predictions off by sigma 0.3; baselines with 100 \
                  workers. Open circle: diverges, so its value depends on the run's length. Each \
                  panel has its own scale.";
    svg.text(24.0, 58.0, 13.0, Anchor::Start, "#555", legend);
    for (at, panel) in panels.iter().enumerate() {
        panel.draw(
            &mut svg,
            at as f64 * PANEL_WIDTH,
            HEAD,
            (PANEL_WIDTH, HEIGHT),
        );
    }
    svg.end()
}

fn lines(compared: &[Comparison], load: u32) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let shown = compared.iter().filter(|comparison| {
        let scenario = comparison.run.scenario;
        (scenario.load, scenario.sigma, scenario.churn) == (load, SIGMA, false)
    });
    for comparison in shown {
        let (policy, workers) = (comparison.run.policy, comparison.run.scenario.workers);
        if policy != Policy::LeastProjected && workers != BASELINE_WORKERS {
            continue;
        }
        let (name, colour) = label(policy, workers);
        let point = Point {
            seconds: comparison.run.interval.seconds(),
            ratio: comparison.p99(),
            diverges: comparison.ours.diverges(),
        };
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name,
                colour,
                baseline: policy != Policy::LeastProjected,
                points: vec![point],
            }),
        }
    }
    lines
}

fn label(policy: Policy, workers: usize) -> (String, &'static str) {
    match policy {
        Policy::LeastProjected => {
            let colour = match workers {
                1000 => "#08306b",
                100 => "#2171b5",
                _ => "#6baed6",
            };
            (format!("ours, {workers} workers"), colour)
        }
        Policy::LeastCpu => ("raw least CPU".to_owned(), "#cb181d"),
        Policy::TwoChoices => ("two choices".to_owned(), "#6a51a3"),
        Policy::Random => ("random".to_owned(), "#d94801"),
        Policy::RoundRobin => ("round robin".to_owned(), "#8c6d31"),
        Policy::One => ("all to one".to_owned(), "#252525"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::grid::Run;
    use crate::placement::interval::Interval;
    use crate::placement::outcome::Outcome;
    use crate::placement::scenario::Scenario;

    fn compared(policy: Policy, interval: Interval, latency: f64) -> Comparison {
        let scenario = Scenario {
            workers: BASELINE_WORKERS,
            load: 70,
            sigma: SIGMA,
            churn: false,
            jobs: 1,
            seed: 1,
        };
        Comparison {
            run: Run {
                scenario,
                policy,
                interval,
            },
            ours: Outcome::of(&[latency, latency], 1e6),
            oracle: Outcome::of(&[1.0, 1.0], 1e6),
        }
    }

    #[test]
    fn every_policy_has_a_line_and_the_axes_have_labels() {
        let mut all: Vec<Comparison> = Interval::ALL
            .map(|interval| compared(Policy::LeastProjected, interval, 1.02))
            .into();
        all.push(compared(Policy::LeastCpu, Interval::DEFAULT, 40.0));
        let drawn = draw(&all);
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
        for word in [
            "70 % load",
            "ours, 100 workers",
            "raw least CPU",
            "30 ms",
            "10 s",
            "time between two reports",
        ] {
            assert!(drawn.contains(word), "{word}: {drawn}");
        }
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }
}
