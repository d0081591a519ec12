//! The versions of a grant's rights, and which of them may have been in force when.

use cameo_common::ids::Hash;

use super::GrantFacts;
use crate::history::{Micros, Terms};

/// One statement of rights that may have been stored.
#[derive(Debug)]
pub(in crate::laws) struct Version<'a> {
    pub terms: &'a Terms,
    /// A row that stored it, or tried to.
    pub row: usize,
    /// No attempt was made before.
    pub first_call: Micros,
    /// It, or a higher one, was certainly stored then.
    pub stored_by: Option<Micros>,
}

/// All statements of one grant, by version.
#[derive(Debug, Default)]
pub(in crate::laws) struct Versions<'a>(Vec<Version<'a>>);

impl<'a> Versions<'a> {
    pub fn of(grant: &GrantFacts<'a>) -> Self {
        let mut versions = Self::default();
        for at in &grant.creates {
            if at.may_count() {
                let stored = at.acked().and(at.ret);
                versions.add(&at.arg.rights, at.row, at.call, stored);
            }
        }
        for at in &grant.puts {
            if at.may_count() {
                let stored = at.acked().and(at.ret);
                versions.add(&at.arg.rights, at.row, at.call, stored);
            }
        }
        for at in &grant.usages {
            if let (Some(usage), Some(ret)) = (at.acked(), at.ret) {
                versions.seen(&usage.statement, ret);
            }
        }
        versions.0.sort_by_key(|version| version.terms.version);
        versions
    }

    fn add(&mut self, terms: &'a Terms, row: usize, call: Micros, stored: Option<Micros>) {
        let known = self
            .0
            .iter_mut()
            .find(|known| known.terms.statement == terms.statement);
        match known {
            Some(known) => {
                known.first_call = known.first_call.min(call);
                if stored.is_some() {
                    known.row = row;
                }
            }
            None => self.0.push(Version {
                terms,
                row,
                first_call: call,
                stored_by: None,
            }),
        }
        if let Some(at) = stored {
            self.seen(&terms.statement, at);
        }
    }

    fn seen(&mut self, statement: &Hash, at: Micros) {
        for version in &mut self.0 {
            if version.terms.statement == *statement {
                version.stored_by = Some(version.stored_by.map_or(at, |known| known.min(at)));
            }
        }
    }

    /// All of them, the lowest version first.
    pub fn all(&self) -> &[Version<'a>] {
        &self.0
    }

    /// The highest version that was certainly stored before a moment.
    pub fn stored_before(&self, moment: Micros) -> Option<&Version<'a>> {
        let stored = |version: &&Version<'a>| version.stored_by.is_some_and(|by| by < moment);
        self.0.iter().rev().find(stored)
    }

    /// The versions of which each may have been in force at some moment of a span: tried before its
    /// end, and not replaced for certain before its start.
    pub fn in_force(&self, from: Micros, to: Micros) -> impl Iterator<Item = &Version<'a>> {
        let floor = self
            .stored_before(from)
            .map_or(0, |version| version.terms.version);
        let may = move |version: &&Version<'a>| {
            version.first_call <= to && version.terms.version >= floor
        };
        self.0.iter().filter(may)
    }
}
