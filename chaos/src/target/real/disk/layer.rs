//! The file system: each call goes through to the folder below, by way of the state.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenAccMode, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use parking_lot::MutexGuard;

use super::attributes::attributes;
use super::names::ROOT;
use super::state::{Flip, Open, Shared, State};
use super::trouble::{Asked, Trouble};
use super::unsynced::{Change, bytes};

/// The kernel keeps nothing: a power failure changes files behind its back.
const AT_ONCE: Duration = Duration::ZERO;
const O_APPEND: i32 = 0o2000;
const O_TRUNC: i32 = 0o1000;

/// The file system over a shared state.
#[derive(Debug)]
pub(super) struct Layer {
    pub shared: Arc<Shared>,
}

type Answer<T> = Result<T, Errno>;

impl Layer {
    fn child(state: &State, parent: INodeNo, name: &OsStr) -> Answer<PathBuf> {
        Ok(state.path(parent.0)?.join(name))
    }

    fn attributes_at(state: &mut State, path: &std::path::Path) -> Answer<FileAttr> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(attributes(state.names.number(path), &metadata))
    }

    fn entry(&self, parent: INodeNo, name: &OsStr) -> Answer<FileAttr> {
        let mut state = self.shared.ask(Asked::Look)?;
        let path = Self::child(&state, parent, name)?;
        Self::attributes_at(&mut state, &path)
    }

    fn get(&self, number: u64, handle: Option<FileHandle>) -> Answer<FileAttr> {
        let state = self.shared.ask(Asked::Look)?;
        let open = handle.and_then(|handle| state.open.get(&handle.0));
        let metadata = match open {
            Some(open) => open.file.metadata()?,
            None => fs::symlink_metadata(state.path(number)?)?,
        };
        Ok(attributes(number, &metadata))
    }

    fn resize(&self, number: u64, size: u64) -> Answer<()> {
        let mut state = self.shared.ask(Asked::Write)?;
        resize(&mut state, number, size)
    }

    fn make_folder(&self, parent: INodeNo, name: &OsStr, mode: u32) -> Answer<FileAttr> {
        let mut state = self.shared.ask(Asked::Write)?;
        let path = Self::child(&state, parent, name)?;
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777))?;
        created(&mut state, parent.0, &path);
        Self::attributes_at(&mut state, &path)
    }

    fn make_file(
        &self,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        flags: i32,
    ) -> Answer<(FileAttr, u64)> {
        let mut state = self.shared.ask(Asked::Write)?;
        let path = Self::child(&state, parent, name)?;
        let existed = path.exists();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(mode);
        let file = options.truncate(false).open(&path)?;
        if !existed {
            created(&mut state, parent.0, &path);
        }
        let number = state.names.number(&path);
        if existed && flags & O_TRUNC != 0 {
            resize(&mut state, number, 0)?;
        }
        let handle = state.add_open(Open {
            number,
            file: Arc::new(file),
            appends: flags & O_APPEND != 0,
        });
        Ok((Self::attributes_at(&mut state, &path)?, handle))
    }

    fn open_file(&self, number: u64, flags: OpenFlags) -> Answer<u64> {
        let mut state = self.shared.ask(Asked::Look)?;
        let path = state.path(number)?;
        let writes = flags.acc_mode() != OpenAccMode::O_RDONLY;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(writes).open(path)?;
        if flags.0 & O_TRUNC != 0 {
            resize(&mut state, number, 0)?;
        }
        Ok(state.add_open(Open {
            number,
            file: Arc::new(file),
            appends: flags.0 & O_APPEND != 0,
        }))
    }

    fn read_file(&self, handle: FileHandle, offset: u64, size: u32) -> Answer<Vec<u8>> {
        let mut state = self.shared.ask(Asked::Read)?;
        let open = state.opened(handle.0)?;
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| Errno::EINVAL)?];
        let mut read = 0;
        while read < bytes.len() {
            let at = offset + u64::try_from(read).map_err(|_| Errno::EINVAL)?;
            match open.file.read_at(&mut bytes[read..], at)? {
                0 => break,
                more => read += more,
            }
        }
        bytes.truncate(read);
        if let Some(flip) = state.flip.filter(|flip| flip.number == open.number)
            && let Some(byte) = flipped(&mut bytes, offset, flip)
        {
            *byte ^= flip.mask;
            state.counts.flipped_reads += 1;
        }
        Ok(bytes)
    }

    fn write_file(&self, handle: FileHandle, offset: u64, data: &[u8]) -> Answer<u32> {
        let mut state = self.shared.ask(Asked::Write)?;
        let open = state.opened(handle.0)?;
        let old_size = open.file.metadata()?.len();
        let offset = if open.appends { old_size } else { offset };
        let length = u64::try_from(data.len()).map_err(|_| Errno::EINVAL)?;
        // The handle may be for writing only.
        let old = match state.names.path(open.number) {
            Some(path) => bytes(path, offset, length).unwrap_or_default(),
            None => Vec::new(),
        };
        open.file.write_all_at(data, offset)?;
        state.unsynced.add(Change::Wrote {
            file: open.number,
            offset,
            old,
            length,
            old_size,
        });
        // What is written anew is not damaged.
        let over = |flip: &Flip| {
            flip.number == open.number && (offset..offset + length).contains(&flip.offset)
        };
        if state.flip.as_ref().is_some_and(over) {
            state.flip = None;
        }
        u32::try_from(length).map_err(|_| Errno::EINVAL)
    }

    /// Syncs a file or a folder. The lock is not held meanwhile.
    fn sync(&self, number: u64, file: Option<Arc<File>>) -> Answer<()> {
        let (until, slow) = {
            let mut state = self.shared.ask(Asked::Sync)?;
            let slow = match state.trouble {
                Trouble::SlowSync(by) => Some(by),
                _ => None,
            };
            state.counts.slow_syncs += u64::from(slow.is_some());
            (state.unsynced.now(), slow)
        };
        if let Some(by) = slow {
            std::thread::sleep(by);
        }
        if let Some(file) = file {
            file.sync_data()?;
        }
        // The power may have failed meanwhile: then it was not synced.
        let mut state: MutexGuard<'_, State> = self.shared.ask(Asked::Sync)?;
        state.unsynced.synced(number, until);
        Ok(())
    }

    fn sync_file(&self, number: u64, handle: FileHandle) -> Answer<()> {
        let open = self.shared.lock().opened(handle.0)?;
        self.sync(number, Some(open.file))
    }

    fn remove(&self, parent: INodeNo, name: &OsStr, is_folder: bool) -> Answer<()> {
        let mut state = self.shared.ask(Asked::Rename)?;
        let path = Self::child(&state, parent, name)?;
        Ok(state.remove(parent.0, path, is_folder)?)
    }

    fn move_name(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> Answer<()> {
        let mut state = self.shared.ask(Asked::Rename)?;
        let from_path = Self::child(&state, from.0, from.1)?;
        let to_path = Self::child(&state, to.0, to.1)?;
        if flags.contains(RenameFlags::RENAME_EXCHANGE) {
            return Err(Errno::EINVAL);
        }
        if flags.contains(RenameFlags::RENAME_NOREPLACE) && to_path.exists() {
            return Err(Errno::EEXIST);
        }
        Ok(state.rename([from.0.0, to.0.0], from_path, to_path)?)
    }

    /// The names in a folder, each with its number and type.
    fn list(&self, number: u64) -> Answer<Vec<(u64, FileType, std::ffi::OsString)>> {
        let mut state = self.shared.ask(Asked::Look)?;
        let path = state.path(number)?;
        let mut listed = vec![
            (number, FileType::Directory, ".".into()),
            (ROOT, FileType::Directory, "..".into()),
        ];
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let kind = FileType::from_std(entry.file_type()?).ok_or(Errno::EIO)?;
            let number = state.names.number(&entry.path());
            listed.push((number, kind, entry.file_name()));
        }
        Ok(listed)
    }
}

