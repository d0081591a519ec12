//! The receiving side of a transfer.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use blake3::hazmat::ChainingValue;

use super::super::body::ReceivedBody;
use super::TransferError;
use super::content::{CHUNK, CONTENT_LIMIT, Content, VALUE_BYTES, hash_chunks};

/// A content being received, in a file named after its hash.
#[derive(Debug)]
pub struct Partial {
    content: Content,
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Bytes in the file, in whole chunks.
    present: u64,
    /// Whether they were verified since the file was opened.
    checked: bool,
}

impl Partial {
    /// Resumes an earlier transfer from its file in `directory`, or starts a new one.
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

    /// The offset from which to request the rest.
    pub fn offset(&self) -> u64 {
        self.present
    }

    pub fn is_complete(&self) -> bool {
        self.present == self.content.length
    }

    /// Receives a body that was requested from [`Partial::offset`] on. Calls `progress` with the
    /// number of verified bytes in the file. After an error [`Partial::offset`] is the offset to
    /// resume at: the chunks verified before the error are kept.
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

    /// Verifies the chunks of an earlier process again: a power loss may have damaged them.
    fn check_present(&mut self, list: &[ChainingValue]) -> Result<(), TransferError> {
        if self.checked {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(0))?;
        let mut chunk = vec![0; CHUNK as usize];
        for index in 0..self.present / CHUNK {
            self.file.read_exact(&mut chunk)?;
            if self.content.check_chunk(list, index, &chunk).is_err() {
                return self.truncate_to(index * CHUNK);
            }
        }
        self.checked = true;
        Ok(())
    }

    fn truncate_to(&mut self, good: u64) -> Result<(), TransferError> {
        self.file.set_len(good)?;
        self.present = good;
        Err(TransferError::Damaged { good })
    }

    /// Moves the complete content durably to `target`, on the same file system.
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
            let (found, _) = hash_chunks(&self.file)?;
            if found != self.content {
                return self.truncate_to(0);
            }
        }
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        if let Some(directory) = target.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    /// Removes the file.
    pub fn discard(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}
