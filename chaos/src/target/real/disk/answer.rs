//! Answers to the kernel.

use std::time::Duration;

use fuser::{
    Errno, FileAttr, FopenFlags, Generation, ReplyAttr, ReplyEmpty, ReplyEntry, ReplyStatfs,
};
use rustix::fs::StatVfs;

/// The kernel keeps nothing: a power failure changes files behind its back.
pub(super) const AT_ONCE: Duration = Duration::ZERO;
/// Each read and write comes here, past the kernel's own memory of files.
pub(super) const DIRECT: FopenFlags = FopenFlags::FOPEN_DIRECT_IO;

pub(super) type Answer<T> = Result<T, Errno>;

pub(super) fn finish(reply: ReplyEmpty, done: Answer<()>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn answer_entry(reply: ReplyEntry, found: Answer<FileAttr>) {
    match found {
        Ok(found) => reply.entry(&AT_ONCE, &found, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn answer_attributes(reply: ReplyAttr, found: Answer<FileAttr>) {
    match found {
        Ok(found) => reply.attr(&AT_ONCE, &found),
        Err(errno) => reply.error(errno),
    }
}

pub(super) fn answer_space(reply: ReplyStatfs, found: Answer<StatVfs>) {
    match found {
        Ok(found) => reply.statfs(
            found.f_blocks,
            found.f_bfree,
            found.f_bavail,
            found.f_files,
            found.f_ffree,
            narrow(found.f_bsize),
            narrow(found.f_namemax),
            narrow(found.f_frsize),
        ),
        Err(errno) => reply.error(errno),
    }
}

fn narrow(figure: u64) -> u32 {
    u32::try_from(figure).unwrap_or(u32::MAX)
}
