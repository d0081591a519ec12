//! Attributes of files, as the kernel asks for them.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo};

/// The attributes of the file below, under our number.
pub(super) fn attributes(number: u64, of: &Metadata) -> FileAttr {
    let changed = u64::try_from(of.ctime()).unwrap_or(0);
    FileAttr {
        ino: INodeNo(number),
        size: of.size(),
        blocks: of.blocks(),
        atime: of.accessed().unwrap_or(UNIX_EPOCH),
        mtime: of.modified().unwrap_or(UNIX_EPOCH),
        ctime: UNIX_EPOCH + Duration::from_secs(changed),
        crtime: SystemTime::UNIX_EPOCH,
        kind: FileType::from_std(of.file_type()).unwrap_or(FileType::RegularFile),
        perm: u16::try_from(of.permissions().mode() & 0o7777).unwrap_or(0o600),
        nlink: u32::try_from(of.nlink()).unwrap_or(1),
        uid: of.uid(),
        gid: of.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}
