//! Effects of commands beside their output, for messages where it was cut short or not written.

/// Whether a command changes nothing at others and nothing that it could lose.
pub(super) fn only_reads(verb: &str) -> bool {
    READING.contains(&verb)
}

const READING: [&str; 9] = [
    "gallery",
    "inbox",
    "inspect",
    "log",
    "requests",
    "shared",
    "status",
    "who",
    "device list",
];

#[cfg(test)]
mod tests {
    use super::super::{command, interrupt, unknown_outcome};
    use super::*;

    /// The names of all commands, in the form of `Verb::name`.
    fn names() -> Vec<String> {
        let mut names = Vec::new();
        for verb in command().get_subcommands() {
            let below: Vec<_> = verb.get_subcommands().collect();
            match below.is_empty() {
                true => names.push(verb.get_name().to_owned()),
                false => names.extend(
                    below
                        .iter()
                        .map(|below| format!("{} {}", verb.get_name(), below.get_name())),
                ),
            }
        }
        names
    }

    #[test]
    fn every_name_in_the_tables_of_messages_is_that_of_a_command() {
        // given the names of the commands, of which one is split further
        let names = names();
        for name in ["view", "device new"] {
            assert!(names.iter().any(|known| known == name), "{names:?}");
        }
        // then each table has only such names, and none twice
        let first = |table: &[(&'static str, &str)]| -> Vec<&'static str> {
            table.iter().map(|(verb, _)| *verb).collect()
        };
        for table in [
            READING.to_vec(),
            first(&interrupt::AFTERWARDS),
            first(&unknown_outcome::NEXT_STEPS),
        ] {
            for (at, verb) in table.iter().enumerate() {
                assert!(names.iter().any(|name| name == verb), "{verb}");
                assert!(!table[..at].contains(verb), "{verb} twice");
            }
        }
    }
}
