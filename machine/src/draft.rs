//! The changes of one entry over the state, while the entry is decided.
//!
//! Reads see earlier writes. A draft becomes the changes of a decision or is dropped, so a refusal
//! cannot change anything.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::{Millis, UserName};
use cameo_common::signed::{Signed, Statement, StatementError, Verifier};
use cameo_mutant::{Mutant, added_by_wall_clock, is_planted};

use super::command::Refusal;
use super::rows::{self, Key, LogTime, Row};
use super::sessions::SessionChange;
use super::state_view::{Change, Rows, StateView};

/// The state before an entry, and the rows that the entry writes and deletes.
pub struct Draft<'a> {
    base: &'a dyn StateView,
    verifier: &'a dyn Verifier,
    /// New value by key; `None` for a deleted row.
    written: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    touched: BTreeSet<UserName>,
    sessions: Vec<SessionChange>,
    index: u64,
    time: Millis,
}

impl<'a> Draft<'a> {
    /// A draft for the entry at `index`. Log time never goes back, also when the leader changes.
    pub fn new(
        base: &'a dyn StateView,
        verifier: &'a dyn Verifier,
        index: u64,
        entry_time: Millis,
    ) -> Self {
        let previous = rows::get::<LogTime>(base, &()).map_or(Millis::EPOCH, |row| row.0);
        let mut draft = Self {
            base,
            verifier,
            written: BTreeMap::new(),
            touched: BTreeSet::new(),
            sessions: Vec::new(),
            index,
            time: previous.max(entry_time).plus_millis(added_by_wall_clock()),
        };
        if draft.time > previous {
            draft.put(&(), &LogTime(draft.time));
        }
        draft
    }

    /// Log index of the entry.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Log time at this entry.
    pub fn time(&self) -> Millis {
        self.time
    }

    /// The verifier of signatures, for rules that are not the machine's alone.
    pub fn verifier(&self) -> &dyn Verifier {
        self.verifier
    }

    /// The content of a statement, after its signature is verified (law L8).
    pub fn verify<T: Statement>(&self, signed: &Signed<T>) -> Result<T, Refusal> {
        let unchecked =
            is_planted(Mutant::SignatureUnchecked) || is_planted(Mutant::ReplicaDoesNotVerify);
        let content = if unchecked {
            signed.unverified()
        } else {
            signed.verify_by(self.verifier)
        };
        content.map_err(|error| match error {
            StatementError::BadSignature(_) => Refusal::BadSignature,
            _ => Refusal::Malformed,
        })
    }

    /// The row under a key.
    pub fn get<R: Row>(&self, key: &R::Key) -> Option<R> {
        rows::get(self, key)
    }

    /// A row that must exist because another row refers to it.
    pub fn require<R: Row>(&self, key: &R::Key) -> R {
        rows::require(self, key)
    }

    /// At most `limit` rows whose key begins with `part`, in key order.
    pub fn scan<R: Row>(&self, part: &impl Key, limit: usize) -> Vec<(R::Key, R)> {
        rows::scan(self, part, None, limit)
    }

    /// The same, from the first one on whose key begins with `from` or is greater. Where rows are
    /// removed from the front, a scan without it passes over all that were removed of late.
    pub fn scan_from<R: Row>(
        &self,
        part: &impl Key,
        from: &impl Key,
        limit: usize,
    ) -> Vec<(R::Key, R)> {
        rows::scan_from(self, part, from, limit)
    }

    /// Writes a row.
    pub fn put<R: Row>(&mut self, key: &R::Key, row: &R) {
        self.written
            .insert(rows::key_bytes::<R>(key), Some(row.encode()));
    }

    /// Writes a row of another state, which has been read before.
    pub fn put_as_is(&mut self, key: &[u8], value: &[u8]) {
        self.written.insert(key.to_vec(), Some(value.to_vec()));
    }

    /// Deletes a row.
    pub fn delete<R: Row>(&mut self, key: &R::Key) {
        self.written.insert(rows::key_bytes::<R>(key), None);
    }

    /// Marks a user whose event stream or sessions change.
    pub fn touch(&mut self, user: &UserName) {
        self.touched.insert(user.clone());
    }

    /// Notes that a session has begun or ended.
    pub fn session_changed(&mut self, change: SessionChange) {
        self.sessions.push(change);
    }

    /// The changes in key order, the marked users in order of name, and the changes of sessions.
    pub fn finish(self) -> (Vec<Change>, Vec<UserName>, Vec<SessionChange>) {
        let changes = self.written.into_iter().map(|(key, value)| match value {
            Some(value) => Change::Put { key, value },
            None => Change::Delete { key },
        });
        let users = self.touched.into_iter().collect();
        (changes.collect(), users, self.sessions)
    }
}

impl StateView for Draft<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.written.get(key) {
            Some(written) => written.clone(),
            None => self.base.get(key),
        }
    }

    fn read(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) {
        match self.written.get(key) {
            Some(Some(written)) => read(written),
            Some(None) => {}
            None => self.base.read(key, read),
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Rows {
        let start = prefix.max(from).to_vec();
        let written = self.written.range(start..);
        let written: Vec<_> = written
            .take_while(|(key, _)| key.starts_with(prefix))
            .collect();
        // Each deleted row may hide one row of the base, so that many more are read.
        let deleted = written.iter().filter(|(_, value)| value.is_none()).count();
        let base = self.base.scan(prefix, from, limit.saturating_add(deleted));
        let mut rows: BTreeMap<_, _> = base.into_iter().collect();
        for (key, value) in written {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        rows.into_iter().take(limit).collect()
    }
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("index", &self.index)
            .field("time", &self.time)
            .field("written", &self.written.len())
            .finish_non_exhaustive()
    }
}
