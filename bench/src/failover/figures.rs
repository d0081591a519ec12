//! The figures of failover, from the gaps of both sides.

use std::time::Duration;

use super::gap::Gap;
use super::series::{Gaps, ReadBack};
use super::stall_meter::STALL;
use super::steady::{Election, Steady, UnderLoad};
use crate::document::Document;
use crate::figure::Figure;
use crate::others::is_disturbed;
use crate::rounding::round;
use crate::runs::Runs;

/// The rounds of both sides, and what was read back.
#[derive(Debug)]
pub struct Sides<'a> {
    pub ours: (&'a Gaps, ReadBack),
    pub etcd: Option<(&'a Gaps, ReadBack)>,
}

/// Figures of leaders that were killed.
pub fn failover(document: &mut Document, sides: &Sides<'_>) {
    let (ours, read) = sides.ours;
    let own = times(ours, |gap| gap.longest);
    let mut note = side("ours", ours, read);
    if let Some((theirs, read)) = sides.etcd {
        note = format!("{note}; {}", side("etcd", theirs, read));
    }
    let figures = &mut document.figures;
    let mut add = |name: &str, value, unit, n| {
        figures.push(Figure::new(name, value, unit, n, note.clone()));
    };
    add("failover_gap_ms_median", own.median(), "ms", own.len());
    add("failover_gap_ms_max", own.max(), "ms", own.len());
    if let Some((theirs, _)) = sides.etcd {
        let theirs = times(theirs, |gap| gap.longest);
        let (n, median) = (own.len().min(theirs.len()), own.median() / theirs.median());
        add("failover_gap_vs_etcd", median, "x", n);
        add("failover_gap_max_vs_etcd", own.max() / theirs.max(), "x", n);
    }
}

/// Figures of leaders that were stopped.
pub fn handover(document: &mut Document, ours: &Gaps, etcd: Option<&Gaps>) {
    let own = times(ours, |gap| gap.longest);
    let theirs = etcd.map(|etcd| times(etcd, |gap| gap.longest));
    let mut note = format!("ours {own}{}", rounds(ours));
    if let Some((theirs, etcd)) = theirs.as_ref().zip(etcd) {
        note = format!("{note}; etcd {theirs}{}", rounds(etcd));
    }
    let figures = &mut document.figures;
    for (name, value) in [("median", own.median()), ("max", own.max())] {
        let name = format!("handover_gap_ms_{name}");
        figures.push(Figure::new(name, value, "ms", own.len(), note.clone()));
    }
    if let Some(theirs) = theirs {
        let (n, ratio) = (own.len().min(theirs.len()), own.median() / theirs.median());
        figures.push(Figure::new("handover_gap_vs_etcd", ratio, "x", n, note));
    }
}

/// Figures of full load without the end of a leader, which lasted so long on each side.
pub fn load(document: &mut Document, shown: &UnderLoad, length: Duration) {
    let mut add = |name: &str, side: &Steady, snapshots: &str| {
        let counted = side
            .elections
            .iter()
            .filter(|election| !election.after_stall);
        let counted = counted.map(|election| election.terms).sum::<u64>();
        let note = format!(
            "{} s of {} writes{snapshots} beside {} image jobs of all the time; {} stalls of this \
             machine above {} ms{}",
            length.as_secs(),
            side.writes,
            shown.jobs,
            side.stalls,
            STALL.as_millis(),
            elections(&side.elections),
        );
        let figure = Figure::new(name, counted as f64, "elections", 1, note);
        document.figures.push(figure);
    };
    let snapshots = format!(" and {} snapshots of our nodes", shown.snapshots);
    add("load_elections", &shown.ours, &snapshots);
    if let Some(etcd) = &shown.etcd {
        add("load_elections_etcd", etcd, "");
    }
    document.figures.push(jobs_factor(shown));
}

/// How much longer writes take beside jobs: p99 of both, ours alone.
fn jobs_factor(shown: &UnderLoad) -> Figure {
    let (idle, busy) = (&shown.idle, &shown.ours);
    let [before, beside] = [idle.steady.p99, busy.p99].map(|p99| round(p99 * 1e3));
    let mut note = format!(
        "p99 {before} ms of {} writes without jobs, then {beside} of {} beside them",
        idle.steady.writes, busy.writes
    );
    if idle.is_second {
        note += ", without jobs measured again";
    }
    if idle.is_disturbed() {
        note += ", disturbed without jobs";
    }
    // The jobs stall the machine, too: others are told by their CPU alone.
    if is_disturbed(busy.others) {
        note += ", disturbed beside jobs";
    }
    let factor = busy.p99 / idle.steady.p99;
    Figure::new("jobs_write_p99_factor", factor, "x", 1, note)
}

fn elections(seen: &[Election]) -> String {
    let told = |election: &Election| {
        let excuse = match election.after_stall {
            true => " (after a stall, not counted)",
            false => "",
        };
        let (terms, at) = (election.terms, election.at.as_secs_f64());
        format!("; {terms} new terms at {at:.1} s{excuse}")
    };
    seen.iter().map(told).collect()
}

fn side(name: &str, gaps: &Gaps, read: ReadBack) -> String {
    format!(
        "{name} {}, from the kill to the first new write {}{}, {} writes acknowledged, {} read \
         back after the death of all nodes{}",
        times(gaps, |gap| gap.longest),
        times(gaps, |gap| gap.to_first_write),
        rounds(gaps),
        read.acknowledged,
        read.read.found,
        match read.read.too_old {
            0 => String::new(),
            too_old => format!(", {too_old} of the sample too old to be asked for"),
        },
    )
}

/// Rounds that were not as they should be.
fn rounds(gaps: &Gaps) -> String {
    let mut told = String::new();
    if gaps.again > 0 {
        told += &format!(", {} rounds measured again", gaps.again);
    }
    if gaps.disturbed > 0 {
        told += &format!(", {} of the rounds disturbed", gaps.disturbed);
    }
    told
}

fn times(gaps: &Gaps, of: impl Fn(&Gap) -> Duration) -> Runs {
    let milliseconds = |gap| of(gap).as_secs_f64() * 1e3;
    gaps.gaps.iter().map(milliseconds).collect()
}

#[cfg(test)]
mod tests {
    use super::super::read_back::Read;
    use super::super::steady::Idle;
    use super::*;
    use crate::machine::Machine;

    const READ: ReadBack = ReadBack {
        acknowledged: 900,
        read: Read {
            found: 100,
            too_old: 7,
        },
    };

    fn gaps(milliseconds: &[u64], disturbed: usize) -> Gaps {
        let gap = |ms: &u64| Gap {
            longest: Duration::from_millis(*ms),
            to_first_write: Duration::from_millis(*ms - 1),
        };
        Gaps {
            gaps: milliseconds.iter().map(gap).collect(),
            disturbed,
            again: 3 * disturbed,
        }
    }

    #[test]
    fn given_both_sides_then_ratios_are_ours_by_etcds() {
        // Given
        let (ours, etcd) = (gaps(&[300, 310, 400], 2), gaps(&[1240, 1300, 1600], 0));
        let mut document = Document::new(Machine::here());

        // When
        let sides = Sides {
            ours: (&ours, READ),
            etcd: Some((&etcd, READ)),
        };
        failover(&mut document, &sides);

        // Then
        let value = |name| document.figure(name).map(|figure| (figure.value, figure.n));
        assert_eq!(value("failover_gap_ms_median"), Some((310.0, 3)));
        assert_eq!(value("failover_gap_ms_max"), Some((400.0, 3)));
        assert_eq!(value("failover_gap_vs_etcd"), Some((310.0 / 1300.0, 3)));
        assert_eq!(value("failover_gap_max_vs_etcd"), Some((0.25, 3)));
        let note = document.figures[0].note.clone();
        for part in [
            "ours 310 ms (300..400), from the kill to the first new write 309 ms",
            "309 ms (299..399), 6 rounds measured again, 2 of the rounds disturbed, 900 writes",
            "etcd 1300 ms (1240..1600)",
            "900 writes acknowledged, 100 read back after the death of all nodes, 7 of the sample",
        ] {
            assert!(note.contains(part), "{note}");
        }
    }

    #[test]
    fn given_no_etcd_then_there_are_no_ratios() {
        let ours = gaps(&[300], 0);
        let mut document = Document::new(Machine::here());
        let sides = Sides {
            ours: (&ours, READ),
            etcd: None,
        };
        failover(&mut document, &sides);
        handover(&mut document, &gaps(&[12, 18], 0), None);
        let names: Vec<_> = document
            .figures
            .iter()
            .map(|figure| &*figure.name)
            .collect();
        let expected = [
            "failover_gap_ms_median",
            "failover_gap_ms_max",
            "handover_gap_ms_median",
            "handover_gap_ms_max",
        ];
        assert_eq!(names, expected);
        assert_eq!(document.figures[3].value, 18.0);
    }

    #[test]
    fn given_both_sides_then_handovers_are_compared() {
        let mut document = Document::new(Machine::here());
        let (ours, etcd) = (gaps(&[10, 14, 30], 1), gaps(&[20, 28, 29], 0));
        handover(&mut document, &ours, Some(&etcd));
        let ratio = document.figure("handover_gap_vs_etcd");
        assert_eq!(ratio.map(|figure| (figure.value, figure.n)), Some((0.5, 3)));
        let note = &document.figures[0].note;
        assert!(note.ends_with("; etcd 28.0 ms (20.0..29.0)"), "{note}");
    }

    #[test]
    fn an_election_after_a_stall_is_told_and_not_counted() {
        // Given
        let idle = Steady {
            elections: Vec::new(),
            writes: 2000,
            p99: 0.004,
            stalls: 0,
            others: 0.0,
        };
        let election = |seconds, after_stall| Election {
            at: Duration::from_secs(seconds),
            terms: 2,
            after_stall,
        };
        let shown = UnderLoad {
            idle: Idle {
                steady: idle,
                is_second: true,
            },
            ours: Steady {
                elections: vec![election(5, true), election(9, false)],
                writes: 1000,
                p99: 0.007,
                stalls: 1,
                others: 0.4,
            },
            etcd: None,
            snapshots: 31,
            jobs: 40,
        };
        let mut document = Document::new(Machine::here());

        // When
        load(&mut document, &shown, Duration::from_secs(60));

        // Then
        let figure = &document.figures[0];
        assert_eq!((&*figure.name, figure.value), ("load_elections", 2.0));
        let expected = "60 s of 1000 writes and 31 snapshots of our nodes beside 40 image jobs of \
                        all the time; 1 stalls of this machine above 50 ms; 2 new terms at 5.0 s \
                        (after a stall, not counted); 2 new terms at 9.0 s";
        assert_eq!(figure.note, expected);
        let factor = &document.figures[1];
        assert_eq!(
            (&*factor.name, factor.value),
            ("jobs_write_p99_factor", 1.75)
        );
        let expected = "p99 4.00 ms of 2000 writes without jobs, then 7.00 of 1000 beside them, \
                        without jobs measured again, disturbed beside jobs";
        assert_eq!(factor.note, expected);
    }
}
