//! The sending side of a transfer.

use std::fs::File;
use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use blake3::hazmat::ChainingValue;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::super::body::Body;
use super::content::{Content, hash_chunks};

/// A content that can be sent any number of times, from any chunk on.
#[derive(Clone, Debug)]
pub struct Source {
    content: Content,
    pub(super) list: Arc<[ChainingValue]>,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Origin {
    File(PathBuf),
    Bytes(Bytes),
}

impl Source {
    /// Reads the whole file once for its hashes. It must not change afterwards.
    pub async fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let opened = tokio::task::spawn_blocking(move || {
            let (content, list) = hash_chunks(File::open(&path)?)?;
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
        let (content, list) = hash_chunks(&bytes[..])?;
        Ok(Self {
            content,
            list,
            origin: Origin::Bytes(bytes),
        })
    }

    pub fn content(&self) -> Content {
        self.content
    }

    /// The body for a receiver that has everything before `offset`; `None` when nothing is left to
    /// send. Its length is `content().body_length(offset)`.
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
