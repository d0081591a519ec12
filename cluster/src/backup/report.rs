//! A backup for people and for programs.

use std::fmt::Display;
use std::path::Path;

use serde_json::{Value, json};

use super::file::BackupInfo;

/// Version of the JSON document.
const SCHEMA: u32 = 1;

impl BackupInfo {
    /// For people.
    #[must_use]
    pub fn text(&self, file: &Path) -> String {
        format!(
            "{} is a whole backup of cluster {}: the state up to entry {} of term {}, signed by a \
             majority of its voters; it was made {} ms after 1970",
            file.display(),
            self.cluster,
            self.index,
            self.term,
            self.made.0
        )
    }
}

/// One JSON document.
#[must_use]
pub fn json(file: &Path, info: &BackupInfo) -> Value {
    json!({
        "schema": SCHEMA,
        "file": file,
        "verdict": "whole",
        "cluster": info.cluster,
        "made": info.made,
        "term": info.term,
        "index": info.index,
        "bytes": info.bytes,
    })
}

/// The document where there is no backup, or none that can be used.
#[must_use]
pub fn json_of_failure(file: &Path, why: &dyn Display) -> Value {
    json!({
        "schema": SCHEMA,
        "file": file,
        "verdict": "none",
        "error": why.to_string(),
    })
}
