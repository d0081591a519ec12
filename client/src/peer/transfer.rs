//! Large contents that may be cut at any byte and go on where they ended.
//!
//! A content is named by its length and its plain BLAKE3 hash. BLAKE3 is a tree, and
//! every [`CHUNK`] of a content is a whole subtree of it, so the list of the chunks'
//! chaining values can be checked against the hash alone, and each chunk against the
//! list as it arrives (BLAKE3 paper, section 6.4). A transfer's body is that list, then
//! the content from an offset that the receiver names. Only checked chunks are kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::body::{Body, BodyError, ReceivedBody};

/// Bytes that are checked, kept and asked for again together.
pub const CHUNK: u64 = 256 * 1024;

/// Longest content that is taken at all, in bytes; callers may set less.
pub const CONTENT_LIMIT: u64 = 1 << 30;

const VALUE_BYTES: u64 = 32;

/// What a content is: for messages and manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// Bytes.
    pub length: u64,
    /// BLAKE3 of all of them.
    pub hash: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("a content of {length} bytes is over the limit of {limit}")]
    Oversized { length: u64, limit: u64 },
    #[error("the body is {found} bytes long where {expected} were due")]
    OtherLength { found: u64, expected: u64 },
    #[error("the list of chunks does not belong to the content")]
    WrongChunks,
    #[error("chunk {index} does not belong to the content")]
    WrongChunk { index: u64 },
    #[error(
        "what was kept of the content is damaged; it is good up to byte {good}, ask from there"
    )]
    Damaged { good: u64 },
    #[error("the content is not complete: {present} of {length} bytes")]
    Incomplete { present: u64, length: u64 },
    #[error("another transfer of the same content is in progress")]
    InProgress,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the content cannot be read or kept: {0}")]
    Io(#[from] io::Error),
}

impl Content {
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            hash: *blake3::hash(bytes).as_bytes(),
        }
    }

    fn chunks(&self) -> u64 {
        self.length.div_ceil(CHUNK)
    }

    /// Bytes of the list of chunks; one chunk alone is checked by the hash itself.
    fn list_bytes(&self) -> u64 {
        match self.chunks() {
            0 | 1 => 0,
            chunks => chunks * VALUE_BYTES,
        }
    }

    /// Length of the body that carries this content from `offset` on: what the message
    /// before it has to name. 0, that is no body, when nothing is left to send.
    pub fn body_length(&self, offset: u64) -> u64 {
        match self.length.saturating_sub(offset) {
            0 => 0,
            rest => self.list_bytes() + rest,
        }
    }

    /// Whether a transfer may start at `offset`.
    pub fn may_start_at(&self, offset: u64) -> bool {
        offset == self.length || (offset < self.length && offset.is_multiple_of(CHUNK))
    }

    /// Requires that the chaining values make up the hash.
    fn check_list(&self, list: &[ChainingValue]) -> Result<(), TransferError> {
        let fits = match self.chunks() {
            0 | 1 => list.is_empty(),
            chunks => list.len() as u64 == chunks && root(list, self.length) == self.hash,
        };
        fits.then_some(()).ok_or(TransferError::WrongChunks)
    }

    fn check_chunk(
        &self,
        list: &[ChainingValue],
        index: u64,
        bytes: &[u8],
    ) -> Result<(), TransferError> {
        let fits = match list.get(index as usize) {
            Some(value) => *value == chunk_value(index, bytes),
            None => *blake3::hash(bytes).as_bytes() == self.hash,
        };
        fits.then_some(())
            .ok_or(TransferError::WrongChunk { index })
    }
}

fn chunk_value(index: u64, bytes: &[u8]) -> ChainingValue {
    blake3::Hasher::new()
        .set_input_offset(index * CHUNK)
        .update(bytes)
        .finalize_non_root()
}

/// Needs two values or more. A subtree's left half is a power of two of bytes, and as
/// it is at least [`CHUNK`] it is whole chunks.
fn root(list: &[ChainingValue], length: u64) -> [u8; 32] {
    let (left, right, left_length) = halves(list, length);
    let left = subtree(left, left_length);
    let right = subtree(right, length - left_length);
    *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()
}

