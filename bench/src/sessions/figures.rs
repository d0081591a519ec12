//! The figures of sessions: of the first window and the last, and of all.

use super::window::Window;
use crate::document::Document;
use crate::figure::Figure;
use crate::rounding::round;

/// What was held, and what its windows have shown.
#[derive(Debug)]
pub struct Held {
    pub sessions: u32,
    pub connections: u32,
    pub windows: Vec<Window>,
    /// Windows that were measured again.
    pub again: usize,
}

/// Adds all figures.
pub fn sessions(document: &mut Document, held: &Held) {
    let (Some(first), Some(last)) = (held.windows.first(), held.windows.last()) else {
        return;
    };
    let count = held.windows.len();
    let entries: u64 = held.windows.iter().map(|window| window.entries).sum();
    let minutes: f64 = held.windows.iter().map(|window| window.minutes).sum();
    let note = format!(
        "{} sessions, {} of them with a stream; {entries} entries in {} minutes{}",
        held.sessions,
        held.connections,
        round(minutes),
        disturbances(held),
    );
    let rate = entries as f64 / minutes;
    let name = "sessions_log_entries_per_minute";
    let mut figures = vec![Figure::new(name, rate, "/min", count, note)];
    for (when, window) in [("first", first), ("last", last)] {
        let name = format!("sessions_cpu_percent_{when}");
        let note = each("of a core", &window.cpu);
        figures.push(Figure::new(name, mean(&window.cpu), "%", count, note));
    }
    for (when, window) in [("first", first), ("last", last)] {
        let name = format!("sessions_memory_mib_{when}");
        let note = each("resident", &window.memory);
        figures.push(Figure::new(name, mean(&window.memory), "MiB", count, note));
    }
    document.figures.extend(figures);
}

/// Windows that were not as they should be.
fn disturbances(held: &Held) -> String {
    let mut told = String::new();
    if held.again > 0 {
        told += &format!("; {} disturbed windows measured again", held.again);
    }
    let disturbed = held.windows.iter().filter(|window| window.is_disturbed);
    match disturbed.count() {
        0 => {}
        count => told += &format!("; {count} of the windows disturbed"),
    }
    told
}

/// The mean, behind which each node is told.
fn each(what: &str, values: &[f64]) -> String {
    let values: Vec<_> = values.iter().map(|value| round(*value)).collect();
    format!("{what}, mean of the nodes: {}", values.join(", "))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;

    fn window(entries: u64, cpu: f64, memory: f64) -> Window {
        Window {
            entries,
            minutes: 2.0,
            cpu: vec![cpu, cpu + 2.0],
            memory: vec![memory; 2],
            is_disturbed: false,
        }
    }

    #[test]
    fn the_first_window_is_shown_beside_the_last_and_entries_of_all_count() {
        // Given
        let held = Held {
            sessions: 50,
            connections: 10,
            windows: vec![
                window(0, 3.0, 80.0),
                window(9, 9.0, 99.0),
                window(1, 4.0, 81.0),
            ],
            again: 1,
        };
        let mut document = Document::new(Machine::here());

        // When
        sessions(&mut document, &held);

        // Then
        let value = |name| document.figure(name).map(|figure| figure.value);
        let rate = value("sessions_log_entries_per_minute");
        assert!(rate.is_some_and(|rate| (rate - 10.0 / 6.0).abs() < 1e-9));
        assert_eq!(value("sessions_cpu_percent_first"), Some(4.0));
        assert_eq!(value("sessions_cpu_percent_last"), Some(5.0));
        assert_eq!(value("sessions_memory_mib_first"), Some(80.0));
        assert_eq!(value("sessions_memory_mib_last"), Some(81.0));
        assert!(
            document.figures[0]
                .note
                .ends_with("1 disturbed windows measured again")
        );
    }
}
