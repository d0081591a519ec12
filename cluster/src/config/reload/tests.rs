#![allow(clippy::unwrap_used)]
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;

use super::*;
use crate::host::log;

const REST: &str = "version = 1\nid = 1\ndata = '/d'\npeers = ['1=a:7001']\n\
                    http = '127.0.0.1:7101'\nsecret = '/s'\n";

struct Running {
    _folder: TempDir,
    path: PathBuf,
    reload: Reload,
    filters: Arc<Mutex<Vec<String>>>,
}

/// A node that was started with a file of these lines.
fn started(lines: &str, environment: Environment) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    write(&path, lines);
    let arguments = vec!["cameod".into(), "--config".into(), path.clone().into()];
    let running = Layers::read(&arguments, environment).unwrap();
    let filters = Arc::new(Mutex::new(Vec::new()));
    let set = filters.clone();
    let handle = FilterHandle::new(move |filter| {
        set.lock().push(log::check_filter(filter)?);
        Ok(())
    });
    Running {
        _folder: folder,
        path,
        reload: Reload::new(arguments, environment, running, handle),
        filters,
    }
}

fn write(path: &Path, lines: &str) {
    std::fs::write(path, format!("{REST}{lines}")).unwrap();
}

fn none(_: &str) -> Option<OsString> {
    None
}

impl Running {
    fn after(&mut self, lines: &str) -> (Level, String) {
        write(&self.path, lines);
        self.reload.run()
    }

    fn filters(&self) -> Vec<String> {
        self.filters.lock().clone()
    }
}

#[test]
fn given_another_filter_when_it_is_read_again_then_it_is_taken_over_and_told() {
    let mut node = started("", none);
    let (level, told) = node.after("log = 'debug'\n");
    assert_eq!(level, Level::Info);
    assert!(
        told.ends_with("was read again: the log filter is now `debug`"),
        "{told}"
    );
    let (_, told) = node.after("log = 'debug'\n");
    assert!(told.ends_with("nothing has changed"), "{told}");
    // Back to the default.
    node.after("");
    assert_eq!(node.filters(), ["debug", DEFAULT_FILTER]);
}

#[test]
fn given_other_values_when_they_are_read_again_then_those_are_named_that_take_a_restart() {
    let mut node = started("job-memory = 512\n", none);
    for _ in 0..2 {
        let (_, told) = node.after("log = 'debug'\nmetrics = '127.0.0.1:1'\nlog-format = 'json'\n");
        let says = "these have changed since the start, and take a restart: \
                    job-memory, log-format, metrics";
        assert!(told.ends_with(says), "{told}");
    }
    assert_eq!(node.filters(), ["debug"]);
}

#[test]
fn given_a_file_that_cannot_be_used_when_it_is_read_again_then_nothing_changes_and_it_says_so() {
    let mut node = started("log = 'info'\n", none);
    for (lines, says) in [
        ("log = 'debug'\nhtp = 1\n", "line 8: `htp` is no key"),
        ("log = 'a=loud'\n", "line 7: `log` has `a=loud`"),
        ("log = 'debug'\nmetrics = 'here'\n", "--metrics has `here`"),
        (
            "log = 'debug'\nworker = true\n",
            "a worker has --token FILE",
        ),
    ] {
        let (level, told) = node.after(lines);
        assert_eq!(level, Level::Error);
        assert!(told.contains(says), "{told}");
        assert!(
            told.ends_with("The node goes on as before: nothing was changed"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1);
    }
    std::fs::remove_file(&node.path).unwrap();
    let (level, _) = node.reload.run();
    assert_eq!(level, Level::Error);
    assert!(node.filters().is_empty());
    // It recovers.
    node.after("log = 'debug'\n");
    assert_eq!(node.filters(), ["debug"]);
}

#[test]
fn given_a_filter_in_the_environment_when_the_file_changes_it_then_the_environment_stays_before_it()
{
    let mut node = started("", |name| (name == "CAMEO_LOG").then(|| "warn".into()));
    let (_, told) = node.after("log = 'debug'\n");
    assert!(
        told.ends_with("the log filter stays as CAMEO_LOG gives it"),
        "{told}"
    );
    assert!(node.filters().is_empty());
}

#[test]
fn given_no_file_when_it_is_to_be_read_again_then_it_says_so() {
    let line = "cameod --id 1 --data /d --peers 1=a:1 --http 127.0.0.1:1 --secret /s";
    let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let running = Layers::read(&arguments, none).unwrap();
    let handle = FilterHandle::new(|_| Ok(()));
    let (level, told) = Reload::new(arguments, none, running, handle).run();
    assert_eq!(level, Level::Warn);
    assert!(told.contains("no configuration file (--config)"), "{told}");
}