fn subtree(list: &[ChainingValue], length: u64) -> ChainingValue {
    if let [value] = list {
        return *value;
    }
    let (left, right, left_length) = halves(list, length);
    let left = subtree(left, left_length);
    let right = subtree(right, length - left_length);
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

fn halves(list: &[ChainingValue], length: u64) -> (&[ChainingValue], &[ChainingValue], u64) {
    let left_length = left_subtree_len(length);
    let (left, right) = list.split_at((left_length / CHUNK) as usize);
    (left, right, left_length)
}

/// A content that can be sent, any number of times and from any chunk on.
#[derive(Clone, Debug)]
pub struct Source {
    content: Content,
    list: Arc<[ChainingValue]>,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Origin {
    File(PathBuf),
    Bytes(Bytes),
}

impl Source {
    /// Reads the whole file once, for its hashes; it must not change afterwards.
    pub async fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let opened = tokio::task::spawn_blocking(move || {
            let (content, list) = survey(File::open(&path)?)?;
            Ok(Self {
                content,
                list,
                origin: Origin::File(path),
            })
        });
        opened.await.map_err(io::Error::other)?
    }

    pub fn of_bytes(bytes: impl Into<Bytes>) -> io::Result<Self> {
        let bytes = bytes.into();
        let (content, list) = survey(&bytes[..])?;
        Ok(Self {
            content,
            list,
            origin: Origin::Bytes(bytes),
        })
    }

    pub fn content(&self) -> Content {
        self.content
    }

    /// The body for a receiver who has everything before `offset`; `None` when nothing
    /// is left to send. Its length is `content().body_length(offset)`.
    ///
    /// # Errors
    /// `InvalidInput` for an offset that [`Content::may_start_at`] refuses.
    pub async fn body_from(&self, offset: u64) -> io::Result<Option<Body>> {
        if !self.content.may_start_at(offset) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let length = self.content.body_length(offset);
        if length == 0 {
            return Ok(None);
        }
        let list = io::Cursor::new(self.list.concat());
        Ok(Some(match &self.origin {
            Origin::Bytes(bytes) => {
                let rest = io::Cursor::new(bytes.slice(offset as usize..));
                Body::reader(length, AsyncReadExt::chain(list, rest))
            }
            Origin::File(path) => {
                let mut file = tokio::fs::File::open(path).await?;
                file.seek(SeekFrom::Start(offset)).await?;
                Body::reader(length, AsyncReadExt::chain(list, file))
            }
        }))
    }
}

/// Length, hash and list of chunks of all that `bytes` yields.
fn survey(mut bytes: impl Read) -> io::Result<(Content, Arc<[ChainingValue]>)> {
    let mut hasher = blake3::Hasher::new();
    let mut list = Vec::new();
    let mut length = 0;
    let mut chunk = Vec::with_capacity(CHUNK as usize);
    loop {
        chunk.clear();
        bytes.by_ref().take(CHUNK).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        hasher.update(&chunk);
        list.push(chunk_value(list.len() as u64, &chunk));
        length += chunk.len() as u64;
    }
    if list.len() == 1 {
        list.clear();
    }
    let hash = *hasher.finalize().as_bytes();
    Ok((Content { length, hash }, list.into()))
}

/// A content on its way in, kept in a file beside others like it.
#[derive(Debug)]
pub struct Partial {
    content: Content,
    path: PathBuf,
    file: File,
    /// Bytes that are there, in whole chunks.
    present: u64,
    /// Whether they were checked since the file was opened.
    checked: bool,
}

impl Partial {
    /// Takes up what an earlier transfer left in `directory`, or starts anew.
    pub fn open(directory: &Path, content: Content, limit: u64) -> Result<Self, TransferError> {
        let limit = limit.min(CONTENT_LIMIT);
        if content.length > limit {
            return Err(TransferError::Oversized {
                length: content.length,
                limit,
            });
        }
        let name = format!("{}.part", blake3::Hash::from(content.hash).to_hex());
        let path = directory.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => TransferError::InProgress,
            std::fs::TryLockError::Error(error) => error.into(),
        })?;
        let found = file.metadata()?.len().min(content.length);
        let present = match found == content.length {
            true => found,
            false => found - found % CHUNK,
        };
        file.set_len(present)?;
        Ok(Self {
            content,
            path,
            file,
            present,
            checked: present == 0,
        })
    }

    pub fn content(&self) -> Content {
        self.content
    }

    /// Ask from here on.
    pub fn offset(&self) -> u64 {
        self.present
    }

    pub fn is_complete(&self) -> bool {
        self.present == self.content.length
    }

    /// Takes a body that was asked for from [`Partial::offset`] on, and calls `progress`
    /// with the bytes that are there and safe. After an error call [`Partial::offset`]
    /// again: whatever was checked before it has been kept.
    pub async fn receive(
        &mut self,
        mut body: ReceivedBody,
        mut progress: impl FnMut(u64),
    ) -> Result<(), TransferError> {
        let expected = self.content.body_length(self.present);
        if body.length() != expected {
            return Err(TransferError::OtherLength {
                found: body.length(),
                expected,
            });
        }
        let list = self.receive_list(&mut body).await?;
        self.check_present(&list)?;
        self.file.seek(SeekFrom::Start(self.present))?;
        let mut chunk = vec![0; CHUNK as usize];
        while !self.is_complete() {
            let step = (self.content.length - self.present).min(CHUNK) as usize;
            body.read_exactly(&mut chunk[..step]).await?;
            let index = self.present / CHUNK;
            self.content.check_chunk(&list, index, &chunk[..step])?;
            self.file.write_all(&chunk[..step])?;
            self.present += step as u64;
            progress(self.present);
        }
        Ok(body.end().await?)
    }

    async fn receive_list(
        &self,
        body: &mut ReceivedBody,
    ) -> Result<Vec<ChainingValue>, TransferError> {
        let mut bytes = vec![0; self.content.list_bytes() as usize];
        body.read_exactly(&mut bytes).await?;
        let (list, _) = bytes.as_chunks::<{ VALUE_BYTES as usize }>();
        self.content.check_list(list)?;
        Ok(list.to_vec())
    }

    /// What an earlier process kept was checked then, but a machine that lost power may
    /// have kept less.
    fn check_present(&mut self, list: &[ChainingValue]) -> Result<(), TransferError> {
        if self.checked {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(0))?;
        let mut chunk = vec![0; CHUNK as usize];
        for index in 0..self.present / CHUNK {
            self.file.read_exact(&mut chunk)?;
            if self.content.check_chunk(list, index, &chunk).is_err() {
                return self.keep_only(index * CHUNK);
            }
        }
        self.checked = true;
        Ok(())
    }

    fn keep_only(&mut self, good: u64) -> Result<(), TransferError> {
        self.file.set_len(good)?;
        self.present = good;
        Err(TransferError::Damaged { good })
    }

    /// Moves the complete content to `target`, on the same file system, durably.
    pub async fn finish(self, target: impl Into<PathBuf>) -> Result<(), TransferError> {
        let target = target.into();
        let finished = tokio::task::spawn_blocking(move || self.finish_now(&target));
        finished.await.map_err(io::Error::other)?
    }

    fn finish_now(mut self, target: &Path) -> Result<(), TransferError> {
        if !self.is_complete() {
            return Err(TransferError::Incomplete {
                present: self.present,
                length: self.content.length,
            });
        }
        if !self.checked {
            self.file.seek(SeekFrom::Start(0))?;
            let (found, _) = survey(&self.file)?;
            if found != self.content {
                return self.keep_only(0);
            }
        }
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        if let Some(directory) = target.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    /// Forgets what is there.
    pub fn discard(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn bytes(length: u64) -> Vec<u8> {
        let mut bytes = vec![0; length as usize];
        blake3::Hasher::new()
            .update(&length.to_le_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    const LENGTHS: [u64; 10] = [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        3 * CHUNK - 7,
        4 * CHUNK + 1,
        5 * CHUNK,
        9 * CHUNK + 513,
    ];

    #[test]
    fn the_list_of_chunks_is_bound_to_the_plain_hash() {
        for length in LENGTHS {
            let bytes = bytes(length);
            let source = Source::of_bytes(bytes.clone()).unwrap();
            assert_eq!(source.content(), Content::of(&bytes), "{length} bytes");
            source.content().check_list(&source.list).unwrap();
            for index in 0..source.list.len() {
                let mut list = source.list.to_vec();
                list[index][7] ^= 1;
                assert!(source.content().check_list(&list).is_err());
            }
            if let [_, rest @ ..] = &source.list[..] {
                assert!(source.content().check_list(rest).is_err());
            }
        }
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_was_said() {
        for length in LENGTHS {
            let source = Source::of_bytes(bytes(length)).unwrap();
            for offset in (0..length).step_by(CHUNK as usize).chain([length]) {
                let body = source.body_from(offset).await.unwrap();
                let found = body.map_or(0, |body| body.length());
                assert_eq!(found, source.content().body_length(offset));
            }
            assert!(source.body_from(length + 1).await.is_err());
        }
    }

    async fn receive(
        partial: &mut Partial,
        source: &Source,
        corrupt: Option<usize>,
        cut: usize,
    ) -> Result<(), TransferError> {
        let offset = partial.offset();
        let Some(body) = source.body_from(offset).await.unwrap() else {
            return Ok(());
        };
        let length = body.length();
        let (mut out, into) = tokio::io::duplex(length as usize + 1);
        body.send(&mut out).await.unwrap();
        drop(out);
        let mut sent = Vec::new();
        let mut into = into;
        into.read_to_end(&mut sent).await.unwrap();
        if let Some(at) = corrupt {
            sent[at] ^= 1;
        }
        sent.truncate(sent.len() - cut);
        let body = ReceivedBody::new(length, Box::new(io::Cursor::new(sent)));
        partial.receive(body, |_| {}).await
    }

    #[tokio::test]
    async fn every_length_arrives_whole() {
        let directory = tempfile::tempdir().unwrap();
        for length in LENGTHS {
            let bytes = bytes(length);
            let source = Source::of_bytes(bytes.clone()).unwrap();
            let mut partial =
                Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
            receive(&mut partial, &source, None, 0).await.unwrap();
            let target = directory.path().join("whole");
            partial.finish(target.clone()).await.unwrap();
            assert!(std::fs::read(&target).unwrap() == bytes, "{length} bytes");
        }
    }

    #[tokio::test]
    async fn a_chunk_that_was_changed_on_the_way_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let source = Source::of_bytes(bytes(3 * CHUNK)).unwrap();
        let mut partial = Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
        let in_second_chunk = 3 * 32 + CHUNK as usize + 5;
        let received = receive(&mut partial, &source, Some(in_second_chunk), 0).await;
        assert!(matches!(
            received,
            Err(TransferError::WrongChunk { index: 1 })
        ));
        assert_eq!(partial.offset(), CHUNK);
        let received = receive(&mut partial, &source, Some(3), 0).await;
        assert!(matches!(received, Err(TransferError::WrongChunks)));
    }

    #[tokio::test]
    async fn a_cut_transfer_goes_on_in_another_process() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = bytes(4 * CHUNK + 9);
        let source = Source::of_bytes(bytes.clone()).unwrap();
        let open = || Partial::open(directory.path(), source.content(), CONTENT_LIMIT);
        let mut partial = open().unwrap();
        assert!(matches!(open(), Err(TransferError::InProgress)));
        let cut = CHUNK as usize / 2;
        receive(&mut partial, &source, None, cut).await.unwrap_err();
        drop(partial);

        let mut partial = open().unwrap();
        assert_eq!(partial.offset(), 3 * CHUNK);
        receive(&mut partial, &source, None, 0).await.unwrap();
        let target = directory.path().join("whole");
        partial.finish(target.clone()).await.unwrap();
        assert!(std::fs::read(target).unwrap() == bytes);
    }

    #[tokio::test]
    async fn what_a_crash_damaged_is_asked_for_again() {
        let directory = tempfile::tempdir().unwrap();
        let source = Source::of_bytes(bytes(4 * CHUNK)).unwrap();
        let open = || Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
        let mut partial = open();
        receive(&mut partial, &source, None, CHUNK as usize)
            .await
            .unwrap_err();
        partial.file.seek(SeekFrom::Start(2 * CHUNK)).unwrap();
        partial.file.write_all(&[0; 64]).unwrap();
        drop(partial);

        let mut partial = open();
        let received = receive(&mut partial, &source, None, 0).await;
        assert!(matches!(received, Err(TransferError::Damaged { good }) if good == 2 * CHUNK));
        receive(&mut partial, &source, None, 0).await.unwrap();
        assert!(partial.is_complete());
    }

    #[tokio::test]
    async fn a_complete_file_of_an_earlier_process_is_checked_before_it_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let source = Source::of_bytes(bytes(100)).unwrap();
        let open = || Partial::open(directory.path(), source.content(), CONTENT_LIMIT).unwrap();
        let path = open().path;
        std::fs::write(path, [7; 100]).unwrap();
        let finished = open().finish(directory.path().join("whole")).await;
        assert!(matches!(finished, Err(TransferError::Damaged { good: 0 })));
        assert_eq!(open().offset(), 0);
    }

    #[test]
    fn a_content_over_the_limit_is_not_begun() {
        let directory = tempfile::tempdir().unwrap();
        let content = Content {
            length: 11,
            hash: [0; 32],
        };
        let opened = Partial::open(directory.path(), content, 10);
        assert!(matches!(opened, Err(TransferError::Oversized { .. })));
    }
}
