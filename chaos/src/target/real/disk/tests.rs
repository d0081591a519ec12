//! The disk by itself: what a power failure keeps and takes. Mounted where FUSE is there, and over
//! the state alone everywhere.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::names::{Names, ROOT};
use super::unsynced::{Change, Unsynced, bytes};

/// A folder with the record of what is not durable in it.
struct World {
    folder: tempfile::TempDir,
    names: Names,
    unsynced: Unsynced,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let names = Names::new(folder.path().to_owned());
        Self {
            folder,
            names,
            unsynced: Unsynced::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn create(&mut self, name: &str) -> u64 {
        let path = self.path(name);
        fs::write(&path, b"").expect("written");
        let file = self.names.number(&path);
        self.unsynced.add(Change::Created { file, folder: ROOT });
        file
    }

    fn write(&mut self, file: u64, offset: u64, data: &[u8]) {
        let path = self.names.path(file).expect("there").to_owned();
        let length = u64::try_from(data.len()).expect("small");
        let old_size = fs::metadata(&path).expect("there").len();
        let old = bytes(&path, offset, length).expect("read");
        let opened = OpenOptions::new().write(true).open(path).expect("open");
        opened.write_all_at(data, offset).expect("written");
        self.unsynced.add(Change::Wrote {
            file,
            offset,
            old,
            length,
            old_size,
        });
    }

    fn rename(&mut self, from: &str, to: &str) {
        let (from, to) = (self.path(from), self.path(to));
        fs::rename(&from, &to).expect("renamed");
        self.names.moved(&from, &to);
        self.unsynced.add(Change::Renamed {
            folders: [ROOT, ROOT],
            from,
            to,
            replaced: None,
        });
    }

    fn sync(&mut self, what: u64) {
        let now = self.unsynced.now();
        self.unsynced.synced(what, now);
    }

    fn fail_power(&mut self, tear: Option<u64>) -> (u64, u64) {
        let taken = self.unsynced.take_back(&mut self.names, tear);
        let taken = taken.expect("taken back");
        (taken.lost, taken.torn)
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }
}

#[test]
fn given_a_synced_write_when_the_power_fails_then_it_is_kept_and_later_ones_are_lost() {
    let mut world = World::new();
    let file = world.create("log");
    world.write(file, 0, b"kept");
    world.sync(file);
    world.write(file, 2, b"later");
    assert_eq!(world.content("log").as_deref(), Some(&b"kelater"[..]));
    assert_eq!(world.fail_power(None), (1, 0));
    assert_eq!(world.content("log").as_deref(), Some(&b"kept"[..]));
}

#[test]
fn given_a_file_that_was_never_synced_when_the_power_fails_then_it_is_not_there() {
    let mut world = World::new();
    let file = world.create("new");
    world.write(file, 0, b"data");
    world.fail_power(None);
    assert_eq!(world.content("new"), None);
}

#[test]
fn given_a_rename_without_a_sync_of_its_folder_when_the_power_fails_then_it_is_undone() {
    let mut world = World::new();
    let file = world.create("a");
    world.write(file, 0, b"data");
    world.sync(file);
    world.rename("a", "b");
    world.fail_power(None);
    assert_eq!(world.content("a").as_deref(), Some(&b"data"[..]));
    assert_eq!(world.content("b"), None);

    world.rename("a", "b");
    world.sync(ROOT);
    world.fail_power(None);
    assert_eq!(world.content("b").as_deref(), Some(&b"data"[..]));
}

#[test]
fn given_unsynced_writes_when_one_is_torn_then_a_part_of_it_and_all_before_it_are_there() {
    let mut world = World::new();
    let file = world.create("log");
    world.write(file, 0, b"first.");
    world.write(file, 6, b"second");
    // An even number tears the last; the higher bits say how much of it is kept.
    let (lost, torn) = world.fail_power(Some(2 << 8));
    assert_eq!((lost, torn), (0, 1));
    assert_eq!(world.content("log").as_deref(), Some(&b"first.sec"[..]));
}

/// A mounted disk; None where there is no FUSE, which is said.
fn mounted(folder: &Path) -> Option<super::Disk> {
    let name = crate::target::real::owner::Owner::this().name("test");
    match super::Disk::mount(&folder.join("below"), &folder.join("at"), &name) {
        Ok(disk) => Some(disk),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

#[test]
fn given_a_mounted_disk_when_it_is_used_then_it_behaves_as_a_folder_and_loses_what_was_not_synced()
{
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = mounted(folder.path()) else {
        return;
    };
    let at = folder.path().join("at");
    let synced = fs::File::create_new(at.join("synced")).expect("created");
    synced.write_all_at(b"durable", 0).expect("written");
    synced.sync_all().expect("synced");
    synced.write_all_at(b"DUR", 0).expect("written");
    fs::create_dir(at.join("folder")).expect("made");
    fs::write(at.join("folder/lost"), b"x".repeat(300_000)).expect("written");
    let names: Vec<_> = fs::read_dir(&at).expect("listed").collect();
    assert_eq!(names.len(), 2);
    assert_eq!(
        fs::read(at.join("folder/lost")).expect("read").len(),
        300_000
    );
    drop(synced);

    disk.let_die();
    assert!(fs::read(at.join("synced")).is_err());
    let counts = disk.restore_power(None).expect("restored");
    assert!(counts.lost >= 3, "{counts:?}");
    assert_eq!(fs::read(at.join("synced")).expect("read"), b"durable");
    assert!(!at.join("folder").exists());
}

#[test]
fn given_a_mounted_disk_when_it_is_in_trouble_then_its_users_are_told_and_it_is_counted() {
    use super::Trouble;
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = mounted(folder.path()) else {
        return;
    };
    let at = folder.path().join("at");
    fs::write(at.join("file"), b"0123456789abcdef").expect("written");

    let free = || rustix::fs::statvfs(&at).expect("its space").f_bavail;
    assert!(free() > 0);
    disk.set(Trouble::Full);
    assert_eq!(free(), 0);
    assert_eq!(disk.counts().told_full, 1);
    let full = fs::write(at.join("other"), b"x").expect_err("no space");
    assert_eq!(full.raw_os_error(), Some(28));
    disk.set(Trouble::FailingSync);
    let file = OpenOptions::new()
        .write(true)
        .open(at.join("file"))
        .expect("open");
    assert_eq!(
        file.sync_data().expect_err("not synced").raw_os_error(),
        Some(5)
    );
    drop(file);
    assert_eq!(disk.counts().refused, 2);

    disk.set(Trouble::None);
    fs::create_dir(at.join("folder")).expect("folder");
    fs::rename(at.join("file"), at.join("folder/file")).expect("renamed");
    assert!(!disk.damage("other", 11).expect("listed"));
    // The kernel says a little later that the file is closed.
    while !disk.damage("fold", 11).expect("listed") {
        std::thread::yield_now();
    }
    let read = || fs::read(at.join("folder/file")).expect("read");
    let seen = std::iter::repeat_with(read).find(|_| disk.damaged().is_some());
    let seen = seen.expect("endless");
    assert_eq!(disk.damaged().as_deref(), Some(Path::new("folder/file")));
    let differ = seen.iter().zip(b"0123456789abcdef").filter(|(a, b)| a != b);
    assert_eq!(differ.count(), 1);
    disk.mend();
    assert_eq!(read(), b"0123456789abcdef");
    assert_eq!(disk.counts().damaged_reads, 1);
}
