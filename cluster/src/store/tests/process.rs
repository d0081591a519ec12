//! Failures that need a process of their own: this test binary starts itself again as the victim.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use openraft::storage::{
    IOFlushed, RaftLogReader, RaftLogStorage, RaftLogStorageExt, RaftSnapshotBuilder,
    RaftStateMachine,
};
use openraft::type_config::TypeConfigExt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::snapshots;
use super::world::*;
use crate::consensus_types::TypeConfig;
use crate::store::{Options, Store};

const DIRECTORY: &str = "CAMEO_STORE_TEST_DIRECTORY";
const SIGKILL: i32 = 9;
/// Entries in flight at once: enough for shared syncs.
const IN_FLIGHT: u64 = 8;
/// File size limit of the kernel, in `ulimit` units of 512 or 1024 bytes.
const FILE_LIMIT: &str = "6000";

fn victim(world: &World, name: &str, shell: &str) -> Child {
    Command::new("sh")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("store::tests::process::{name}"),
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, world.dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY)
        .expect("started by the test that needs it")
        .into()
}

/// The numbers after "acked ".
fn acked(lines: impl BufRead) -> impl Iterator<Item = u64> {
    lines
        .lines()
        .filter_map(|line| line.ok()?.strip_prefix("acked ")?.parse().ok())
}

#[tokio::test]
#[ignore = "the victim of killed_at_any_moment_a_node_keeps_what_it_acknowledged"]
async fn write_until_killed() {
    let options = Options {
        drain_every: Duration::from_millis(2),
        ..options()
    };
    let mut opened = Store::open(&directory(), Arc::new(TextMachine), options).unwrap();
    let mut index = opened
        .log
        .get_log_state()
        .await
        .unwrap()
        .last_log_id
        .map_or(0, |id| id.index() + 1);
    let not_applied = opened.log.try_get_log_entries(..).await.unwrap();
    let applied = opened.state.applied().map_or(0, |(_, index)| index + 1);
    apply(&mut opened, not_applied[applied as usize..].to_vec()).await;
    loop {
        let mut flushed = Vec::new();
        for next in index..index + IN_FLIGHT {
            let (sender, receiver) = TypeConfig::oneshot();
            opened
                .log
                .append(append_indexes(next, next + 1), IOFlushed::signal(sender))
                .await
                .unwrap();
            flushed.push(receiver);
        }
        for (receiver, next) in flushed.into_iter().zip(index..) {
            receiver.await.unwrap().unwrap();
            println!("acked {next}");
        }
        apply(&mut opened, append_indexes(index, index + IN_FLIGHT)).await;
        index += IN_FLIGHT;
    }
}

#[tokio::test]
async fn killed_at_any_moment_a_node_keeps_what_it_acknowledged() {
    let world = World::new();
    let mut acknowledged = None;
    for round in 0..6 {
        let mut child = victim(&world, "write_until_killed", "exec \"$0\" \"$@\"");
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let enough = acknowledged.map_or(0, |last| last + 1) + 40 * (round + 1);
        let reached = acked(&mut lines).find(|index| *index >= enough);
        child.kill().unwrap();
        let rest = acked(&mut lines).last();
        assert_eq!(child.wait().unwrap().signal(), Some(SIGKILL));
        acknowledged = rest.or(reached).or(acknowledged);

        let mut opened = world.open();
        let log = opened.log.try_get_log_entries(..).await.unwrap();
        let end = log.len() as u64;
        assert!(
            Some(end) > acknowledged,
            "round {round}: {end} entries, acknowledged {acknowledged:?}"
        );
        assert_eq!(log, append_indexes(0, end), "round {round}");
        let applied = opened.state.applied().map_or(0, |(_, index)| index + 1);
        let expected: String = (0..applied).map(|index| format!("{index},")).collect();
        assert_eq!(
            row(&opened, "all").unwrap_or_default(),
            expected,
            "round {round}"
        );
        apply(&mut opened, log[applied as usize..].to_vec()).await;
    }
}

