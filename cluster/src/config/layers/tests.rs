#![allow(clippy::unwrap_used)]
use super::*;
use crate::config::run_option::Kind;
use crate::config::{Config, CredentialFile};

/// Every option: a new flag fails here until it has its row, and its row in OPERATING.md.
const OPTIONS: &[(&str, Kind, &str, bool)] = &[
    ("config", Kind::Text, "CAMEOD_CONFIG", false),
    ("id", Kind::Number, "CAMEOD_ID", true),
    ("data", Kind::Text, "CAMEOD_DATA", true),
    ("worker", Kind::Switch, "CAMEOD_WORKER", true),
    ("peers", Kind::List, "CAMEOD_PEERS", true),
    ("listen", Kind::Text, "CAMEOD_LISTEN", true),
    ("http", Kind::Text, "CAMEOD_HTTP", true),
    ("http-url", Kind::Text, "CAMEOD_HTTP_URL", true),
    ("metrics", Kind::Text, "CAMEOD_METRICS", true),
    ("secret", Kind::Text, "CAMEOD_SECRET", true),
    ("token", Kind::Text, "CAMEOD_TOKEN", true),
    ("registration", Kind::Text, "CAMEOD_REGISTRATION", true),
    ("folder-is-newest", Kind::Switch, "", false),
    ("decisions", Kind::Text, "CAMEOD_DECISIONS", true),
    #[cfg(feature = "baselines")]
    ("placement", Kind::Text, "CAMEOD_PLACEMENT", true),
    #[cfg(feature = "baselines")]
    (
        "reports-every-ms",
        Kind::Number,
        "CAMEOD_REPORTS_EVERY_MS",
        true,
    ),
    ("job-memory", Kind::Number, "CAMEOD_JOB_MEMORY", true),
    ("disk-reserve", Kind::Number, "CAMEOD_DISK_RESERVE", true),
    ("log", Kind::Text, "CAMEO_LOG", true),
    ("log-format", Kind::Text, "CAMEOD_LOG_FORMAT", true),
    ("heartbeat-ms", Kind::Number, "CAMEOD_HEARTBEAT_MS", true),
    (
        "election-min-ms",
        Kind::Number,
        "CAMEOD_ELECTION_MIN_MS",
        true,
    ),
    (
        "election-max-ms",
        Kind::Number,
        "CAMEOD_ELECTION_MAX_MS",
        true,
    ),
    (
        "snapshot-after",
        Kind::Number,
        "CAMEOD_SNAPSHOT_AFTER",
        true,
    ),
];

/// A valid value of each kind, for options that need no special one.
fn value(name: &str) -> &str {
    match name {
        "peers" => "[\"1=a:1\"]",
        "worker" => "true",
        "id" => "1",
        "registration" => "\"open\"",
        "log-format" => "\"json\"",
        "placement" => "\"random\"",
        "heartbeat-ms" | "election-min-ms" | "election-max-ms" | "snapshot-after"
        | "reports-every-ms" => "50",
        "job-memory" | "disk-reserve" => "512",
        _ => "\"a\"",
    }
}

fn none(_: &str) -> Option<OsString> {
    None
}

fn words(line: &str) -> Vec<OsString> {
    let words = ["cameod"].into_iter().chain(line.split_whitespace());
    words.map(OsString::from).collect()
}

/// A folder with a file of the given lines, after its version.
fn file(lines: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    std::fs::write(&path, format!("version = 1\n{lines}")).unwrap();
    (folder, path.display().to_string())
}

fn checked(line: &str, environment: Environment) -> Config {
    let layers = Layers::read(&words(line), environment).unwrap();
    layers.run().unwrap().clone().check().unwrap()
}

#[test]
fn each_flag_has_its_key_its_variable_and_its_row_in_the_manual() {
    let found: Vec<_> = RunOption::all()
        .into_iter()
        .map(|option| {
            let variable = option.variable.unwrap_or_default();
            (option.name, option.kind, variable, option.is_key)
        })
        .collect();
    let expected: Vec<_> = OPTIONS
        .iter()
        .map(|(name, kind, variable, is_key)| {
            ((*name).to_owned(), *kind, (*variable).to_owned(), *is_key)
        })
        .collect();
    assert_eq!(found, expected);
    let manual = include_str!("../../../../docs/OPERATING.md");
    let command = CommandLine::command();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let flag = format!("`--{}`", arg.get_long().unwrap());
        assert!(manual.contains(&flag), "{flag} is not in OPERATING.md");
    }
}

/// That each key and variable reaches the flag of its name.
#[test]
fn each_key_is_taken_from_the_file() {
    for (name, _, _, is_key) in OPTIONS.iter().filter(|(.., is_key)| *is_key) {
        assert!(is_key);
        let (_folder, path) = file(&format!("{name} = {}", value(name)));
        let options = RunOption::all();
        let read = file::read(Path::new(&path), &options).unwrap();
        assert_eq!(read.len(), 1, "{name}");
    }
}

