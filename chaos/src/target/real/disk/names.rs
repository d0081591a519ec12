//! Numbers of files, and where they are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The number of the topmost folder.
pub(super) const ROOT: u64 = 1;

/// Each file has one number for good, also after it is renamed or removed.
#[derive(Debug)]
pub(super) struct Names {
    paths: HashMap<u64, PathBuf>,
    numbers: HashMap<PathBuf, u64>,
    next: u64,
}

impl Names {
    pub(super) fn new(root: PathBuf) -> Self {
        let mut names = Self {
            paths: HashMap::new(),
            numbers: HashMap::new(),
            next: ROOT + 1,
        };
        names.put(ROOT, root);
        names
    }

    pub(super) fn path(&self, number: u64) -> Option<&Path> {
        self.paths.get(&number).map(PathBuf::as_path)
    }

    /// The number of the file there; a new one if it has none.
    pub(super) fn number(&mut self, path: &Path) -> u64 {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        self.put(number, path.to_owned());
        number
    }

    /// From now on this file is there.
    pub(super) fn put(&mut self, number: u64, path: PathBuf) {
        if let Some(before) = self.paths.insert(number, path.clone())
            && self.numbers.get(&before) == Some(&number)
        {
            self.numbers.remove(&before);
        }
        self.numbers.insert(path, number);
    }

    pub(super) fn forget(&mut self, number: u64) {
        if let Some(path) = self.paths.remove(&number)
            && self.numbers.get(&path) == Some(&number)
        {
            self.numbers.remove(&path);
        }
    }

    /// A file or a folder with everything in it has moved.
    pub(super) fn moved(&mut self, from: &Path, to: &Path) {
        let moved: Vec<_> = self
            .numbers
            .iter()
            .filter_map(|(path, number)| Some((*number, path.strip_prefix(from).ok()?.to_owned())))
            .collect();
        for (number, rest) in moved {
            // An empty rest would add a slash.
            let path = match rest.as_os_str().is_empty() {
                true => to.to_owned(),
                false => to.join(rest),
            };
            self.put(number, path);
        }
    }
}
