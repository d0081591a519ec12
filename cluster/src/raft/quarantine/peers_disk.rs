//! Interface to the file of what a node remembers of its peers: a real one, or the simulator's.

use std::io;

use futures_util::future::BoxFuture;

/// The one file.
pub trait PeersDisk: Send + Sync + 'static {
    /// The whole file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the whole file, durably: after a crash it has the old bytes or these.
    ///
    /// # Errors
    /// When the disk is full or gone: the old file stays.
    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>>;
}
