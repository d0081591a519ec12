//! The source of the state at a start, and the reason for it.

use std::fmt;

/// The source of the state at a start. Entries after it are applied from the log, and what the log
/// lacks comes from other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The directory was empty.
    Nothing,
    /// The database, whose rows have their digest.
    State { applied: Option<u64> },
    /// A snapshot, because the database could not be used.
    Snapshot {
        applied: Option<u64>,
        is_own: bool,
        why: String,
    },
    /// The log alone, from its beginning.
    Log { why: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("the data directory is new"),
            Self::State { applied } => {
                write!(
                    f,
                    "the state is taken from its database, {}",
                    up_to(*applied)
                )
            }
            Self::Snapshot {
                applied,
                is_own,
                why,
            } => {
                let whose = match is_own {
                    true => "this node's snapshot",
                    false => "the snapshot that another node has sent",
                };
                let up_to = up_to(*applied);
                write!(
                    f,
                    "the state is rebuilt from {whose}, {up_to}, and the log (its database: {why})"
                )
            }
            Self::Log { why } => write!(
                f,
                "the state is rebuilt from the log alone (its database: {why})"
            ),
        }
    }
}

fn up_to(applied: Option<u64>) -> String {
    applied.map_or("without an entry".to_owned(), |index| {
        format!("up to entry {index}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_says_which_source_and_why() {
        let snapshot = Source::Snapshot {
            applied: Some(41),
            is_own: false,
            why: "it is damaged: its rows differ from its digest".to_owned(),
        };
        assert_eq!(
            snapshot.to_string(),
            "the state is rebuilt from the snapshot that another node has sent, up to entry 41, \
             and the log (its database: it is damaged: its rows differ from its digest)"
        );
        let state = Source::State { applied: None };
        assert!(state.to_string().ends_with("database, without an entry"));
    }
}
