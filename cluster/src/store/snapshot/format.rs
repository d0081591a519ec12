//! Format of a snapshot file.
//!
//! ```text
//! "cameosnp"  version u8  length u32  last applied entry (meta::Applied)
//! rows        key length u32  value length u32  key  value      in key order
//! end         0xffffffff  number of rows u64
//! certificate length u32  Certificate, or nothing
//! checksum    BLAKE3 of everything before, 32 bytes
//! ```
//! Numbers are little-endian. The certificate comes last, because the voters sign the state while
//! its rows are written. Version 2 signed another digest of the rows.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Take, Write};
use std::path::Path;

use cameo_common::descriptor_chain::Descriptors;
use cameo_mutant::{Mutant, is_planted};

use super::SnapshotError;
use crate::certificate::{Certificate, NotCertified, StatePoint, Voters};
use crate::store::meta::Applied;
use crate::store::state::digest::RowDigest;
use cameo_machine::{Rows, read};

const MAGIC: &[u8; 8] = b"cameosnp";
const VERSION: u8 = 3;
const END: u32 = u32::MAX;
/// Longest key, value or header that is accepted.
const MAX_FIELD_BYTES: u32 = 64 << 20;
const BUFFER_BYTES: usize = 256 << 10;
/// Bytes after which a file that is being written is synced: a sync of all at the end would hold up
/// those of the log.
const SYNC_BYTES: u64 = 8 << 20;
/// Rows read at a time.
const ROWS_AT_ONCE: usize = 1024;

/// Every row is kept, unless that bug is planted.
pub(crate) fn is_kept(key: &[u8]) -> bool {
    !(is_planted(Mutant::RetryTableLostInSnapshot) && cameo_machine::is_of_retry_table(key))
}

/// Writes a snapshot; nothing is durable before `finish`.
#[derive(Debug)]
pub(in super::super) struct Writer {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    rows: u64,
    synced: u64,
}

impl Writer {
    pub fn create(path: &Path, applied: &Applied) -> Result<Self, SnapshotError> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        let mut writer = Self {
            file,
            hasher: blake3::Hasher::new(),
            rows: 0,
            synced: 0,
        };
        let meta = applied.encode();
        writer.put(MAGIC)?;
        writer.put(&[VERSION])?;
        writer.put(&length(&meta)?)?;
        writer.put(&meta)?;
        Ok(writer)
    }

    pub fn rows(&mut self, rows: &Rows) -> Result<(), SnapshotError> {
        for (key, value) in rows.iter().filter(|(key, _)| is_kept(key)) {
            self.put(&length(key)?)?;
            self.put(&length(value)?)?;
            self.put(key)?;
            self.put(value)?;
            self.rows += 1;
        }
        let written = self.hasher.count();
        if written - self.synced >= SYNC_BYTES {
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
            self.synced = written;
        }
        Ok(())
    }

    /// Ends the file and syncs it.
    pub fn finish(mut self, certificate: Option<&Certificate>) -> Result<(), SnapshotError> {
        let certificate = certificate.map(Certificate::encode).unwrap_or_default();
        self.put(&END.to_le_bytes())?;
        self.put(&self.rows.to_le_bytes())?;
        self.put(&length(&certificate)?)?;
        self.put(&certificate)?;
        self.file.write_all(self.hasher.finalize().as_bytes())?;
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes)?)
    }
}

fn length(bytes: &[u8]) -> Result<[u8; 4], SnapshotError> {
    match u32::try_from(bytes.len()) {
        Ok(length) if length <= MAX_FIELD_BYTES => Ok(length.to_le_bytes()),
        _ => Err(SnapshotError::TooLarge),
    }
}

/// Verifies the snapshot in the next `length` bytes of a file, with the signatures of a majority of
/// these voters. Returns the state that they have signed. Each of its rows goes to `row`, before it
/// is known whether the file is what they have signed. Blocks.
///
/// # Errors
/// When it is damaged or not certified.
pub fn verify_snapshot(
    file: File,
    length: u64,
    voters: &Voters,
    row: &mut dyn FnMut(Vec<u8>, Vec<u8>),
) -> Result<StatePoint, SnapshotError> {
    let (_, point) = Reader::within(file, length)?.certified(voters, row)?;
    Ok(point)
}

/// The rows of a snapshot that was verified before.
pub struct SnapshotRows(Reader);

impl SnapshotRows {
    /// Those of the snapshot in the next `length` bytes of a file.
    ///
    /// # Errors
    /// When it does not begin as a snapshot.
    pub fn within(file: File, length: u64) -> Result<Self, SnapshotError> {
        Reader::within(file, length).map(Self)
    }

    /// Some of the next rows; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    pub fn next_rows(&mut self) -> Result<Rows, SnapshotError> {
        self.0.next_rows(ROWS_AT_ONCE)
    }
}

impl std::fmt::Debug for SnapshotRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SnapshotRows({} so far)", self.0.rows)
    }
}

/// An intact snapshot file.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Verified {
    pub applied: Applied,
    /// It has a certificate, which was checked when it was made or received.
    pub is_certified: bool,
}

/// Reads a snapshot. Its rows may be used only after `next_rows` has returned an empty piece.
pub(in super::super) struct Reader {
    file: BufReader<Take<File>>,
    hasher: blake3::Hasher,
    applied: Applied,
    rows: u64,
    last_key: Option<Vec<u8>>,
    /// Bytes of the certificate, once the end was read.
    certificate: Vec<u8>,
    ended: bool,
}

