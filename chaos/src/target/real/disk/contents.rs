//! Open files: what is read, written and synced.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::sync::Arc;

use fuser::{Errno, FileAttr, FileHandle, INodeNo, OpenAccMode, OpenFlags};
use parking_lot::MutexGuard;

use super::answer::Answer;
use super::folders::{attributes_at, child, created};
use super::layer::Layer;
use super::state::{Open, State};
use super::trouble::{Asked, Trouble};
use super::unsynced::{Change, bytes};

const O_APPEND: i32 = 0o2000;
const O_TRUNC: i32 = 0o1000;

impl Layer {
    pub(super) fn make_file(
        &self,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        flags: i32,
    ) -> Answer<(FileAttr, u64)> {
        let mut state = self.shared.ask(Asked::Write)?;
        let path = child(&state, parent, name)?;
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
        Ok((attributes_at(&mut state, &path)?, handle))
    }

    pub(super) fn open_file(&self, number: u64, flags: OpenFlags) -> Answer<u64> {
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

    pub(super) fn read_file(&self, handle: FileHandle, offset: u64, size: u32) -> Answer<Vec<u8>> {
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
        if let Some(damage) = &mut state.damage
            && damage.read(open.number, offset, &mut bytes)
        {
            state.counts.damaged_reads += 1;
        }
        Ok(bytes)
    }

    pub(super) fn write_file(&self, handle: FileHandle, offset: u64, data: &[u8]) -> Answer<u32> {
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
        let written = offset..offset + length;
        let damage = state.damage.take();
        state.damage = damage.filter(|damage| !damage.is_over(open.number, &written));
        u32::try_from(length).map_err(|_| Errno::EINVAL)
    }

    pub(super) fn resize(&self, number: u64, size: u64) -> Answer<()> {
        let mut state = self.shared.ask(Asked::Write)?;
        resize(&mut state, number, size)
    }

    /// Syncs a file or a folder. The lock is not held meanwhile.
    pub(super) fn sync(&self, number: u64, file: Option<Arc<File>>) -> Answer<()> {
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

    pub(super) fn sync_file(&self, number: u64, handle: FileHandle) -> Answer<()> {
        let open = self.shared.lock().opened(handle.0)?;
        self.sync(number, Some(open.file))
    }
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
