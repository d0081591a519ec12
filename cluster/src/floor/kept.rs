//! All floors of a node in memory, and the records that are not on the disk yet.

use std::collections::BTreeMap;

use cameo_common::ids::{GrantId, Hash, Millis};

use super::error::FloorError;
use super::frame::{self, Batch};
use super::grant_floor::{Change, GrantFloor, Shown};
use super::header::{self, Owner};
use super::record::Record;

/// Most records that wait for the disk; further releases are refused.
pub(super) const MAX_PENDING: usize = 8192;
/// A file below this length is never rewritten.
pub(super) const REWRITE_FROM: usize = 1024 * 1024;
/// A file is rewritten when it is this many times as long as right after it was last rewritten.
const OUTGROWN: usize = 2;
/// Grants in one frame of a rewritten file; keeps a frame below its greatest length.
const GRANTS_A_FRAME: usize = 128;

pub(super) struct Kept {
    owner: Owner,
    grants: BTreeMap<GrantId, GrantFloor>,
    pending: Vec<Record>,
    /// Number of the frame that takes what is pending.
    next: u64,
    /// Newest log time of a debit.
    newest: Millis,
    /// Length of the file, with what is being written.
    length: usize,
    rewrite_at: usize,
}

/// What to write next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Write {
    /// Number of the last frame in it.
    pub number: u64,
    pub bytes: Vec<u8>,
    /// Whether the bytes are the whole new file.
    pub replaces: bool,
}

impl Kept {
    /// The floors of a file's frames.
    pub fn of(owner: Owner, batches: Vec<Batch>, length: usize) -> Self {
        let mut kept = Self {
            owner,
            grants: BTreeMap::new(),
            pending: Vec::new(),
            next: batches.last().map_or(1, |last| last.number + 1),
            newest: Millis::EPOCH,
            length,
            rewrite_at: REWRITE_FROM,
        };
        for record in batches.into_iter().flat_map(|batch| batch.records) {
            kept.apply(&record);
        }
        kept
    }

    pub fn into_grants(self) -> BTreeMap<GrantId, GrantFloor> {
        self.grants
    }

    pub fn get(&self, grant: &GrantId) -> Option<&GrantFloor> {
        self.grants.get(grant)
    }

    /// Raises a grant's floor and records a release, if one is asked for. Returns the number of the
    /// frame that has to be durable before the release.
    ///
    /// # Errors
    /// When the floor forbids it. Rights that are newer than the floor's raise it all the same.
    pub fn record(
        &mut self,
        shown: &Shown,
        release: Option<(Hash, Millis)>,
    ) -> Result<u64, FloorError> {
        if self.pending.len() >= MAX_PENDING {
            return Err(FloorError::Busy);
        }
        self.raise(shown)?;
        if let Some((request, at)) = release
            && let Some(change) = self.grants[&shown.grant].release(shown, request, at)?
        {
            self.push(shown.grant, change);
        }
        Ok(self.last_number())
    }

    fn raise(&mut self, shown: &Shown) -> Result<(), FloorError> {
        let Some(floor) = self.grants.get(&shown.grant) else {
            let mut first = GrantFloor::first(shown.first);
            if let Some(change) = first.raise(shown)? {
                first.apply(&change);
            }
            self.push(shown.grant, Change::Whole(first));
            return Ok(());
        };
        if let Some(change) = floor.raise(shown)? {
            self.push(shown.grant, change);
        }
        Ok(())
    }

    fn push(&mut self, grant: GrantId, change: Change) {
        let record = Record { grant, change };
        self.apply(&record);
        self.pending.push(record);
    }

    fn apply(&mut self, record: &Record) {
        let of_deal = || GrantFloor::first(cameo_common::statements::FirstFloor::NEW);
        let floor = self.grants.entry(record.grant).or_insert_with(of_deal);
        floor.apply(&record.change);
        if let Change::Released(recent) = &record.change {
            self.newest = self.newest.max(recent.at);
        }
    }

    /// Number of the newest frame that has a record.
    fn last_number(&self) -> u64 {
        if self.pending.is_empty() {
            self.next - 1
        } else {
            self.next
        }
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The bytes of everything pending; `None` when nothing is.
    pub fn next_write(&mut self) -> Option<Write> {
        if self.pending.is_empty() {
            return None;
        }
        let batch = Batch {
            number: self.next,
            records: std::mem::take(&mut self.pending),
        };
        let mut bytes = Vec::new();
        frame::append(&mut bytes, &batch);
        if self.length + bytes.len() > self.rewrite_at {
            return Some(self.rewritten());
        }
        self.next += 1;
        self.length += bytes.len();
        Some(Write {
            number: batch.number,
            bytes,
            replaces: false,
        })
    }

    /// The whole file anew, with everything that is pending, without requests that cannot be
    /// resumed any more.
    pub fn rewritten(&mut self) -> Write {
        self.pending.clear();
        let newest = self.newest;
        for floor in self.grants.values_mut() {
            floor.forget_before(newest);
        }
        let mut bytes = header::encode(self.owner);
        let records = self.grants.iter().map(|(grant, floor)| Record {
            grant: *grant,
            change: Change::Whole(floor.clone()),
        });
        let records: Vec<_> = records.collect();
        for records in records.chunks(GRANTS_A_FRAME) {
            let batch = Batch {
                number: self.next,
                records: records.to_vec(),
            };
            frame::append(&mut bytes, &batch);
            self.next += 1;
        }
        self.length = bytes.len();
        self.rewrite_at = REWRITE_FROM.max(OUTGROWN * self.length);
        Write {
            number: self.next - 1,
            bytes,
            replaces: true,
        }
    }
}