#[tokio::test]
#[ignore = "the victim of attack_a_snapshot_without_a_free_descriptor_is_built_later"]
async fn build_without_descriptors() {
    let mut opened = Store::open(&directory(), Arc::new(TextMachine), options()).unwrap();
    commit(&mut opened, append_indexes(0, 10)).await;
    // given no snapshot yet, and no file that can be opened
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        ..limit
    };
    setrlimit(Resource::Nofile, none).unwrap();
    let builder = opened.state_machine.try_create_snapshot_builder(true).await;
    let mut builder = builder.unwrap();
    let mut building = tokio::spawn(async move { builder.build_snapshot().await });
    // when it is built, then it does not fail, and the node goes on
    let early = tokio::time::timeout(Duration::from_millis(200), &mut building).await;
    assert!(early.is_err(), "{early:?}");
    commit(&mut opened, append_indexes(10, 20)).await;
    // and it is built once there are descriptors again
    setrlimit(Resource::Nofile, limit).unwrap();
    let built = building.await.unwrap().unwrap();
    assert_eq!(built.meta.last_log_id, Some(log_id(1, 19)));
}

#[tokio::test]
async fn attack_a_snapshot_without_a_free_descriptor_is_built_later() {
    let world = World::new();
    let child = victim(&world, "build_without_descriptors", "exec \"$0\" \"$@\"");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
#[ignore = "the victim of a_received_snapshot_is_installed_once_there_is_room"]
async fn install_without_room() {
    let source = World::new();
    let mut from = source.open();
    let row_of = |index| command(1, index, &format!("row {index}={}", "x".repeat(1 << 20)));
    commit(&mut from, (0..4).map(row_of).collect()).await;
    let built = snapshots::build_certified(&from).await;
    let bytes = std::fs::read(built.snapshot.path()).unwrap();
    let mut opened = Store::open(&directory(), Arc::new(TextMachine), options()).unwrap();
    let received = snapshots::receive(&opened, &bytes).await.unwrap();
    // given no room for the database that is loaded from it
    let limit = getrlimit(Resource::Fsize);
    let allow = |bytes| {
        let little = Rlimit {
            current: Some(bytes),
            ..limit
        };
        setrlimit(Resource::Fsize, little).unwrap();
    };
    allow(0);
    let (meta, snapshot) = (received.meta, received.snapshot);
    let mut installing = tokio::spawn(async move {
        opened
            .state_machine
            .install_snapshot(&meta, snapshot)
            .await?;
        Ok::<_, std::io::Error>(opened)
    });
    // when it is installed, then it does not fail, which would be the end of openraft
    // wherever in the database the room ends
    for bytes in [0, 100_000, 600_000, 1_000_000] {
        allow(bytes);
        let early = tokio::time::timeout(Duration::from_millis(300), &mut installing).await;
        assert!(early.is_err(), "{bytes}: {early:?}");
    }
    // and it is installed once there is room
    setrlimit(Resource::Fsize, limit).unwrap();
    let opened = installing.await.unwrap().unwrap();
    assert_eq!(opened.state.hash(), from.state.hash());
}

#[tokio::test]
async fn a_received_snapshot_is_installed_once_there_is_room() {
    let world = World::new();
    // With the signal ignored the kernel returns EFBIG, as for a full quota.
    let shell = "trap '' XFSZ; exec \"$0\" \"$@\"";
    let child = victim(&world, "install_without_room", shell);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
#[ignore = "the victim of a_full_disk_is_an_error_and_loses_nothing"]
async fn write_until_full() {
    let mut opened = Store::open(&directory(), Arc::new(TextMachine), options()).unwrap();
    let filler = "x".repeat(100_000);
    for index in 0.. {
        let entry = command(1, index, &format!("filler={filler}"));
        match opened.log.blocking_append(vec![entry]).await {
            Ok(()) => println!("acked {index}"),
            Err(error) => {
                println!("refused: {error}");
                break;
            }
        }
    }
    let again = opened.log.blocking_append(append_indexes(1000, 1001)).await;
    assert!(again.is_err(), "accepted an entry after a lost one");
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_loses_nothing() {
    let world = World::new();
    // With the signal ignored the kernel returns EFBIG, as for a full quota.
    let shell = format!("trap '' XFSZ; ulimit -f {FILE_LIMIT}; exec \"$0\" \"$@\"");
    let mut child = victim(&world, "write_until_full", &shell);
    let mut output = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{output}");
    assert!(output.contains("refused: "), "{output}");
    assert!(output.contains("no room left for the log"), "{output}");
    let last = acked(output.as_bytes()).last().unwrap();

    let mut opened = world.open();

    let log = opened.log.try_get_log_entries(..).await.unwrap();
    assert!(log.len() as u64 > last);
    let next = log.len() as u64;
    append(&mut opened, append_indexes(next, next + 1)).await;
}
