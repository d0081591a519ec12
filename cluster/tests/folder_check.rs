//! `cameod check` on the folders of real nodes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cameo_harness::{Binaries, Cluster, until};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");

fn check(folder: &Path, flags: &[&str]) -> Output {
    let checked = Command::new(PROGRAM)
        .arg("check")
        .arg(folder)
        .args(flags)
        .output();
    checked.expect("it runs")
}

/// The one JSON document, and the exit code.
fn report(folder: &Path) -> (Value, Option<i32>) {
    let checked = check(folder, &["--json"]);
    let document = serde_json::from_slice(&checked.stdout);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    (document.expect(&said), checked.status.code())
}

/// The parts with this verdict.
fn parts(report: &Value, verdict: &str) -> Vec<String> {
    let parts = report["parts"].as_array().expect("parts").iter();
    let of = parts.filter(|part| part["verdict"] == verdict);
    of.map(|part| part["part"].as_str().expect("a name").to_owned())
        .collect()
}

/// Every file with its bytes, mode, and times of change.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        let known = fs::metadata(&path).expect("it is there");
        let bytes = match known.is_dir() {
            true => {
                let listed = fs::read_dir(&path).expect("a folder");
                pending.extend(listed.map(|entry| entry.expect("an entry").path()));
                Vec::new()
            }
            false => fs::read(&path).expect("a file"),
        };
        let changed = (known.mtime_nsec(), known.ctime_nsec());
        found.insert(path, (bytes, known.mode(), changed.0, changed.1));
    }
    found
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(copied.expect("it runs").success());
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = fs::read(path).expect("a file");
    let at = at(bytes.len());
    bytes[at] ^= 0x40;
    fs::write(path, bytes).expect("written");
}

/// The file in a folder whose name has this end.
fn named(folder: &Path, end: &str) -> PathBuf {
    let listed = fs::read_dir(folder).expect("a folder");
    let mut paths = listed.map(|entry| entry.expect("an entry").path());
    let found = paths.find(|path| path.to_string_lossy().ends_with(end));
    found.expect("it is there")
}

fn state(folder: &Path) -> PathBuf {
    let name = fs::read_to_string(folder.join("CURRENT")).expect("a name");
    folder.join(name.trim())
}

/// Three nodes that have run, with a certified snapshot.
async fn nodes(folder: &Path) -> Cluster {
    let binaries = Binaries {
        node: PROGRAM.into(),
        client: PROGRAM.into(),
    };
    let mut cluster = Cluster::prepare(&binaries, folder, 3).await.expect("made");
    for node in &mut cluster.nodes {
        node.flags
            .extend(["--snapshot-after", "10"].map(Into::into));
    }
    cluster.start_all().await.expect("they start");
    for mode in ["invite", "closed"].into_iter().cycle().take(12) {
        cluster.order(&["registration", mode]).await.expect("done");
    }
    let first = folder.join("node-1/data/snapshots");
    until(
        "a certified snapshot",
        std::time::Duration::from_secs(30),
        async || {
            let listed = fs::read_dir(&first).expect("a folder");
            let mut names = listed.map(|entry| entry.expect("an entry").path());
            names
                .any(|path| path.extension().is_some_and(|end| end == "snap"))
                .then_some(())
        },
    )
    .await
    .expect("in time");
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_nodes_folder_when_it_is_checked_then_damage_is_told_and_no_byte_changes() {
    let world = tempfile::tempdir().expect("a folder");
    let mut cluster = nodes(world.path()).await;
    let data = world.path().join("node-1/data");

    // given a running node, then its folder is left alone
    let (told, code) = report(&data);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told["error"]
            .as_str()
            .expect("text")
            .contains("a node is running"),
        "{told}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let (told, code) = report(folder.path());
    assert_eq!((code, &told["verdict"]), (Some(2), &"not_checked".into()));
    let spoken = check(&folder.path().join("none"), &[]);
    assert_eq!(spoken.status.code(), Some(2));
    assert!(spoken.stdout.is_empty());

    // when it has stopped, then the folder is whole, and no file of it has changed
    for node in &mut cluster.nodes {
        node.stop().await.expect("it stops");
    }
    let before = contents(&data);
    let (told, code) = report(&data);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told["verdict"], "whole");
    assert_eq!(told["node"], 1);
    let whole = parts(&told, "whole");
    for part in [
        "node.key",
        "NODE",
        "genesis",
        "secret-check",
        "wal",
        "floor",
        "peers",
        "origin",
        "start",
    ] {
        assert!(whole.iter().any(|found| found == part), "{part}: {told}");
    }
    assert!(
        whole.iter().any(|part| part.starts_with("snapshots/")),
        "{told}"
    );
    assert!(
        whole.iter().any(|part| part.starts_with("state-")),
        "{told}"
    );
    let certified = told
        .to_string()
        .contains("certified by a majority of the voters");
    assert!(certified, "{told}");
    let lines = check(&data, &[]);
    let lines = String::from_utf8(lines.stdout).expect("text");
    assert!(lines.ends_with("data is whole\n"), "{lines}");
    assert_eq!(contents(&data), before);

    every_damage_is_told(&data, world.path());
    of_parts_that_are_gone_no_more_is_said_than_is_known(&data, world.path());
    newer_versions_are_told(&data, world.path());
}

