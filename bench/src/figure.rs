//! Figures: single numbers measured by a benchmark, with their origin.

use serde::Serialize;

use super::rounding::round;
use super::runs::Runs;

/// One measured number. Speed ratios are theirs / ours: above 1 we are faster. Cost ratios are ours
/// / theirs: below 1 we are cheaper.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// Number of runs, or pictures, whose median or extreme is `value`.
    pub n: usize,
    /// Absolute numbers behind a ratio, the spread, and the conditions.
    pub note: String,
}

impl Figure {
    pub fn new(
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        n: usize,
        note: impl Into<String>,
    ) -> Self {
        Figure {
            name: name.into(),
            value,
            unit,
            n,
            note: note.into(),
        }
    }

    /// Median time of some runs.
    pub fn time(name: impl Into<String>, runs: &Runs, note: &str) -> Self {
        let note = format!(
            "{}..{} ms{}",
            round(runs.min()),
            round(runs.max()),
            suffix(note)
        );
        Self::new(name, runs.median(), "ms", runs.len(), note)
    }

    /// Speed ratio: theirs / ours.
    pub fn speed(
        name: impl Into<String>,
        ours: &Runs,
        peer: &str,
        theirs: &Runs,
        note: &str,
    ) -> Self {
        let value = theirs.median() / ours.median();
        let note = format!("ours {ours}, {peer} {theirs}{}", suffix(note));
        Self::new(name, value, "x", ours.len().min(theirs.len()), note)
    }

    /// Cost ratio: ours / theirs.
    pub fn cost(
        name: impl Into<String>,
        ours: &Runs,
        peer: &str,
        theirs: &Runs,
        note: &str,
    ) -> Self {
        let value = ours.median() / theirs.median();
        let note = format!("ours {ours}, {peer} {theirs}{}", suffix(note));
        Self::new(name, value, "x", ours.len().min(theirs.len()), note)
    }
}

fn suffix(note: &str) -> String {
    match note {
        "" => String::new(),
        note => format!("; {note}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(times: &[f64]) -> Runs {
        times.iter().copied().collect()
    }

    #[test]
    fn a_speed_above_one_means_that_ours_is_faster() {
        let figure = Figure::speed("a", &runs(&[10.0, 12.0, 11.0]), "peer", &runs(&[33.0]), "");
        assert_eq!((figure.value, figure.n), (3.0, 1));
        assert_eq!(
            figure.note,
            "ours 11.0 ms (10.0..12.0), peer 33.0 ms (33.0..33.0)"
        );
    }

    #[test]
    fn a_cost_below_one_means_that_ours_is_cheaper() {
        let figure = Figure::cost("a", &runs(&[10.0]), "memcpy", &runs(&[40.0]), "two threads");
        assert_eq!(figure.value, 0.25);
        assert!(figure.note.ends_with("; two threads"));
    }
}
