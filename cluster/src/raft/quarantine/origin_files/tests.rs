#![allow(clippy::unwrap_used)]
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;

/// A folder with some files, with which a node has taken part, in a folder of its own.
fn taken_part() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    fs::create_dir_all(data.join("wal")).unwrap();
    fs::write(data.join("wal/1"), b"records").unwrap();
    renew(&data).unwrap();
    let made = changed(&Witness::First.within(&data));
    clock_goes_on_from(made, &root.path().join("clock"));
    (root, data)
}

/// Change time of a file: seconds and nanoseconds.
fn changed(file: &Path) -> (i64, i64) {
    let found = fs::metadata(file).unwrap();
    (found.ctime(), found.ctime_nsec())
}

/// Writes a file until its change time is another one: the clock of files may be as coarse as a
/// tick.
fn clock_goes_on_from(before: (i64, i64), file: &Path) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        fs::write(file, b"").unwrap();
        if changed(file) != before {
            return;
        }
        assert!(Instant::now() < end, "the clock of files stands still");
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

/// `cp -a`: with owners, modes and times.
fn copied(from: &Path, to: &Path) {
    run("cp", &["-a", from.to_str().unwrap(), to.to_str().unwrap()]);
}

fn may_be_copy(data: &Path) -> bool {
    matches!(origin(data).unwrap(), Origin::MayBeCopy(_))
}

#[test]
fn a_folder_that_a_node_has_left_is_the_original_however_often_it_is_started() {
    let (_root, data) = taken_part();
    for _ in 0..3 {
        assert_eq!(origin(&data).unwrap(), Origin::Original);
        // Without a start it stays so,
        assert_eq!(origin(&data).unwrap(), Origin::Original);
        // and while its other files are written.
        fs::write(data.join("wal/1"), b"more records").unwrap();
        renew(&data).unwrap();
        let witnesses = [Witness::First, Witness::Second];
        let there = witnesses.map(|witness| witness.within(&data).exists());
        assert_ne!(there[0], there[1], "one of the two is there");
    }
}

#[test]
fn a_folder_of_an_earlier_build_may_be_a_copy_until_a_node_takes_part() {
    let root = tempfile::tempdir().unwrap();
    let no_record = Origin::MayBeCopy(NotProven::NoRecord);
    assert_eq!(origin(root.path()).unwrap(), no_record);
    renew(root.path()).unwrap();
    assert_eq!(origin(root.path()).unwrap(), Origin::Original);
}

#[test]
fn a_folder_that_is_moved_away_and_back_is_no_copy() {
    let (root, data) = taken_part();
    let away = root.path().join("away");
    fs::rename(&data, &away).unwrap();
    // Another one takes its place meanwhile.
    copied(&away, &data);
    assert!(may_be_copy(&data));
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&away, &data).unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
}

#[test]
fn attack_a_copy_of_a_folder_is_told_from_it_however_it_was_made() {
    let is_changed = Origin::MayBeCopy(NotProven::Changed);
    type Put = fn(&Path, &Path);
    let ways: [(&str, Put); 5] = [
        ("cp -a in the place of it", |copy, data| {
            fs::remove_dir_all(data).unwrap();
            copied(copy, data);
        }),
        ("cp -a over it", |copy, data| {
            copied(&copy.join("."), data);
        }),
        ("moved into its place", |copy, data| {
            fs::remove_dir_all(data).unwrap();
            fs::rename(copy, data).unwrap();
        }),
        ("its files moved over those", |copy, data| {
            for entry in fs::read_dir(copy).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    fs::rename(entry.path(), data.join(entry.file_name())).unwrap();
                }
            }
        }),
        ("tar", |copy, data| {
            let archive = copy.with_extension("tar");
            let (archive, copy) = (archive.to_str().unwrap(), copy.to_str().unwrap());
            run("tar", &["-C", copy, "-cf", archive, "."]);
            run("tar", &["-C", data.to_str().unwrap(), "-xpf", archive]);
        }),
    ];
    for (way, put) in ways {
        // given a copy that was made while this node took part
        let (root, data) = taken_part();
        let copy = root.path().join("copy");
        copied(&data, &copy);
        // when it is put back, with all the bytes and times that the folder has itself
        put(&copy, &data);
        // then that is noticed, until a node has taken part with it.
        assert_eq!(origin(&data).unwrap(), is_changed, "{way}");
        renew(&data).unwrap();
        assert_eq!(origin(&data).unwrap(), Origin::Original, "{way}");
    }
}