fn created(state: &mut State, folder: u64, path: &std::path::Path) {
    let file = state.names.number(path);
    state.unsynced.add(Change::Created { file, folder });
}

fn resize(state: &mut State, number: u64, size: u64) -> Answer<()> {
    let path = state.path(number)?;
    let old_size = fs::metadata(&path)?.len();
    let tail = bytes(&path, size, old_size.saturating_sub(size))?;
    OpenOptions::new().write(true).open(&path)?.set_len(size)?;
    state.unsynced.add(Change::Resized {
        file: number,
        old_size,
        tail,
    });
    Ok(())
}

/// The damaged byte among those read at `offset`.
fn flipped(bytes: &mut [u8], offset: u64, flip: Flip) -> Option<&mut u8> {
    let at = usize::try_from(flip.offset.checked_sub(offset)?).ok()?;
    bytes.get_mut(at)
}

fn finish(reply: ReplyEmpty, done: Answer<()>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

fn answer_entry(reply: ReplyEntry, found: Answer<FileAttr>) {
    match found {
        Ok(found) => reply.entry(&AT_ONCE, &found, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

fn answer_attributes(reply: ReplyAttr, found: Answer<FileAttr>) {
    match found {
        Ok(found) => reply.attr(&AT_ONCE, &found),
        Err(errno) => reply.error(errno),
    }
}

/// Each read and write comes here, past the kernel's own memory of files.
const DIRECT: FopenFlags = FopenFlags::FOPEN_DIRECT_IO;

impl Filesystem for Layer {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(reply, self.entry(parent, name));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        answer_attributes(reply, self.get(ino.0, fh));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            if let Some(size) = size {
                self.resize(ino.0, size)?;
            }
            if let Some(mode) = mode {
                let path = self.shared.ask(Asked::Look)?.path(ino.0)?;
                fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777))?;
            }
            self.get(ino.0, fh)
        };
        answer_attributes(reply, set());
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        answer_entry(reply, self.make_folder(parent, name, mode & !umask));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        finish(reply, self.remove(parent, name, false));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        finish(reply, self.remove(parent, name, true));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        finish(
            reply,
            self.move_name((parent, name), (newparent, newname), flags),
        );
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match self.open_file(ino.0, flags) {
            Ok(handle) => reply.opened(FileHandle(handle), DIRECT),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        match self.make_file(parent, name, mode & !umask, flags) {
            Ok((made, handle)) => {
                reply.created(&AT_ONCE, &made, Generation(0), FileHandle(handle), DIRECT);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.read_file(fh, offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write_file(fh, offset, data) {
            Ok(length) => reply.written(length),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.shared.lock().open.remove(&fh.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, fh: FileHandle, _data: bool, reply: ReplyEmpty) {
        finish(reply, self.sync_file(ino.0, fh));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _data: bool, reply: ReplyEmpty) {
        finish(reply, self.sync(ino.0, None));
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = match self.list(ino.0) {
            Ok(listed) => listed,
            Err(errno) => return reply.error(errno),
        };
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        for (next, (number, kind, name)) in (1..).zip(listed).skip(skip) {
            if reply.add(INodeNo(number), next, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
