//! Interface to the files of quarantine in a node's folder: real ones, or the simulator's.

use std::io;

use futures_util::future::BoxFuture;

use super::origin::{Origin, OriginError};

/// A small file that is read and replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuarantineFile {
    /// What the node remembers of its peers.
    Peers,
    /// There while the node is quarantined.
    Marker,
    /// The last next descriptor that the node has signed.
    Succession,
}

impl QuarantineFile {
    /// Its name in the data folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Marker => "quarantined",
            Self::Succession => "succession",
        }
    }
}

/// The files.
pub trait QuarantineDisk: Send + Sync + 'static {
    /// The whole file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, file: QuarantineFile) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the whole file, durably: after a crash it has the old bytes or these. One call for
    /// a file at a time.
    ///
    /// # Errors
    /// When the disk is full or gone: the old file stays.
    fn replace(&self, file: QuarantineFile, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>>;

    /// Whether the folder is the one in which its node took part last.
    ///
    /// # Errors
    /// When that cannot be read, or was written by a later build.
    fn origin(&self) -> Result<Origin, OriginError>;

    /// Makes the folder the one in which its node took part last, durably: copies made until now
    /// are told from it. After a crash it is what it was, or that. One call at a time.
    ///
    /// # Errors
    /// When the disk is full or gone: the folder is what it was.
    fn renew_origin(&self) -> BoxFuture<'static, io::Result<()>>;
}