type Damage = (&'static str, fn(&Path));

fn every_damage_is_told(data: &Path, world: &Path) {
    let cases: [Damage; 11] = [
        ("node.key", |data| {
            flip(&data.join("node.key"), |length| length / 2)
        }),
        ("node.key", |data| {
            fs::remove_file(data.join("node.key")).expect("removed")
        }),
        ("NODE", |data| {
            fs::write(data.join("NODE"), [1]).expect("written")
        }),
        ("genesis", |data| {
            flip(&data.join("genesis"), |length| length / 2)
        }),
        ("secret-check", |data| {
            flip(&data.join("secret-check"), |length| length - 6)
        }),
        ("wal", |data| {
            flip(&named(&data.join("wal"), ".wal"), |length| length / 2)
        }),
        ("snapshots/", |data| {
            flip(&named(&data.join("snapshots"), ".snap"), |length| {
                length / 2
            })
        }),
        ("state-", |data| {
            let database = state(data).join("db");
            let length = fs::metadata(&database).expect("a file").len() as usize;
            for at in (0..length).step_by(64) {
                flip(&database, |_| at);
            }
        }),
        ("floor", |data| flip(&data.join("floor"), |_| 20)),
        ("floor", |data| {
            fs::remove_file(data.join("floor")).expect("removed")
        }),
        ("peers", |data| {
            flip(&data.join("peers"), |length| length / 2)
        }),
    ];
    for (at, (part, damage)) in cases.into_iter().enumerate() {
        let copied = world.join(format!("damaged-{at}"));
        copy(data, &copied);
        damage(&copied);
        let before = contents(&copied);
        let (told, code) = report(&copied);
        assert_eq!(code, Some(1), "{part}: {told}");
        let damaged = parts(&told, "damaged");
        assert!(
            damaged.iter().any(|found| found.starts_with(part)),
            "{part}: {told}"
        );
        assert_eq!(contents(&copied), before, "{part}");
        // Of a copy, that is told, and is no damage.
        assert!(
            parts(&told, "notice").contains(&"origin".to_owned()),
            "{told}"
        );
    }
}

fn remove(path: &Path) {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    removed.expect("removed");
}

/// Cuts bytes off the end of the log.
fn shorten_log(data: &Path, bytes: u64) {
    let path = named(&data.join("wal"), ".wal");
    let file = fs::OpenOptions::new().write(true).open(&path);
    let length = fs::metadata(&path).expect("a file").len();
    let cut = file.expect("opened").set_len(length - bytes);
    cut.expect("cut");
}

/// Parts that are removed, the verdict on the whole, and a part with its verdict.
type Gone = (
    &'static [&'static str],
    &'static str,
    (&'static str, &'static str),
);

