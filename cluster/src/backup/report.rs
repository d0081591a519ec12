//! A backup for people and for programs.

use std::fmt::Display;
use std::path::Path;

use cameo_common::moment::moment;
use serde_json::{Value, json};

use super::file::{BackupFileError, BackupInfo};

/// Version of the JSON document.
const SCHEMA: u32 = 1;

impl BackupInfo {
    /// For people.
    #[must_use]
    pub fn text(&self, file: &Path) -> String {
        format!(
            "{} is a whole backup of cluster {}: the state up to entry {} of term {}, signed by a \
             majority of its voters; it was made on {}, by the clock of the machine that took it",
            file.display(),
            self.cluster,
            self.index,
            self.term,
            moment(self.made)
        )
    }
}

/// One JSON document. U+FFFD is in place of what is not UTF-8 in the file's name, here and in the
/// other documents.
#[must_use]
pub fn json(file: &Path, info: &BackupInfo) -> Value {
    json!({
        "schema": SCHEMA,
        "file": file.to_string_lossy(),
        "verdict": "whole",
        "cluster": info.cluster,
        "made": info.made,
        "term": info.term,
        "index": info.index,
        "bytes": info.bytes,
    })
}

/// The document of a file that is no backup which this build can use.
#[must_use]
pub fn json_of_unusable(file: &Path, why: &BackupFileError) -> Value {
    let verdict = match why {
        BackupFileError::Damaged { .. } => "damaged",
        BackupFileError::UnknownVersion { .. } => "newer",
        BackupFileError::NotABackup(_)
        | BackupFileError::NoBeginning { .. }
        | BackupFileError::Exists(_)
        | BackupFileError::Io { .. } => "not_checked",
    };
    document(file, verdict, why)
}

/// The document where no backup was made.
#[must_use]
pub fn json_of_failure(file: &Path, why: &dyn Display) -> Value {
    document(file, "none", why)
}

fn document(file: &Path, verdict: &str, why: &dyn Display) -> Value {
    json!({
        "schema": SCHEMA,
        "file": file.to_string_lossy(),
        "verdict": verdict,
        "error": why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use cameo_common::ids::{ClusterId, Hash, Millis};

    use super::*;

    #[test]
    fn people_are_told_the_date_of_a_backup_and_programs_its_milliseconds() {
        let info = BackupInfo {
            cluster: ClusterId([1; 32]),
            made: Millis(1_709_251_200_000),
            term: 2,
            index: 9,
            state: Hash([3; 32]),
            bytes: 100,
        };
        let file = Path::new("b");
        let text = info.text(file);
        assert!(text.contains("made on 2024-03-01 00:00:00 UTC,"), "{text}");
        assert_eq!(json(file, &info)["made"], 1_709_251_200_000_u64);
    }

    #[test]
    fn a_file_whose_name_is_not_utf_8_has_a_document() {
        let info = BackupInfo {
            cluster: ClusterId([1; 32]),
            made: Millis(0),
            term: 2,
            index: 9,
            state: Hash([3; 32]),
            bytes: 100,
        };
        let file = Path::new(OsStr::from_bytes(b"b\xff"));
        let why = BackupFileError::NotABackup(file.to_owned());
        for document in [
            json(file, &info),
            json_of_unusable(file, &why),
            json_of_failure(file, &why),
        ] {
            assert_eq!(document["file"], "b\u{fffd}");
        }
    }

    #[test]
    fn a_file_that_was_read_has_a_verdict_of_its_own() {
        let (path, why) = (Path::new("b").to_owned(), "its checksum differs".to_owned());
        let verdict = |error| json_of_unusable(Path::new("b"), &error)["verdict"].clone();
        let version = 9;
        let newer = BackupFileError::UnknownVersion {
            path: path.clone(),
            version,
        };
        assert_eq!(verdict(newer), "newer");
        let none = BackupFileError::NotABackup(path.clone());
        assert_eq!(verdict(none), "not_checked");
        assert_eq!(verdict(BackupFileError::Damaged { path, why }), "damaged");
    }
}
