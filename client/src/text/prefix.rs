//! Look-up of ids by their first hex digits.

use std::fmt::Display;

use crate::error_kind::{Classified, ErrorKind};

/// Bound on the candidates in the message about an ambiguous prefix.
const SHOWN: usize = 5;

/// A prefix that does not name one id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    #[error("'{0}' is not an id: type its first hex digits")]
    NotHex(String),
    #[error("no {kind} begins with '{prefix}'; {hint}")]
    None {
        kind: &'static str,
        prefix: String,
        hint: &'static str,
    },
    #[error("several ids begin with '{prefix}': {shown}; type more digits")]
    Several { prefix: String, shown: String },
}

impl Classified for PrefixError {
    fn kind(&self) -> ErrorKind {
        match self {
            PrefixError::None { .. } => ErrorKind::NotFound,
            PrefixError::NotHex(_) | PrefixError::Several { .. } => ErrorKind::Usage,
        }
    }
}

/// The only candidate whose text begins with the prefix. `kind` and `hint` are for the message.
///
/// # Errors
/// When no candidate or several begin with the prefix, or it is not hex.
pub fn resolve<T: Display + Copy + PartialEq>(
    prefix: &str,
    candidates: impl IntoIterator<Item = T>,
    kind: &'static str,
    hint: &'static str,
) -> Result<T, PrefixError> {
    let wanted = prefix.to_ascii_lowercase();
    if wanted.is_empty() || !wanted.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(PrefixError::NotHex(prefix.to_owned()));
    }
    let mut found: Vec<T> = Vec::new();
    for candidate in candidates {
        if candidate.to_string().starts_with(&wanted) && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(PrefixError::None {
            kind,
            prefix: prefix.to_owned(),
            hint,
        }),
        several => {
            let shown = several.iter().take(SHOWN).map(|id| short(id));
            Err(PrefixError::Several {
                prefix: prefix.to_owned(),
                shown: shown.collect::<Vec<_>>().join(", "),
            })
        }
    }
}

/// The first 12 digits of an id, for output.
#[must_use]
pub fn short(id: &impl Display) -> String {
    id.to_string().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_common::ids::ImageId;

    fn ids() -> [ImageId; 3] {
        [
            ImageId([0xaa; 16]),
            ImageId([0xab; 16]),
            ImageId([0xcc; 16]),
        ]
    }

    #[test]
    fn a_unique_prefix_is_enough() {
        let found = resolve("c", ids(), "image", "look").unwrap();
        assert_eq!(found, ids()[2]);
        assert_eq!(resolve("AB", ids(), "image", "look").unwrap(), ids()[1]);
    }

    #[test]
    fn the_message_about_an_ambiguous_prefix_lists_the_candidates() {
        let error = resolve("a", ids(), "image", "look").unwrap_err();
        assert!(matches!(error, PrefixError::Several { .. }));
        assert!(error.to_string().contains("aaaaaaaaaaaa, abababababab"));
    }

    #[test]
    fn an_unknown_prefix_is_reported_with_the_remedy() {
        let error = resolve("d", ids(), "image", "list them").unwrap_err();
        assert_eq!(error.to_string(), "no image begins with 'd'; list them");
        assert!(matches!(
            resolve("../x", ids(), "image", ""),
            Err(PrefixError::NotHex(_))
        ));
    }
}
