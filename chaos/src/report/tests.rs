//! The page is whole, and shows what it has to.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::html;
use super::picture::pack;
use crate::history::{History, read};
use crate::laws::judge;

const HISTORY: &str = concat!(
    r#"{"client":0,"key":"","f":"begin","arg":{"format":4,"target":"sim","seed":7,"nodes":3,"#,
    r#""started":1000,"workloads":["directory"],"command":"cameo-chaos sim <7>"},"out":{},"#,
    r#""call":0,"ret":0}"#,
    "\n",
    r#"{"client":1,"key":"user/ada","f":"register","arg":{"request":"REQ","owner":"KEY","#,
    r#""device":"KEY"},"out":{"ok":null},"call":1000,"ret":2000}"#,
    "\n",
    r#"{"client":2,"key":"user/ada","f":"look_up","arg":{"node":1},"out":{"ok":null},"#,
    r#""call":3000,"ret":4000}"#,
    "\n",
    r#"{"client":0,"key":"","f":"fault","arg":{"kind":"kill","on":"node 1"},"#,
    r#""out":{"bit":true,"seen":"it was gone"},"call":1500,"ret":2500}"#,
    "\n",
    r#"{"client":0,"key":"node/1","f":"observe","arg":null,"out":{"start":1,"term":3,"#,
    r#""leader":1,"leads":true,"committed":5,"applied":5,"state":null},"call":10,"ret":20}"#,
    "\n",
);

fn history() -> History {
    let text = HISTORY
        .replace("REQ", &"0a".repeat(16))
        .replace("KEY", &"0b".repeat(32));
    read(text.as_bytes()).unwrap()
}

#[test]
fn a_page_shows_the_broken_law_the_faults_and_the_command() {
    let history = history();
    let page = html(&history, &judge(&history, Duration::from_secs(60)));
    for expected in [
        "badge invalid",
        "no order explains row 3",
        "an acked registration was lost",
        "cameo-chaos sim &lt;7&gt;",
        "kill · node 1",
        "node 1",
        "class=\"leads\"",
        "class=\"evidence\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[test]
fn a_page_needs_nothing_else() {
    let history = history();
    let page = html(&history, &judge(&history, Duration::from_secs(60)));
    for unwanted in [
        "<script", "http://", "https://", "@import", "url(", "NaN", "inf",
    ] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    for tag in ["svg", "section", "table", "main", "html"] {
        let opened = page.matches(&format!("<{tag}")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn an_empty_history_has_a_page() {
    let history = History::default();
    let page = html(&history, &judge(&history, Duration::from_secs(60)));
    assert!(page.contains("inconclusive"));
    assert!(!page.contains("NaN"));
}

#[test]
fn spans_that_overlap_have_lanes_of_their_own() {
    let (lanes, count) = pack(&[(0.0, 5.0), (1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]);
    assert_eq!((lanes, count), (vec![0, 1, 1, 0], 2));
}
