//! The figures of a scenario, from the windows of all sides.

use super::lane::Lane;
use super::window::Window;
use crate::document::Document;
use crate::figure::Figure;
use crate::rounding::round;
use crate::runs::median;

/// A number of a window, and which of two is better.
struct Measure {
    unit: &'static str,
    more_is_better: bool,
    of: fn(&Window) -> f64,
}

const RATE: Measure = Measure {
    unit: "/s",
    more_is_better: true,
    of: |window| window.rate,
};
const HALF: Measure = Measure {
    unit: "ms",
    more_is_better: false,
    of: |window| window.times.percentile(50.0) * 1e3,
};
const P99: Measure = Measure {
    unit: "ms",
    more_is_better: false,
    of: |window| window.times.percentile(99.0) * 1e3,
};
const CPU: Measure = Measure {
    unit: "us",
    more_is_better: false,
    of: |window| window.cpu_us,
};

/// The figures of a call, ours and then the lanes of etcd.
pub fn compare(document: &mut Document, name: &str, clients: usize, lanes: &[Lane]) {
    let figures = &mut document.figures;
    figures.extend(ratio(format!("{name}_{clients}_vs_etcd"), &RATE, lanes));
    figures.extend(ratio(format!("{name}_p50_{clients}_vs_etcd"), &HALF, lanes));
    figures.extend(ratio(format!("{name}_p99_{clients}_vs_etcd"), &P99, lanes));
    figures.extend(ratio(
        format!("cpu_per_{name}_{clients}_vs_etcd"),
        &CPU,
        lanes,
    ));
}

/// The figures of whole views: at one client beside a put, and ours alone.
pub fn views(document: &mut Document, clients: usize, lanes: &[Lane]) {
    let figures = &mut document.figures;
    if clients == 1 {
        figures.extend(ratio("view_vs_put_1".to_owned(), &HALF, lanes));
    }
    let alone = &lanes[..lanes.len().min(1)];
    figures.extend(ratio(format!("view_{clients}_per_second"), &RATE, alone));
    figures.extend(ratio(format!("cpu_per_view_{clients}"), &CPU, alone));
}

/// Ours / the better of etcd's ways, by this measure; without etcd, ours alone.
fn ratio(name: String, measure: &Measure, lanes: &[Lane]) -> Option<Figure> {
    let (ours, theirs) = lanes.split_first()?;
    let own = ours.all(measure.of);
    let peers = theirs.iter().map(|lane| (lane.name, lane.all(measure.of)));
    let best = peers.min_by(|(_, a), (_, b)| {
        let order = median(a).total_cmp(&median(b));
        if measure.more_is_better {
            order.reverse()
        } else {
            order
        }
    });
    let mut note = format!("ours {}", spread(&own, measure.unit));
    let (mut value, mut unit) = (median(&own), measure.unit);
    if let Some((name, peer)) = best {
        note.push_str(&format!(", {name} {}", spread(&peer, measure.unit)));
        (value, unit) = (value / median(&peer), "x");
    }
    let again: usize = lanes.iter().map(|lane| lane.disturbed).sum();
    if again > 0 {
        note.push_str(&format!("; {again} disturbed windows measured again"));
    }
    Some(Figure::new(name, value, unit, own.len(), note))
}

/// Median, least and most.
fn spread(values: &[f64], unit: &str) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [median, least, most] = [median(values), least, most].map(round);
    format!("{median} {unit} ({least}..{most})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantile::Times;

    fn lane(name: &'static str, rate: f64, cpu_us: f64) -> Lane {
        let mut lane = Lane::new(name, Vec::new());
        lane.windows.push(Window {
            rate,
            times: Times::of(vec![0.001]),
            cpu_us,
            others: 0.0,
        });
        lane
    }

    #[test]
    fn the_better_of_etcds_ways_counts_in_each_figure() {
        let lanes = [
            lane("ours", 1_000.0, 300.0),
            lane("gRPC", 2_000.0, 200.0),
            lane("gateway", 500.0, 100.0),
        ];
        let mut document = Document::new(crate::machine::Machine::here());
        compare(&mut document, "write", 16, &lanes);
        let value = |name| {
            document
                .figure(name)
                .map(|figure| (figure.value, figure.unit))
        };
        assert_eq!(value("write_16_vs_etcd"), Some((0.5, "x")));
        assert_eq!(value("cpu_per_write_16_vs_etcd"), Some((3.0, "x")));
    }

    #[test]
    fn without_etcd_a_figure_is_ours_in_its_unit() {
        let lanes = [lane("ours", 1_000.0, 300.0)];
        let figure = ratio("write_16_vs_etcd".to_owned(), &RATE, &lanes);
        assert!(figure.is_some_and(|figure| (figure.value, figure.unit) == (1_000.0, "/s")));
    }
}
