//! Exports, read again by parsers of their own.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{EventKind, Process, events, write_edn, write_json};
use crate::history::{History, read};

const HISTORY: &str = concat!(
    r#"{"client":0,"key":"","f":"begin","arg":{"format":4,"target":"sim","seed":7,"nodes":3,"#,
    r#""started":1000,"workloads":["directory"],"command":"say \"go\""},"#,
    r#""out":{},"call":0,"ret":0}"#,
    "\n",
    r#"{"client":1,"key":"user/ada","f":"start_session","arg":{"request":"REQ","device":"KEY"},"#,
    r#""out":{"ok":4},"call":10,"ret":20}"#,
    "\n",
    r#"{"client":1,"key":"user/ada","f":"keep_alive","arg":{"request":"REQ","epoch":4},"#,
    r#""out":{"refused":"session_ended"},"call":20,"ret":30}"#,
    "\n",
    r#"{"client":2,"key":"user/ada","f":"keep_alive","arg":{"request":"REQ","epoch":4},"#,
    r#""out":null,"call":20,"ret":null}"#,
    "\n",
    r#"{"client":0,"key":"","f":"fault","arg":{"kind":"kill","on":"node 1"},"#,
    r#""out":{"bit":true,"seen":"it was gone"},"call":15,"ret":25}"#,
    "\n",
);

fn history() -> History {
    let text = HISTORY
        .replace("REQ", &"0a".repeat(16))
        .replace("KEY", &"0b".repeat(32));
    read(text.as_bytes()).unwrap()
}

/// Just enough of EDN to read what is written: keywords become strings with a colon.
fn edn(text: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Value {
    let skip = |text: &mut std::iter::Peekable<std::str::Chars<'_>>| {
        while text.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
    };
    skip(text);
    match text.next().unwrap() {
        '{' => {
            let mut fields = serde_json::Map::new();
            loop {
                skip(text);
                if text.next_if_eq(&'}').is_some() {
                    return Value::Object(fields);
                }
                let name = edn(text).as_str().unwrap().to_owned();
                assert!(name.starts_with(':'), "{name}");
                fields.insert(name, edn(text));
            }
        }
        '[' => {
            let mut items = Vec::new();
            loop {
                skip(text);
                if text.next_if_eq(&']').is_some() {
                    return Value::Array(items);
                }
                items.push(edn(text));
            }
        }
        '"' => {
            let mut string = String::new();
            loop {
                match text.next().unwrap() {
                    '"' => return Value::String(string),
                    '\\' => string.push(match text.next().unwrap() {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    }),
                    other => string.push(other),
                }
            }
        }
        first => {
            let mut word = String::from(first);
            let inside = |c: &char| c.is_alphanumeric() || ":-_.+*!?<>=/".contains(*c);
            while let Some(next) = text.next_if(inside) {
                word.push(next);
            }
            match word.as_str() {
                "nil" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                keyword if keyword.starts_with(':') => Value::String(word),
                number => Value::from(number.parse::<u64>().unwrap()),
            }
        }
    }
}

fn edn_lines(history: &History) -> Vec<Value> {
    let mut bytes = Vec::new();
    write_edn(history, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let parsed = text.lines().map(|line| {
        let mut characters = line.chars().peekable();
        let value = edn(&mut characters);
        assert_eq!(characters.next(), None, "{line}");
        value
    });
    parsed.collect()
}

#[test]
fn every_event_is_edn_as_jepsen_has_it() {
    let lines = edn_lines(&history());
    assert_eq!(lines.len(), 10);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line[":index"], index);
        assert!(
            line[":value"]
                .as_array()
                .is_some_and(|value| value.len() == 2)
        );
    }
    let shapes: Vec<_> = lines
        .iter()
        .map(|line| {
            let of = |name: &str| line[name].to_string().replace('"', "");
            format!(
                "{} {} {} {}",
                of(":process"),
                of(":type"),
                of(":f"),
                of(":time")
            )
        })
        .collect();
    let expected = [
        ":nemesis :info :begin 0",
        ":nemesis :info :begin 0",
        "1 :invoke :start-session 10000",
        ":nemesis :info :fault 15000",
        "2 :invoke :keep-alive 20000",
        "1 :ok :start-session 20000",
        "1 :invoke :keep-alive 20000",
        ":nemesis :info :fault 25000",
        "1 :fail :keep-alive 30000",
        "2 :info :keep-alive 30000",
    ];
    assert_eq!(shapes, expected);
    assert_eq!(lines[5][":value"], serde_json::json!(["user/ada", 4]));
    assert_eq!(lines[8][":error"], ":session-ended");
    assert_eq!(lines[0][":value"][1][":command"], "say \"go\"");
}

#[test]
fn the_json_tells_the_same() {
    let history = history();
    let mut bytes = Vec::new();
    write_json(&history, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let other = edn_lines(&history);
    assert_eq!(lines.len(), other.len());
    for (json, edn) in lines.iter().zip(&other) {
        assert_eq!(json["index"], edn[":index"]);
        assert_eq!(json["time"], edn[":time"]);
        assert_eq!(json["key"], edn[":value"][0]);
        assert_eq!(format!(":{}", json["type"].as_str().unwrap()), edn[":type"]);
    }
    assert_eq!(lines[8]["error"], "session_ended");
}

#[test]
fn every_client_has_one_operation_at_a_time() {
    let history = history();
    let mut open = BTreeSet::new();
    let mut last = BTreeMap::new();
    for event in events(&history) {
        assert!(last.insert(event.process, event.time) <= Some(event.time));
        if event.process == Process::Nemesis {
            continue;
        }
        if event.kind == EventKind::Invoke {
            assert!(open.insert(event.process), "{event:?}");
        } else {
            assert!(open.remove(&event.process), "{event:?}");
        }
    }
    assert!(open.is_empty());
}
