//! A snapshot that lacks only its certificate.

use std::path::PathBuf;

use super::format::Writer;
use crate::certificate::StatePoint;
use crate::store::meta::Applied;

/// All rows are written; the certificate ends the file. Its file is removed if it is dropped.
#[derive(Debug)]
pub(super) struct Pending {
    pub point: StatePoint,
    pub applied: Applied,
    pub writer: Option<Writer>,
    pub part: PathBuf,
}

impl Drop for Pending {
    fn drop(&mut self) {
        // With a certificate it has its final name, and nothing is left to remove.
        drop(std::fs::remove_file(&self.part));
    }
}
