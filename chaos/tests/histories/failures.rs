//! Parts of histories of runs that failed, each by a bug that somebody had planted who had not seen
//! the laws: the laws go on noticing them.

use std::time::Duration;

use cameo_chaos::history::read;
use cameo_chaos::laws::judge;
use cameo_chaos::verdict::Law;

/// A registration was refused with "no majority, and nothing was done", and took effect.
const NO_THAT_WAS_NONE: &str = include_str!("recorded/a-no-that-was-none.jsonl");
/// New leaders never ended the session of a visitor who had given them no sign.
const VISITOR_FOR_EVER: &str = include_str!("recorded/a-visitor-for-ever.jsonl");
/// A worker kept the first half of an input whose client had gone away.
const UPLOAD_KEPT: &str = include_str!("recorded/an-upload-kept.jsonl");

#[test]
fn given_a_run_that_failed_when_it_is_judged_then_it_fails_by_the_same_law() {
    for (history, law) in [
        (NO_THAT_WAS_NONE, Law::D1),
        (VISITOR_FOR_EVER, Law::D4),
        (UPLOAD_KEPT, Law::J4),
    ] {
        let history = read(history.as_bytes()).unwrap();
        let judged = judge(&history, Duration::from_secs(60));
        assert_eq!(judged.broken(), [law], "{}", judged.text(&history));
    }
}
