//! Rows of several sources in one order of keys.

use std::ops::Bound;

use cameo_machine::Rows;

use super::database::{ROW_PREFIX, readable, row_key};
use super::row::{Key, Value, owned};

/// A row as it lies in sled or in memory.
pub(super) enum Row<'a> {
    Stored(sled::IVec, sled::IVec),
    Resident(&'a [u8], &'a [u8]),
}

impl Row<'_> {
    fn key(&self) -> &[u8] {
        match self {
            Self::Stored(key, _) => &key[1..],
            Self::Resident(key, _) => key,
        }
    }

    fn into_pair(self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Stored(key, value) => (key[1..].to_vec(), value.to_vec()),
            Self::Resident(key, value) => (key.to_vec(), value.to_vec()),
        }
    }
}

impl<'a> From<(&'a [u8], &'a [u8])> for Row<'a> {
    fn from((key, value): (&'a [u8], &'a [u8])) -> Self {
        Self::Resident(key, value)
    }
}

/// The rows in sled, from `start` on.
pub(super) fn stored<'a>(
    database: &sled::Db,
    start: Bound<&[u8]>,
) -> impl Iterator<Item = Row<'a>> + use<'a> {
    let lower = match start {
        Bound::Included(key) => Bound::Included(row_key(key)),
        Bound::Excluded(key) => Bound::Excluded(row_key(key)),
        Bound::Unbounded => Bound::Included(vec![ROW_PREFIX]),
    };
    let rows = database.range::<Vec<u8>, _>((lower, Bound::Unbounded));
    rows.map(readable)
        .take_while(|(key, _)| key[0] == ROW_PREFIX)
        .map(|(key, value)| Row::Stored(key, value))
}

/// Two sources without a common key.
pub(super) fn merged<'a>(
    one: impl Iterator<Item = Row<'a>>,
    other: impl Iterator<Item = Row<'a>>,
) -> impl Iterator<Item = Row<'a>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if first.key() < second.key() => one.next(),
        (Some(_), None) => one.next(),
        _ => other.next(),
    })
}

/// At most `limit` rows that start with `prefix`: a change, if there is one, or else the row below.
pub(super) fn overlaid<'a>(
    changed: impl Iterator<Item = (&'a Key, &'a Value)>,
    base: impl Iterator<Item = Row<'a>>,
    prefix: &[u8],
    limit: usize,
) -> Rows {
    let changed = changed.take_while(|(key, _)| key.starts_with(prefix));
    let mut changed = changed.peekable();
    let mut base = base
        .take_while(|row| row.key().starts_with(prefix))
        .peekable();
    let mut rows = Rows::new();
    while rows.len() < limit {
        let below = base.peek().map(Row::key);
        match changed.peek() {
            Some((key, _)) if below.is_none_or(|below| &***key <= below) => {
                let hides = below == Some(&***key);
                if hides {
                    base.next();
                }
                let Some(change) = changed.next() else {
                    break;
                };
                rows.extend(owned(change));
            }
            _ => match base.next() {
                Some(row) => rows.push(row.into_pair()),
                None => break,
            },
        }
    }
    rows
}
