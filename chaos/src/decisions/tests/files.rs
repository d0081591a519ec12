//! Files that are torn, rotated or unreadable.

use super::*;

#[test]
fn an_incomplete_line_is_accepted_at_the_very_end_only() {
    let good = text(&some(2));
    // given a node that was killed in the middle of a line
    let torn = check_text(&good[..good.len() - 30]);
    assert!(torn.ok, "{torn}");
    assert_eq!((torn.decisions, torn.torn[0].line), (1, 2));
    // given the same with something after it
    let (first, second) = good.split_once('\n').unwrap();
    let middle = format!("{}\n{second}", &first[..40]);
    assert_broken(&check_text(middle), 1, "not a line");
    // and in a rotated file
    let logs = Logs::new();
    logs.write("log.1", &good[..good.len() - 30]);
    let outcome = check(&[logs.write("log", text(&some(3)[2..]))]);
    assert_broken(&outcome, 2, "cut short");
}

#[test]
fn a_log_in_two_files_is_read_as_one() {
    let logs = Logs::new();
    let lines = some(6);
    let older = logs.write("log.1", text(&lines[2..4]));
    let newer = logs.write("log", text(&lines[4..]));
    for given in [vec![newer.clone()], vec![newer.clone(), older.clone()]] {
        let outcome = check(&given);
        assert!(outcome.ok, "{outcome}");
        assert_eq!(outcome.decisions, 4);
        assert_eq!(outcome.kept_from[0].sequence, 2);
    }
    // A missing line between the two files is detected.
    logs.write("log", text(&lines[5..]));
    assert_broken(&check(&[newer]), 1, "sequence 5 after 3");
    assert_eq!(check(&[older]).decisions, 2);
}

#[test]
fn a_line_that_cannot_be_read_is_a_violation() {
    let good = some(1).remove(0).to_line().unwrap();
    let schema = |schema| format!(r#""schema":{schema}"#);
    let newer = good.replacen(&schema(LOG_SCHEMA), &schema(LOG_SCHEMA + 1), 1);
    let more = good.replacen(r#""term""#, r#""more":0,"term""#, 1);
    for (line, why) in [
        (newer.as_bytes(), "schema 3"),
        (more.as_bytes(), "unknown field `more`"),
        (b"", "not a line"),
        (b"\xff", "not text"),
    ] {
        let outcome = check_text([good.as_bytes(), b"\n", line, b"\n"].concat());
        assert_broken(&outcome, 2, why);
    }
    let missing = check(&[Path::new("/nowhere/at/all").to_path_buf()]);
    assert_broken(&missing, 0, "cannot be read");
    assert_broken(&check_text(""), 0, "nothing was checked");
}