#[test]
fn the_example_of_the_manual_is_a_valid_file() {
    let manual = include_str!("../../../../docs/OPERATING.md");
    let example = manual.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    std::fs::write(&path, example).unwrap();
    let config = checked(&format!("--config {}", path.display()), none);
    assert_eq!(config.peers.len(), 3);
}

const FILE: &str = "id = 1\ndata = '/file'\npeers = ['1=a:7001', '2=b:7002']\n\
                    http = '127.0.0.1:7101'\nsecret = '/s'\njob-memory = 512\n";

#[test]
fn given_all_layers_when_they_are_read_then_flags_go_before_environment_before_file() {
    let (_folder, path) = file(FILE);
    let by_file = checked(&format!("--config {path}"), none);
    assert_eq!(by_file.data, Path::new("/file"));
    assert_eq!(by_file.job_memory, Some(512 << 20));
    assert_eq!(by_file.peers.len(), 2);
    // A default, which the file does not name.
    assert_eq!(by_file.snapshot_after, 50_000);

    let environment: Environment = |name| match name {
        "CAMEOD_DATA" => Some("/variable".into()),
        "CAMEOD_JOB_MEMORY" => Some("600".into()),
        "CAMEOD_SECRET" => Some("".into()),
        _ => None,
    };
    let by_variable = checked(&format!("--config {path}"), environment);
    assert_eq!(by_variable.data, Path::new("/variable"));
    assert_eq!(by_variable.job_memory, Some(600 << 20));
    // An empty variable counts as none.
    let credential = CredentialFile::Secret("/s".into());
    assert_eq!(by_variable.credential, credential);

    let by_flag = checked(&format!("--config {path} --data /flag"), environment);
    assert_eq!(by_flag.data, Path::new("/flag"));
    assert_eq!(by_flag.job_memory, Some(600 << 20));
}

#[test]
fn given_the_environment_alone_when_it_is_read_then_it_runs_a_node() {
    let config = checked("", |name| {
        let value = match name {
            "CAMEOD_ID" => "4",
            "CAMEOD_DATA" => "/d",
            "CAMEOD_PEERS" => "1=a:7001,4=d:7004",
            "CAMEOD_HTTP" => "127.0.0.1:7104",
            "CAMEOD_TOKEN" => "/t",
            "CAMEOD_WORKER" => "true",
            _ => return None,
        };
        Some(value.into())
    });
    assert!(config.worker);
    assert_eq!(config.peers.len(), 2);
}

#[test]
fn a_switch_of_the_file_is_off_again_by_its_variable() {
    let (_folder, path) = file(&format!("{FILE}worker = true\n"));
    let line = format!("--config {path}");
    let off: Environment = |name| (name == "CAMEOD_WORKER").then(|| "false".into());
    assert!(!checked(&line, off).worker);
    // On, it is a worker's, and the secret does not fit.
    let read = Layers::read(&words(&line), none).unwrap();
    let refused = read.run().unwrap().clone().check();
    assert_eq!(refused, Err(ConfigError::Credential));
}

#[test]
fn a_verb_takes_nothing_from_the_environment_of_a_node() {
    let all: Environment = |name| {
        let is_id = name == "CAMEOD_ID";
        Some(if is_id { "1" } else { "nonsense" }.into())
    };
    let layers = Layers::read(&words("secret file"), all).unwrap();
    assert!(layers.run().is_none());
    assert!(layers.into_line().verb.is_some());
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let told = |environment: Environment| {
        let read = Layers::read(&words("--id 1"), environment);
        read.unwrap_err().to_string()
    };
    let range = told(|name| (name == "CAMEOD_HEARTBEAT_MS").then(|| "2".into()));
    assert!(
        range.starts_with("CAMEOD_HEARTBEAT_MS has `2`: "),
        "{range}"
    );
    let switch = told(|name| (name == "CAMEOD_WORKER").then(|| "1".into()));
    assert!(switch.contains("write true or false"), "{switch}");
    let filter = told(|name| (name == "CAMEO_LOG").then(|| "a=loud".into()));
    assert!(filter.starts_with("CAMEO_LOG has `a=loud`: "), "{filter}");
}

#[test]
fn a_value_that_does_not_fit_the_others_is_told_with_its_origin() {
    let (_folder, path) = file(&FILE.replace("id = 1", "id = 3"));
    let layers = Layers::read(&words(&format!("--config {path}")), none).unwrap();
    let error = layers.run().unwrap().clone().check().unwrap_err();
    let told = layers.explain(&error);
    let origin = format!("(the value is from {path}, line 4)");
    assert!(told.contains("does not name this node"), "{told}");
    assert!(told.ends_with(&origin), "{told}");
}

#[test]
fn what_is_missing_in_all_layers_is_told_as_before() {
    let (_folder, path) = file("id = 1\n");
    let read = Layers::read(&words(&format!("--config {path}")), none);
    let told = read.unwrap_err().to_string();
    assert!(told.contains("--data <DATA>"), "{told}");
    assert!(!told.contains("--id <ID>\n"), "{told}");
}
