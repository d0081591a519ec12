#![allow(clippy::unwrap_used)]
use super::*;

fn parsed(text: &str) -> Result<FileValues, FileError> {
    parse(Path::new("node.toml"), text, &RunOption::all())
}

fn told(text: &str) -> String {
    parsed(text).unwrap_err().to_string()
}

#[test]
fn each_type_of_value_is_read_as_its_flag_takes_it() {
    let text = "version = 1\nid = 2\n\n# a comment\npeers = [\"1=a:1\",\n  \"2=b:2\"]\n\
                worker = true\nhttp = '127.0.0.1:7101'\n";
    let values = parsed(text).unwrap();
    let value = |key: &str| (values[key].text.as_str(), values[key].line);
    assert_eq!(value("id"), ("2", 2));
    assert_eq!(value("peers"), ("1=a:1,2=b:2", 5));
    assert_eq!(value("worker"), ("true", 7));
    assert_eq!(value("http"), ("127.0.0.1:7101", 8));
    assert_eq!(values.len(), 4);
}

#[test]
fn a_fault_is_told_with_its_key_and_line() {
    for (text, says) in [
        ("version = 1\nhtp = 'a'", "line 2: `htp` is no key"),
        (
            "version = 1\n\n[listen]\na = 1",
            "line 3: `listen` is a table, and has to be a text",
        ),
        (
            "version = 1\nid = 'two'",
            "line 2: `id` is a text, and has to be a whole number",
        ),
        (
            "version = 1\nid = 0",
            "line 2: `id` has `0`: 0 is not in 1..",
        ),
        (
            "version = 1\nid = 1.5",
            "line 2: `id` is a number with a fraction",
        ),
        (
            "version = 1\npeers = '1=a:1'",
            "line 2: `peers` is a text, and has to be a list",
        ),
        (
            "version = 1\npeers = [1]",
            "line 2: `peers` is a list of other values",
        ),
        (
            "version = 1\nworker = 1",
            "line 2: `worker` is a whole number, and has to be true",
        ),
        (
            "version = 1\nheartbeat-ms = 2",
            "line 2: `heartbeat-ms` has `2`: 2 is not in 5..=",
        ),
        (
            "version = 1\nregistration = 'all'",
            "line 2: `registration` has `all`: ",
        ),
        (
            "version = 1\nlog = 'a=loud'",
            "line 2: `log` has `a=loud`: ",
        ),
        (
            "version = 1\nlog-format = 'xml'",
            "line 2: `log-format` has `xml`: ",
        ),
        ("version = 1\nid = 1\nid = 2", "line 3: this is no TOML: "),
        ("version = 1\nid =", "line 2: this is no TOML: "),
        (
            "version = 1\nconfig = 'b.toml'",
            "line 2: `config` can be given as a flag alone",
        ),
        (
            "version = 1\nfolder-is-newest = true",
            "line 2: `folder-is-newest` can be given as",
        ),
        (
            "version = 1\nhttp.port = 1",
            "line 2: `http` is a table, and has to be a text",
        ),
    ] {
        let told = told(text);
        assert!(told.starts_with(&format!("node.toml, {says}")), "{told}");
    }
}

/// Keys of another version mean something else: none of them is looked at.
#[test]
fn a_file_of_another_version_or_of_none_is_refused_before_its_keys() {
    let newer = told("colour = 'blue'\nversion = 2");
    assert!(
        newer.starts_with("node.toml, line 2: `version` is 2: this build reads"),
        "{newer}"
    );
    for version in ["0", "-1", "9223372036854775807"] {
        let other = told(&format!("version = {version}"));
        assert!(
            other.contains("this build reads files of version 1 alone"),
            "{other}"
        );
    }
    let text = told("version = 'one'");
    assert!(
        text.contains("line 1: `version` is a text, and has to be a whole number"),
        "{text}"
    );
    let none = told("id = 1");
    assert!(
        none.contains("begin it with the line `version = 1`"),
        "{none}"
    );
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    let options = RunOption::all();
    let told = read(&path, &options).unwrap_err().to_string();
    assert!(told.contains("node.toml"), "{told}");
    std::fs::write(&path, vec![b'#'; 64 * 1024]).unwrap();
    assert!(matches!(
        read(&path, &options),
        Err(FileError::NoVersion(_))
    ));
    std::fs::write(&path, vec![b'#'; 64 * 1024 + 1]).unwrap();
    assert!(matches!(read(&path, &options), Err(FileError::TooLarge(_))));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(
        read(&path, &options),
        Err(FileError::Unreadable { .. })
    ));
}

proptest::proptest! {
    /// No file makes a panic.
    #[test]
    fn any_text_is_read_or_refused(text in "(version = 1\n)?[a-z=\\[\\]{}\"'0-9.\n# -]{0,60}") {
        drop(parsed(&text));
    }
}
