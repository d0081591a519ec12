//! Table of a benchmark's document.

use std::fmt::Write as _;

use super::document::Document;
use super::goal::{Goals, goal_of};
use super::rounding::round;

/// Prints a benchmark's result: one JSON document, or a table with the goals.
///
/// # Errors
/// When the document has no JSON.
pub fn print(document: &Document, is_json: bool, goals: Goals) -> anyhow::Result<()> {
    match is_json {
        true => println!("{}", serde_json::to_string(document)?),
        false => print!("{}", table(document, goals)),
    }
    Ok(())
}

/// One line per figure, then the machine, then the missing peers.
pub fn table(document: &Document, goals: Goals) -> String {
    let rows: Vec<[String; 5]> = document
        .figures
        .iter()
        .map(|figure| {
            let goal = goal_of(goals, &figure.name);
            [
                figure.name.clone(),
                format!("{} {}", round(figure.value), figure.unit),
                goal.map_or(String::new(), |goal| goal.to_string()),
                match goal.map(|goal| goal.is_met(figure.value)) {
                    Some(true) => "met".into(),
                    Some(false) => "NOT MET".into(),
                    None => String::new(),
                },
                format!("{} (n = {})", figure.note, figure.n),
            ]
        })
        .collect();
    let width = |at: usize| {
        rows.iter()
            .map(|row| row[at].chars().count())
            .max()
            .unwrap_or(0)
    };
    let [name, value, goal, met] = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for row in &rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:name$}  {:>value$}  {:goal$}  {:met$}  {}",
            row[0], row[1], row[2], row[3], row[4]
        );
    }
    let _ = writeln!(text, "\nmachine: {}", document.machine.summary());
    if !document.missing.is_empty() {
        let _ = writeln!(text, "missing: {}", document.missing.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;
    use crate::goal::Goal;
    use crate::machine::Machine;

    #[test]
    fn each_figure_has_its_goal_beside_it() {
        let mut document = Document::new(Machine::here());
        for (name, value) in [("fast", 3.0), ("slow", 1.0), ("other", 7.0)] {
            document
                .figures
                .push(Figure::new(name, value, "x", 1, "why"));
        }
        document.missing.push("steghide".into());
        let goals: Goals = &[("fast", Goal::AtLeast(2.5)), ("slow", Goal::AtLeast(2.5))];
        let text = table(&document, goals);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].contains(">= 2.5") && lines[0].contains(" met"),
            "{text}"
        );
        assert!(lines[1].contains("NOT MET"), "{text}");
        assert!(!lines[2].contains("met"), "{text}");
        assert!(text.ends_with("missing: steghide\n"), "{text}");
    }
}
