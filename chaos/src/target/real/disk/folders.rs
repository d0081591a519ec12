//! Names in folders, as they are asked for and changed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fuser::{Errno, FileAttr, FileHandle, FileType, INodeNo, RenameFlags};
use rustix::fs::StatVfs;

use super::answer::Answer;
use super::attributes::attributes;
use super::layer::Layer;
use super::names::ROOT;
use super::state::State;
use super::trouble::{Asked, Trouble};
use super::unsynced::Change;

impl Layer {
    /// The space of the file system below; none is free while the disk is full.
    pub(super) fn space(&self) -> Answer<StatVfs> {
        let mut state = self.shared.ask(Asked::Look)?;
        let mut found = rustix::fs::statvfs(state.path(ROOT)?).map_err(io::Error::from)?;
        if state.trouble == Trouble::Full {
            state.counts.told_full += 1;
            found.f_bfree = 0;
            found.f_bavail = 0;
        }
        Ok(found)
    }

    pub(super) fn entry(&self, parent: INodeNo, name: &OsStr) -> Answer<FileAttr> {
        let mut state = self.shared.ask(Asked::Look)?;
        let path = child(&state, parent, name)?;
        attributes_at(&mut state, &path)
    }

    pub(super) fn get(&self, number: u64, handle: Option<FileHandle>) -> Answer<FileAttr> {
        let state = self.shared.ask(Asked::Look)?;
        let open = handle.and_then(|handle| state.open.get(&handle.0));
        let metadata = match open {
            Some(open) => open.file.metadata()?,
            None => fs::symlink_metadata(state.path(number)?)?,
        };
        Ok(attributes(number, &metadata))
    }

    pub(super) fn make_folder(&self, parent: INodeNo, name: &OsStr, mode: u32) -> Answer<FileAttr> {
        let mut state = self.shared.ask(Asked::Write)?;
        let path = child(&state, parent, name)?;
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777))?;
        created(&mut state, parent.0, &path);
        attributes_at(&mut state, &path)
    }

    pub(super) fn remove(&self, parent: INodeNo, name: &OsStr, is_folder: bool) -> Answer<()> {
        let mut state = self.shared.ask(Asked::Rename)?;
        let path = child(&state, parent, name)?;
        Ok(state.remove(parent.0, path, is_folder)?)
    }

    pub(super) fn move_name(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> Answer<()> {
        let mut state = self.shared.ask(Asked::Rename)?;
        let from_path = child(&state, from.0, from.1)?;
        let to_path = child(&state, to.0, to.1)?;
        if flags.contains(RenameFlags::RENAME_EXCHANGE) {
            return Err(Errno::EINVAL);
        }
        if flags.contains(RenameFlags::RENAME_NOREPLACE) && to_path.exists() {
            return Err(Errno::EEXIST);
        }
        Ok(state.rename([from.0.0, to.0.0], from_path, to_path)?)
    }

    /// The names in a folder, each with its number and type.
    pub(super) fn list(&self, number: u64) -> Answer<Vec<(u64, FileType, OsString)>> {
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

/// The path of a name in a folder.
pub(super) fn child(state: &State, parent: INodeNo, name: &OsStr) -> Answer<PathBuf> {
    Ok(state.path(parent.0)?.join(name))
}

/// The attributes of the file there.
pub(super) fn attributes_at(state: &mut State, path: &Path) -> Answer<FileAttr> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(attributes(state.names.number(path), &metadata))
}

/// Notes that there is a new name.
pub(super) fn created(state: &mut State, folder: u64, path: &Path) {
    let file = state.names.number(path);
    state.unsynced.add(Change::Created { file, folder });
}