impl Reader {
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        Self::within(File::open(path)?, u64::MAX)
    }

    /// The snapshot in the next `length` bytes of a file.
    fn within(file: File, length: u64) -> Result<Self, SnapshotError> {
        let mut reader = Self {
            file: BufReader::with_capacity(BUFFER_BYTES, file.take(length)),
            hasher: blake3::Hasher::new(),
            applied: Applied::default(),
            rows: 0,
            last_key: None,
            certificate: Vec::new(),
            ended: false,
        };
        if &reader.array::<8>()? != MAGIC {
            return Err(SnapshotError::Damaged("it is not a Cameo snapshot"));
        }
        match reader.array::<1>()? {
            [VERSION] => {}
            [other] => return Err(SnapshotError::UnknownVersion(other)),
        }
        let length = reader.number()?;
        let meta = reader.field(length)?;
        reader.applied = Applied::decode(&meta)
            .map_err(|_| SnapshotError::Damaged("its header cannot be decoded"))?;
        Ok(reader)
    }

    /// Reads the whole file and checks that it is intact.
    pub fn verify(path: &Path) -> Result<Verified, SnapshotError> {
        let mut reader = Self::open(path)?;
        while !reader.next_rows(ROWS_AT_ONCE)?.is_empty() {}
        Ok(Verified {
            is_certified: !reader.certificate.is_empty(),
            applied: reader.applied,
        })
    }

    /// The chain of descriptors among the rows of a file, which proves itself.
    pub fn descriptors(path: &Path) -> Result<Option<Descriptors>, SnapshotError> {
        let mut reader = Self::open(path)?;
        let mut found = Rows::new();
        loop {
            let rows = reader.next_rows(ROWS_AT_ONCE)?;
            if rows.is_empty() {
                return Ok(read::descriptors_among(&found));
            }
            let of_chain = rows.into_iter();
            found.extend(of_chain.filter(|(key, _)| read::is_of_descriptors(key)));
        }
    }

    /// Reads the whole file and checks that the voters have signed the state in it: last applied
    /// entry, membership, and the digest of the rows as they were read.
    pub fn verify_certified(path: &Path, voters: &Voters) -> Result<Applied, SnapshotError> {
        let (applied, _) = Self::open(path)?.certified(voters, &mut |_, _| {})?;
        Ok(applied)
    }

    fn certified(
        mut self,
        voters: &Voters,
        row: &mut dyn FnMut(Vec<u8>, Vec<u8>),
    ) -> Result<(Applied, StatePoint), SnapshotError> {
        let reader = &mut self;
        let mut digest = RowDigest::default();
        loop {
            let rows = reader.next_rows(ROWS_AT_ONCE)?;
            if rows.is_empty() {
                break;
            }
            for (key, value) in rows {
                digest.add(&key, &value);
                row(key, value);
            }
        }
        let applied = std::mem::take(&mut reader.applied);
        let point = applied.point(&digest.hash()).ok_or(NotCertified::None)?;
        voters.check(reader.certificate()?.as_ref(), &point)?;
        Ok((applied, point))
    }

    fn certificate(&self) -> Result<Option<Certificate>, NotCertified> {
        if self.certificate.is_empty() {
            return Ok(None);
        }
        let certificate = Certificate::decode(&self.certificate);
        certificate.map(Some).map_err(|_| NotCertified::Unreadable)
    }

    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// The next rows; none at the end, after count and checksum have been checked.
    pub fn next_rows(&mut self, limit: usize) -> Result<Rows, SnapshotError> {
        let mut rows = Rows::new();
        while !self.ended && rows.len() < limit {
            let key_length = self.number()?;
            if key_length == END {
                self.end()?;
                break;
            }
            let value_length = self.number()?;
            let key = self.field(key_length)?;
            let value = self.field(value_length)?;
            if self.last_key.as_ref().is_some_and(|last| *last >= key) {
                return Err(SnapshotError::Damaged("its rows are out of order"));
            }
            self.last_key = Some(key.clone());
            self.rows += 1;
            rows.push((key, value));
        }
        // A full last piece has not reached the end yet.
        Ok(rows)
    }

    fn end(&mut self) -> Result<(), SnapshotError> {
        if u64::from_le_bytes(self.array()?) != self.rows {
            return Err(SnapshotError::Damaged("rows are missing"));
        }
        let length = self.number()?;
        self.certificate = self.field(length)?;
        let computed = self.hasher.finalize();
        let mut stored = [0; 32];
        self.fill(&mut stored)?;
        // The constant time of blake3::Hash's comparison is not needed here.
        let skipped = is_planted(Mutant::ChecksumSkipped);
        if computed != blake3::Hash::from_bytes(stored) && !skipped {
            return Err(SnapshotError::Damaged("its checksum differs"));
        }
        if self.file.read(&mut [0])? != 0 {
            return Err(SnapshotError::Damaged("there are bytes after its end"));
        }
        self.ended = true;
        Ok(())
    }

    fn number(&mut self) -> Result<u32, SnapshotError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// Allocates for the bytes in the file, not for the length in the header.
    fn field(&mut self, length: u32) -> Result<Vec<u8>, SnapshotError> {
        if length > MAX_FIELD_BYTES {
            return Err(SnapshotError::Damaged("it has an invalid length"));
        }
        let mut bytes = Vec::new();
        (&mut self.file)
            .take(u64::from(length))
            .read_to_end(&mut bytes)?;
        if bytes.len() != length as usize {
            return Err(SnapshotError::Damaged("it ends too early"));
        }
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), SnapshotError> {
        self.file
            .read_exact(bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => SnapshotError::Damaged("it ends too early"),
                _ => error.into(),
            })
    }
}
