//! Interface to the floor file: a real one, or one of the simulator that loses unsynced writes.

use std::io;

use futures_util::future::BoxFuture;

/// The one file of a node's floors.
pub trait FloorDisk: Send + Sync + 'static {
    /// Creates the file with these bytes, durably, if there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    fn create(&self, bytes: Vec<u8>) -> io::Result<()>;

    /// The whole file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self) -> io::Result<Option<Vec<u8>>>;

    /// Appends to the file, and returns once the whole file is durable.
    ///
    /// # Errors
    /// When the disk is full or gone: the file ends somewhere within the bytes, and takes no more
    /// appends until it is replaced.
    fn append(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>>;

    /// Replaces the whole file, durably: after a crash it has the old bytes or these.
    ///
    /// # Errors
    /// When the disk is full or gone: the old file stays.
    fn replace(&self, bytes: Vec<u8>) -> BoxFuture<'static, io::Result<()>>;
}
