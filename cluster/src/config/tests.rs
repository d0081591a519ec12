#![allow(clippy::unwrap_used)]
use super::*;

pub(crate) fn check(line: &str) -> Result<Config, ConfigError> {
    let words = ["cameod"].into_iter().chain(line.split_whitespace());
    CommandLine::try_parse_from(words)
        .unwrap()
        .run
        .unwrap()
        .check()
}

pub(crate) const REST: &str = "--data /d --secret /s";

#[test]
fn the_flags_of_the_readme_are_valid() {
    let config = check(&format!(
        "--id 2 --peers 1=a:7001,2=b:7002,3=c:7003 --http 127.0.0.1:7102 {REST}"
    ))
    .unwrap();
    assert_eq!(config.id, NodeId(2));
    assert_eq!(config.peers[&NodeId(3)], "c:7003");
    assert_eq!(config.http.port(), 7102);
}

#[test]
fn a_worker_has_a_token_instead_of_the_secret() {
    let line = "--worker --id 4 --peers 1=a:7001,4=d:7004 --http 127.0.0.1:7104 --data /d";
    let config = check(&format!("{line} --token /t")).unwrap();
    assert!(config.worker);
    assert_eq!(config.credential, CredentialFile::Token("/t".into()));
    assert_eq!(config.peers.len(), 2);
}

#[test]
fn given_an_address_to_listen_on_when_flags_are_checked_then_peers_keep_the_advertised_one() {
    let line = format!("--id 1 --peers 1=outside:7001 --http 127.0.0.1:7101 {REST}");
    assert_eq!(check(&line).unwrap().listen, None);
    let config = check(&format!("{line} --listen 0.0.0.0:17001")).unwrap();
    assert_eq!(config.listen, Some(([0, 0, 0, 0], 17001).into()));
    assert_eq!(config.peers[&NodeId(1)], "outside:7001");
}

#[test]
fn errors_of_invalid_flags_say_what_to_write() {
    let cases = [
        ("--id 4 --peers 1=a:1 --http 127.0.0.1:1", "add 4=HOST:PORT"),
        (
            "--id 1 --peers 1=a:1,1=b:1 --http 127.0.0.1:1",
            "node 1 twice",
        ),
        ("--id 1 --peers a:1 --http 127.0.0.1:1", "ID=HOST:PORT"),
        ("--id 1 --peers 1=a --http 127.0.0.1:1", "ID=HOST:PORT"),
        (
            "--id 1 --peers 1=a:1 --listen a:1 --http 127.0.0.1:1",
            "--listen 0.0.0.0:7001",
        ),
        (
            "--id 1 --peers 1=a:1 --listen 0.0.0.0:0 --http 127.0.0.1:1",
            "fixed port",
        ),
        ("--id 1 --peers 1=a:1 --http nowhere", "IP:PORT"),
        ("--id 1 --peers 1=a:1 --http 0.0.0.0:1", "--http-url https"),
        (
            "--id 1 --peers 1=a:1 --http 127.0.0.1:1 --metrics here",
            "--metrics 127.0.0.1:7201",
        ),
        (
            "--worker --id 4 --peers 4=a:1 --http 127.0.0.1:1",
            "cameod token",
        ),
        (
            "--id 1 --peers 1=a:1 --http 127.0.0.1:1 --http-url http://x",
            "https://HOST:PORT",
        ),
        (
            "--id 1 --peers 1=a:1 --http 0.0.0.0:1 --http-url https://0.0.0.0:1",
            "names no machine",
        ),
        (
            "--id 1 --peers 1=a:1 --http 127.0.0.1:1 --http-url https://[::]:1",
            "names no machine",
        ),
        (
            "--id 1 --peers 1=a:1 --http 127.0.0.1:1 --heartbeat-ms 200",
            "heartbeat-ms <",
        ),
    ];
    for (line, says) in cases {
        let error = check(&format!("{line} {REST}")).unwrap_err().to_string();
        assert!(error.contains(says), "{line}: {error}");
    }
}

#[test]
fn a_missing_credential_is_named_for_a_worker_and_for_a_voter() {
    let flags = "--id 4 --peers 4=a:1 --http 127.0.0.1:1 --data /d";
    let told = |line: &str| check(line).unwrap_err().to_string();
    let worker = told(&format!("--worker {flags}"));
    assert!(worker.contains("needs --token FILE"), "{worker}");
    let voter = told(flags);
    assert!(voter.contains("needs --secret FILE"), "{voter}");
}

#[test]
fn a_worker_with_a_secret_and_a_voter_with_a_token_are_told_apart() {
    let flags = "--id 4 --peers 4=a:1 --http 127.0.0.1:1 --data /d";
    let both = check(&format!("{flags} --worker --token /t --secret /s")).unwrap_err();
    assert_eq!(both, ConfigError::Credential);
    for credential in ["--token /t", "--token /t --secret /s"] {
        let voter = check(&format!("{flags} {credential}")).unwrap_err();
        assert_eq!(voter, ConfigError::NoWorker);
    }
}

#[test]
fn the_secret_command_needs_no_flags_of_a_node() {
    let line = CommandLine::try_parse_from(["cameod", "secret", "file"]).unwrap();
    assert!(matches!(line.verb, Some(Verb::Secret { .. })));
}

#[test]
fn the_word_that_a_folder_is_the_newest_is_of_voters_only() {
    let line = format!("--id 1 --peers 1=a:1 --http 127.0.0.1:1 {REST}");
    assert!(!check(&line).unwrap().folder_is_newest);
    let config = check(&format!("{line} --folder-is-newest")).unwrap();
    assert!(config.folder_is_newest);
    let worker = "--worker --token /t --id 4 --peers 4=a:1 --http 127.0.0.1:1 --data /d";
    let told = check(&format!("{worker} --folder-is-newest")).unwrap_err();
    assert_eq!(told, ConfigError::NoFolderOfWorkers);
}
