//! Content of a floor file on a `MemoryDisk`.

use super::model::DiskModel;

/// The file, as the system sees it and as a power failure would leave it.
#[derive(Debug, Default, Clone)]
pub(super) struct FloorImage {
    pub written: Option<Vec<u8>>,
    /// Length of what was synced.
    pub synced: usize,
}

impl FloorImage {
    /// Keeps what was synced, and some bytes of what was not: a torn write.
    pub fn lose_power(&mut self, model: &dyn DiskModel) {
        let synced = self.synced;
        if let Some(written) = &mut self.written
            && written.len() > synced
        {
            written.truncate(synced + model.survivors(written.len() - synced));
            self.synced = written.len();
        }
    }

    pub fn replace(&mut self, bytes: Vec<u8>) {
        self.synced = bytes.len();
        self.written = Some(bytes);
    }
}