#[test]
fn attack_a_copy_of_an_earlier_start_is_told_by_its_times() {
    // given a copy of before a start, as a tool has it that skips files of the same size and time
    let (root, data) = taken_part();
    let copy = root.path().join("copy");
    copied(&data, &copy);
    renew(&data).unwrap();
    // when it copies what differs
    for entry in fs::read_dir(&copy).unwrap().map(Result::unwrap) {
        let of = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.size(), found.mtime(), found.mtime_nsec()))
        };
        let target = data.join(entry.file_name());
        if entry.file_type().unwrap().is_file() && of(&entry.path()) != of(&target) {
            copied(&entry.path(), &target);
        }
    }
    // then the witness of that start is a copy.
    assert_eq!(
        origin(&data).unwrap(),
        Origin::MayBeCopy(NotProven::Changed)
    );
}

#[test]
fn attack_a_witness_that_is_written_over_with_its_own_bytes_is_a_copy() {
    let (_root, data) = taken_part();
    let witness = Witness::First.within(&data);
    let before = fs::metadata(&witness).unwrap();
    fs::write(&witness, b"").unwrap();
    assert_eq!(fs::metadata(&witness).unwrap().ino(), before.ino());
    assert!(may_be_copy(&data));
}

#[test]
fn a_start_that_ends_at_any_step_leaves_the_folder_as_it_was() {
    let (_root, data) = taken_part();
    // Given a process that has made the next witness, and no record of it
    fs::write(Witness::Second.within(&data), b"").unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
    // or that has written a part of the record,
    fs::write(data.join("origin.part"), b"came").unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
    // then the next one goes on.
    renew(&data).unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
    // The same of one that has not removed the witness of before.
    fs::write(Witness::First.within(&data), b"").unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
    renew(&data).unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
}

#[test]
fn a_record_that_cannot_be_written_leaves_the_folder_as_it_was_and_is_written_later() {
    let (_root, data) = taken_part();
    // Given a disk that takes no record: a folder is where it is written
    fs::create_dir(data.join("origin.part")).unwrap();
    assert!(renew(&data).is_err());
    assert_eq!(origin(&data).unwrap(), Origin::Original);
    fs::remove_dir(data.join("origin.part")).unwrap();
    renew(&data).unwrap();
    assert_eq!(origin(&data).unwrap(), Origin::Original);
}

#[test]
fn without_its_witness_or_whole_record_a_folder_may_be_a_copy() {
    let (_root, data) = taken_part();
    let whole = fs::read(data.join(RECORD)).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(data.join(RECORD), damaged).unwrap();
        let damaged = Origin::MayBeCopy(NotProven::Damaged);
        assert_eq!(origin(&data).unwrap(), damaged, "byte {at}");
    }
    fs::write(data.join(RECORD), b"").unwrap();
    assert!(may_be_copy(&data));
    fs::write(data.join(RECORD), whole).unwrap();
    fs::remove_file(Witness::First.within(&data)).unwrap();
    let gone = Origin::MayBeCopy(NotProven::Gone);
    assert_eq!(origin(&data).unwrap(), gone);
}

#[test]
fn the_bytes_of_a_record_are_pinned_and_another_version_is_refused() {
    let record = Record {
        witness: Witness::Second,
        inode: 300,
        changed_seconds: -1,
        changed_nanoseconds: 64,
    };
    let summed = |body: &[u8]| [body, &crc32fast::hash(body).to_le_bytes()].concat();
    let body = [&b"cameoori"[..], &[1, 1, 0xac, 2, 1, 0x80, 1]].concat();
    assert_eq!(encode(&record), summed(&body));
    let read = envelope::decode::<Record>(MAGIC, VERSION, &summed(&body));
    assert_eq!(read, Ok(record));

    let root = tempfile::tempdir().unwrap();
    let mut later = body;
    later[8] = 2;
    fs::write(root.path().join(RECORD), summed(&later)).unwrap();
    let refused = origin(root.path());
    assert!(matches!(refused, Err(OriginError::UnknownVersion(2))));
}