fn of_parts_that_are_gone_no_more_is_said_than_is_known(data: &Path, world: &Path) {
    let cases: [Gone; 11] = [
        (&["state"], "unknown", ("unknown", "CURRENT")),
        (&["CURRENT"], "unknown", ("notice", "state-")),
        (&["wal"], "damaged", ("damaged", "start")),
        (&["wal", "state"], "damaged", ("damaged", "wal")),
        (
            &["wal", "state", "snapshots"],
            "damaged",
            ("damaged", "start"),
        ),
        (&["genesis"], "damaged", ("damaged", "genesis")),
        (&["genesis", "NODE"], "damaged", ("damaged", "genesis")),
        (
            &["genesis", "NODE", "wal", "state", "snapshots"],
            "damaged",
            ("damaged", "genesis"),
        ),
        (&["floor", "state"], "damaged", ("damaged", "floor")),
        (&["NODE"], "whole", ("notice", "NODE")),
        (
            &["peers", "origin", "secret-check"],
            "whole",
            ("notice", "peers"),
        ),
    ];
    for (at, (gone, verdict, (word, part))) in cases.into_iter().enumerate() {
        // given a copy without some of its parts
        let copied = world.join(format!("gone-{at}"));
        copy(data, &copied);
        for name in gone {
            remove(&match *name {
                "state" => state(&copied),
                name => copied.join(name),
            });
        }
        // when it is checked
        let (told, code) = report(&copied);
        // then the verdict is no better than what is known
        assert_eq!(told["verdict"], verdict, "{gone:?}: {told}");
        let expected = ["whole", "damaged", "unknown"].map(|known| known == verdict);
        let expected = expected.iter().position(|is_it| *is_it);
        assert_eq!(code.map(|code| code as usize), expected, "{gone:?}");
        let parts = parts(&told, word);
        assert!(
            parts.iter().any(|found| found.starts_with(part)),
            "{gone:?}: {told}"
        );
        if verdict != "whole" {
            assert!(
                !told.to_string().contains("nothing is lost"),
                "{gone:?}: {told}"
            );
        }
    }
    a_log_that_was_cut_short_is_no_whole_one(data, world);
}

fn a_log_that_was_cut_short_is_no_whole_one(data: &Path, world: &Path) {
    // given a log that was cut within a record, of a node that had stopped in order
    let cut = world.join("cut");
    copy(data, &cut);
    shorten_log(&cut, 3);
    let (told, code) = report(&cut);
    assert_eq!((code, &told["verdict"]), (Some(1), &"damaged".into()));
    assert!(
        parts(&told, "damaged").contains(&"wal".to_owned()),
        "{told}"
    );
    // and the same without its state, after a crash: then no more is known than that
    remove(&state(&cut));
    fs::write(cut.join("RUNNING"), "another boot\n").expect("written");
    let (told, code) = report(&cut);
    assert_eq!((code, &told["verdict"]), (Some(2), &"unknown".into()));
    let lines = String::from_utf8(check(&cut, &[]).stdout).expect("text");
    assert!(lines.contains("goes by what the"), "{lines}");
    assert!(lines.contains("other voters remember"), "{lines}");
    assert!(
        lines.lines().all(|line| line.chars().count() <= 100),
        "{lines}"
    );
}

fn newer_versions_are_told(data: &Path, world: &Path) {
    let copied = world.join("newer");
    copy(data, &copied);
    fs::write(copied.join("a photo.jpg"), "a picture").expect("written");
    let key = copied.join("node.key");
    let mut bytes = fs::read(&key).expect("a file");
    bytes[8] = 9;
    fs::write(&key, bytes).expect("written");
    let (told, code) = report(&copied);
    assert_eq!(code, Some(2), "{told}");
    assert_eq!(parts(&told, "newer"), ["node.key"]);
    assert!(
        parts(&told, "notice").contains(&"a photo.jpg".to_owned()),
        "{told}"
    );
    fs::write(copied.join("FORMAT"), "cameo-data 99\n").expect("written");
    let (told, code) = report(&copied);
    assert_eq!(code, Some(2));
    assert!(
        told["error"]
            .as_str()
            .expect("text")
            .contains("cameo-data 99"),
        "{told}"
    );
}
