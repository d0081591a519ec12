//! The format of histories: its bytes are pinned, and what is unknown is refused.
#![allow(clippy::unwrap_used)]

use cameo_common::api::ErrorCode;
use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;

use super::*;

const BEGIN: &str = concat!(
    r#"{"client":0,"key":"","f":"begin","#,
    r#""arg":{"format":4,"target":"sim","seed":7,"nodes":3,"started":1000,"#,
    r#""workloads":["ledger"],"command":"c"},"out":{},"call":0,"ret":0}"#,
);

fn begin() -> Row {
    let arg = Begin {
        format: FORMAT,
        target: "sim".into(),
        seed: 7,
        nodes: 3,
        started: Millis(1_000),
        workloads: vec!["ledger".into()],
        command: "c".into(),
        liars: Vec::new(),
    };
    let out = Some(Happened {});
    row(0, "", Op::Begin(Operation { arg, out }), 0, Some(0))
}

fn row(client: u64, key: &str, op: Op, call: u64, ret: Option<u64>) -> Row {
    Row {
        client,
        key: Key(key.to_owned()),
        op,
        call: Micros(call),
        ret: ret.map(Micros),
    }
}

fn debit(out: Option<Answer<Debited>>) -> Op {
    let arg = DebitArg {
        request: RequestId([1; 16]),
        device: PublicKey([2; 32]),
        statement: Hash([3; 32]),
        genuine: true,
    };
    Op::Debit(Operation { arg, out })
}

#[test]
fn a_row_has_the_pinned_form_and_comes_back_whole() {
    let debited = Debited {
        number: 1,
        used: 1,
        left: 2,
        index: 9,
    };
    let [one, two, three] = [
        RequestId([1; 16]).to_string(),
        "02".repeat(32),
        "03".repeat(32),
    ];
    let arg = format!(
        r#""arg":{{"request":"{one}","device":"{two}","statement":"{three}","genuine":true}}"#
    );
    let head = format!(r#"{{"client":4,"key":"grant/a","f":"debit",{arg},"out""#);
    let observed = Observed {
        start: 1,
        term: 2,
        leader: Some(NodeId(3)),
        leads: Some(false),
        committed: 5,
        applied: 4,
        state: None,
        log: Vec::new(),
        floors: Vec::new(),
    };
    let out = Some(observed);
    for (row, pinned) in [
        (begin(), BEGIN.to_owned()),
        (
            row(4, "grant/a", debit(Some(Answer::Ok(debited))), 5, Some(6)),
            format!(
                r#"{head}:{{"ok":{{"number":1,"used":1,"left":2,"index":9}}}},"call":5,"ret":6}}"#
            ),
        ),
        (
            row(
                4,
                "grant/a",
                debit(Some(Answer::Refused(ErrorCode::UsedUp))),
                5,
                Some(6),
            ),
            format!(r#"{head}:{{"refused":"used_up"}},"call":5,"ret":6}}"#),
        ),
        (
            row(4, "grant/a", debit(None), 5, None),
            format!(r#"{head}:null,"call":5,"ret":null}}"#),
        ),
        (
            row(
                0,
                "node/2",
                Op::Observe(Operation { arg: (), out }),
                7,
                Some(7),
            ),
            concat!(
                r#"{"client":0,"key":"node/2","f":"observe","arg":null,"#,
                r#""out":{"start":1,"term":2,"leader":3,"leads":false,"#,
                r#""committed":5,"applied":4,"state":null},"call":7,"ret":7}"#,
            )
            .to_owned(),
        ),
    ] {
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, pinned);
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }
}

#[test]
fn rows_recorded_before_a_panic_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let recorder = Recorder::create(&path).unwrap();
    let panicked = std::thread::spawn(move || {
        recorder.record(&begin());
        recorder.record(&row(1, "grant/a", debit(None), 1, None));
        panic!("the run goes wrong");
    });
    assert!(panicked.join().is_err());
    let read = read(std::fs::read(&path).unwrap().as_slice()).unwrap();
    assert_eq!(read.rows.len(), 2);
}

#[test]
fn what_is_no_history_is_refused_with_its_row() {
    let wrong_format = BEGIN.replace("\"format\":4", "\"format\":1");
    let half = r#"{"client":1,"key":"","f":"healed","arg":null,"out":null,"call":1,"ret":null}"#;
    for (text, expected) in [
        ("", "does not begin"),
        (half, "does not begin"),
        (wrong_format.as_str(), "format 4"),
        (&format!("{BEGIN}\n{{}}"), "row 2"),
        (
            &format!("{BEGIN}\n{}", half.replace("healed", "other")),
            "row 2",
        ),
        (
            &format!(
                "{BEGIN}\n{}",
                half.replace("\"ret\":null", "\"ret\":1,\"more\":1")
            ),
            "row 2",
        ),
    ] {
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
