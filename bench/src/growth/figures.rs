//! The figures of growth: of the last level, beside the first.

use super::level::Level;
use super::soak::Soak;
use crate::core::window::Window;
use crate::document::Document;
use crate::figure::Figure;
use crate::rounding::round;

/// Adds the figures of the last level, compared with the first.
pub fn growth(document: &mut Document, levels: &[Level]) {
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else {
        return;
    };
    let mut add = |name: &str, value, unit, note: String| {
        document
            .figures
            .push(Figure::new(name, value, unit, 1, note));
    };
    type Of = fn(&Level) -> &Window;
    let calls: [(&str, Of); 3] = [
        ("write", |level| &level.write),
        ("debit", |level| &level.debit),
        ("read", |level| &level.read),
    ];
    for (name, of) in calls {
        let kept = of(last).rate / of(first).rate;
        add(
            &format!("growth_{name}_kept"),
            kept,
            "x",
            at_levels(levels, |level| {
                let window = of(level);
                format!(
                    "{} /s, {} us of CPU",
                    round(window.rate),
                    round(window.cpu_us)
                )
            }),
        );
    }
    let [before, meanwhile] = last.snapshot.p99;
    add(
        "snapshot_p99_factor",
        meanwhile / before,
        "x",
        at_levels(levels, |level| {
            let [before, meanwhile] = level.snapshot.p99.map(|p99| round(p99 * 1e3));
            format!(
                "{before} ms, then {meanwhile} for {} s",
                round(level.snapshot.seconds)
            )
        }),
    );
    let silence = last.snapshot.longest_silence.as_secs_f64() * 1e3;
    add(
        "longest_silence_ms",
        silence,
        "ms",
        "writes beside that snapshot".to_owned(),
    );
    let restart = last.restarts.stopped.max(last.restarts.killed);
    add(
        "restart_seconds",
        restart,
        "s",
        at_levels(levels, |level| {
            let restarts = &level.restarts;
            format!(
                "{} s after SIGTERM, {} after SIGKILL",
                round(restarts.stopped),
                round(restarts.killed)
            )
        }),
    );
    add(
        "rebuild_seconds",
        last.restarts.rebuilt,
        "s",
        at_levels(levels, |level| {
            format!("{} s", round(level.restarts.rebuilt))
        }),
    );
    for (name, value, of) in [
        (
            "memory",
            per_grant(first, last, |level| level.sizes.memory),
            memory as fn(&Level) -> u64,
        ),
        (
            "disk",
            per_grant(first, last, |level| level.sizes.disk),
            disk,
        ),
        (
            "disk_most",
            per_grant(first, last, |level| level.snapshot.disk),
            most,
        ),
    ] {
        let name = format!("bytes_per_grant_{name}");
        add(
            &name,
            value,
            "B",
            at_levels(levels, |level| {
                format!("{} MB a node", round(of(level) as f64 / 1e6))
            }),
        );
    }
    let [alone, beside] = last.behind.rates;
    add(
        "behind_rate_kept",
        beside / alone,
        "x",
        at_levels(levels, |level| {
            let [alone, beside] = level.behind.rates.map(round);
            format!(
                "{alone} /s, then {beside} for {} s",
                round(level.behind.seconds)
            )
        }),
    );
}

pub fn soak(document: &mut Document, soak: &Soak) {
    let minutes = round(soak.minutes);
    let elections = Figure::new(
        "soak_elections",
        soak.elections as f64,
        "",
        1,
        format!("{minutes} minutes of writes and debits in turn"),
    );
    let [first, last] = soak.cpu_us;
    let [before, after] = soak.sizes;
    let [least, most] = soak.rates.map(round);
    let megabytes = |bytes: u64| round(bytes as f64 / 1e6);
    let cpu = Figure::new(
        "soak_cpu_growth",
        last / first,
        "x",
        1,
        format!(
            "{} us a write, then {}; {least}..{most} /s; a node's memory {} MB, then {}; its disk \
             {} MB, then {}",
            round(first),
            round(last),
            megabytes(before.memory),
            megabytes(after.memory),
            megabytes(before.disk),
            megabytes(after.disk)
        ),
    );
    document.figures.extend([elections, cpu]);
}

fn memory(level: &Level) -> u64 {
    level.sizes.memory
}

fn disk(level: &Level) -> u64 {
    level.sizes.disk
}

fn most(level: &Level) -> u64 {
    level.snapshot.disk
}

/// What each person with a shared photo adds, from the first level to the last; with one level,
/// what each takes of all.
fn per_grant(first: &Level, last: &Level, of: impl Fn(&Level) -> u64) -> f64 {
    let (people, bytes) = (last.people as f64, of(last) as f64);
    match last.people > first.people {
        true => (bytes - of(first) as f64) / (people - first.people as f64),
        false => bytes / people,
    }
}

fn at_levels(levels: &[Level], of: impl Fn(&Level) -> String) -> String {
    let notes = levels
        .iter()
        .map(|level| format!("at {}: {}", level.people, of(level)));
    notes.collect::<Vec<_>>().join("; ")
}
