#![allow(clippy::unwrap_used)]
//! Logs that are as they should be, and logs with one thing wrong in each.

use std::path::Path;

use cameo_common::ids::{JobId, NodeId};
use cameo_dispatch::{
    Candidate, Choice, LOG_SCHEMA, LoadSample, PlacementInput, Score, Verdict, baselines::decide,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;

use super::*;

const LEADER: NodeId = 1;

fn worker(node: NodeId, backlog_cpu_ms: u64) -> Candidate {
    Candidate {
        node,
        voter: true,
        leader: node == LEADER,
        excluded: false,
        full: false,
        load: Some(LoadSample {
            age_ms: 10,
            usable_millicores: 600,
            cpu_share_permille: 500,
            slots: 1,
            running: u32::from(backlog_cpu_ms > 0),
            queued: 0,
            backlog_cpu_ms,
            incoming: 0,
            incoming_cpu_ms: 0,
            draining: false,
        }),
        reserved: 0,
        reserved_cpu_ms: 0,
    }
}

fn logged(term: u64, sequence: u64, candidates: Vec<Candidate>) -> Logged {
    let input = PlacementInput {
        policy: Policy::LeastProjected,
        term,
        job: JobId([1; 16]),
        sequence,
        cost_ms: 60,
        stale_after_ms: 300,
        max_wait_ms: 1000,
        seed: 7,
        candidates,
    };
    Logged {
        schema: LOG_SCHEMA,
        leader: LEADER,
        unix_ms: 1_790_000_000_000,
        dropped: 0,
        decision: decide(input),
    }
}

/// Two followers, the second with the longer wait, and the idle leader.
fn three() -> Vec<Candidate> {
    vec![worker(LEADER, 0), worker(2, 30), worker(3, 90)]
}

fn some(count: u64) -> Vec<Logged> {
    (0..count).map(|n| logged(4, n, three())).collect()
}

fn text(lines: &[Logged]) -> String {
    let line = |logged: &Logged| logged.to_line().unwrap() + "\n";
    lines.iter().map(line).collect()
}

struct Logs(TempDir);

impl Logs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn check_text(text: impl AsRef<[u8]>) -> Outcome {
    let logs = Logs::new();
    check(&[logs.write("log", text)])
}

fn check_lines(lines: &[Logged]) -> Outcome {
    check_text(text(lines))
}

/// The one violation that there has to be, and its line.
fn violation(outcome: &Outcome) -> (u64, &str) {
    assert!(!outcome.ok);
    let [one] = &outcome.violations[..] else {
        panic!("not one violation: {outcome}");
    };
    (one.line, &one.why)
}

fn assert_broken(outcome: &Outcome, line: u64, why: &str) {
    let (at, told) = violation(outcome);
    assert!(at == line && told.contains(why), "{at}: {told}");
}

#[test]
fn a_good_log_is_counted() {
    // given a job for each kind of end, in two terms, and decisions that were owned up to as lost
    let full = vec![worker(LEADER, 0), worker(2, 9_000)];
    let mut lines = vec![
        logged(4, 0, three()),
        logged(4, 1, full),
        logged(4, 2, vec![]),
        logged(5, 1, vec![worker(LEADER, 0)]),
        logged(5, 5, three()),
    ];
    (lines[3].dropped, lines[4].dropped) = (2, 3);
    // when
    let outcome = check_lines(&lines);
    // then
    assert!(outcome.ok, "{outcome}");
    assert_eq!((outcome.decisions, outcome.dropped), (5, 5));
    assert_eq!(outcome.by_worker, [(1, 1), (2, 2)].into());
    assert_eq!((outcome.on_leader, outcome.busy, outcome.nobody), (1, 1, 1));
    assert_eq!(outcome.leaders[&LEADER], [(4, 3), (5, 2)].into());
    assert!(outcome.not_judged.is_empty() && outcome.torn.is_empty());
}

#[test]
fn a_near_tie_may_go_either_way() {
    let mut lines = some(1);
    // given a follower that is better by less than the margin, and has more to do otherwise
    lines[0] = logged(4, 0, vec![worker(2, 300), worker(3, 301)]);
    let calm = &mut lines[0].decision.input.candidates[1];
    calm.load.as_mut().unwrap().cpu_share_permille = 0;
    lines[0].decision = decide(lines[0].decision.input.clone());
    assert_eq!(lines[0].decision.choice, Choice::Worker(3));
    assert!(check_lines(&lines).ok);
}

#[test]
fn a_worse_worker_is_caught_and_so_is_any_other_wrong_choice() {
    let planted = [
        (Choice::Worker(3), "more than the margin"),
        (Choice::Worker(LEADER), "though node 2 can work"),
        (Choice::Worker(9), "no candidate"),
        (Choice::Nobody, "though node 2 can work"),
        (
            Choice::Busy {
                least_wait_us: 50_000,
            },
            "within 1000 ms",
        ),
        (Choice::Busy { least_wait_us: 1 }, "the least is 50000 us"),
        (Choice::Full, "though node 2 is not"),
    ];
    for (choice, why) in planted {
        let mut lines = some(3);
        lines[1].decision.choice = choice;
        assert_broken(&check_lines(&lines), 2, why);
    }
}

#[test]
fn a_job_over_the_bound_must_be_refused_and_an_ineligible_node_must_not_work() {
    let mut over = logged(4, 0, vec![worker(2, 9_000)]);
    over.decision.choice = Choice::Worker(2);
    assert_broken(&check_lines(&[over]), 1, "over 1000 ms");

    let mut draining = worker(2, 0);
    draining.load.as_mut().unwrap().draining = true;
    let mut chosen = logged(4, 0, vec![draining]);
    chosen.decision.choice = Choice::Worker(2);
    assert_broken(&check_lines(&[chosen]), 1, "cannot work");

    let mut alone = logged(4, 0, vec![]);
    alone.decision.choice = Choice::Busy { least_wait_us: 1 };
    assert_broken(&check_lines(&[alone]), 1, "none can work");
}

#[test]
fn full_followers_are_waited_for_and_not_replaced_by_the_leader() {
    let mut full = worker(2, 0);
    full.full = true;
    let right = logged(4, 0, vec![worker(LEADER, 0), full]);
    assert_eq!(right.decision.choice, Choice::Full);
    assert!(check_lines(std::slice::from_ref(&right)).ok);
    for (choice, why) in [
        (Choice::Worker(2), "cannot work"),
        (Choice::Worker(LEADER), "though node 2 can work"),
        (Choice::Nobody, "though node 2 can work"),
    ] {
        let mut wrong = right.clone();
        wrong.decision.choice = choice;
        assert_broken(&check_lines(&[wrong]), 1, why);
    }
    let mut alone = logged(4, 0, vec![]);
    alone.decision.choice = Choice::Full;
    assert_broken(&check_lines(&[alone]), 1, "none can work");
}

/// The rule is written twice; here the two have to agree, down to the microsecond.
#[test]
fn whatever_is_decided_is_found_to_be_right() {
    const SEED: u64 = 4;
    println!("seed {SEED}");
    let mut chance = StdRng::seed_from_u64(SEED);
    let mut candidate = |node| {
        let mut candidate = worker(node, chance.random_range(0..3_000));
        let load = candidate.load.as_mut().unwrap();
        load.usable_millicores = chance.random_range(0..6_000);
        load.slots = chance.random_range(0..5);
        load.queued = chance.random_range(0..5);
        load.incoming = chance.random_range(0..5);
        load.incoming_cpu_ms = chance.random_range(0..500);
        load.draining = chance.random_bool(0.1);
        load.age_ms = chance.random_range(0..330);
        candidate.reserved = chance.random_range(0..4);
        candidate.reserved_cpu_ms = chance.random_range(0..500);
        candidate.full = chance.random_bool(0.2);
        candidate
    };
    let lines: Vec<Logged> = (0..3_000)
        .map(|n| logged(4, n, (1..=n % 5).map(&mut candidate).collect()))
        .collect();
    let outcome = check_lines(&lines);
    assert!(outcome.ok, "{outcome}");
    // And every kind of end was among them.
    let full = lines
        .iter()
        .filter(|line| line.decision.choice == Choice::Full);
    assert!(full.count() > 50 && outcome.nobody > 50 && outcome.busy > 200);
    assert!(outcome.on_leader > 50 && outcome.by_worker.len() == 4);
}

#[test]
fn a_verdict_that_its_numbers_do_not_bear_out_is_caught() {
    let wrong = [
        Verdict::Excluded,
        Verdict::Silent,
        Verdict::Stale,
        Verdict::Draining,
        Verdict::Full,
        Verdict::Scored(Score {
            wait_us: 50_000,
            finish_us: 150_001,
            rank_us: 150_001,
        }),
    ];
    for verdict in wrong {
        let mut lines = some(2);
        lines[1].decision.verdicts[1] = verdict;
        assert_broken(&check_lines(&lines), 2, "verdict");
    }
    let mut lines = some(2);
    lines[1].decision.verdicts.pop();
    assert_broken(&check_lines(&lines), 2, "2 verdicts on 3 candidates");
}

#[test]
fn a_node_that_cannot_work_is_not_scored() {
    let change: [fn(&mut Candidate); 4] = [
        |candidate| candidate.excluded = true,
        |candidate| candidate.load = None,
        |candidate| candidate.load.as_mut().unwrap().age_ms = 301,
        |candidate| candidate.load.as_mut().unwrap().draining = true,
    ];
    for change in change {
        let mut lines = some(1);
        change(&mut lines[0].decision.input.candidates[1]);
        assert_broken(&check_lines(&lines), 1, "verdict");
    }
}

#[test]
fn a_false_leader_and_a_node_twice_are_caught() {
    let mut lines = some(1);
    lines[0].decision.input.candidates[0].leader = false;
    assert_broken(&check_lines(&lines), 1, "taken for the leader");
    let twice = logged(4, 0, vec![worker(2, 0), worker(2, 0)]);
    assert_broken(&check_lines(&[twice]), 1, "twice");
}

#[test]
fn a_tie_that_was_not_drawn_from_its_seed_is_caught() {
    // given two equals, so that only making the decision again can tell
    let mut line = logged(4, 0, vec![worker(2, 0), worker(3, 0)]);
    line.decision.choice = match line.decision.choice {
        Choice::Worker(2) => Choice::Worker(3),
        _ => Choice::Worker(2),
    };
    assert_broken(&check_lines(&[line]), 1, "deciding again");
}

#[test]
fn a_missing_line_is_caught_unless_it_is_owned_up_to() {
    let mut lines = some(4);
    lines.remove(2);
    assert_broken(&check_lines(&lines), 3, "sequence 3 after 1 with 0 dropped");
    lines[2].dropped = 1;
    assert!(check_lines(&lines).ok);
    lines[2].dropped = 2;
    assert_broken(&check_lines(&lines), 3, "sequence 3 after 1 with 2 dropped");
    // A line twice, and a beginning that is gone.
    let twice = [some(2), some(2).split_off(1)].concat();
    assert_broken(&check_lines(&twice), 3, "sequence 1 after 1");
    assert_broken(&check_lines(&some(2)[1..]), 1, "begins with sequence 1");
}

#[test]
fn terms_do_not_go_back_and_a_log_is_one_nodes() {
    let back = [logged(5, 0, three()), logged(4, 0, three())];
    assert_broken(&check_lines(&back), 2, "term 4 after term 5");
    let mut other = logged(6, 0, vec![]);
    other.leader = 2;
    let mixed = [logged(5, 0, three()), other];
    assert_broken(&check_lines(&mixed), 2, "node 2 in the log of node 1");
}

#[test]
fn half_a_line_is_borne_at_the_very_end_only() {
    let good = text(&some(2));
    // given a node that was killed in the middle of a line
    let torn = check_text(&good[..good.len() - 30]);
    assert!(torn.ok, "{torn}");
    assert_eq!((torn.decisions, torn.torn[0].line), (1, 2));
    // given the same with something after it
    let (first, second) = good.split_once('\n').unwrap();
    let middle = format!("{}\n{second}", &first[..40]);
    assert_broken(&check_text(middle), 1, "not a line");
    // and in a file that was moved aside when it was full
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
    // A line that is missing between them is missed.
    logs.write("log", text(&lines[5..]));
    assert_broken(&check(&[newer]), 1, "sequence 5 after 3");
    assert_eq!(check(&[older]).decisions, 2);
}

#[test]
fn what_cannot_be_read_has_failed() {
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

#[test]
fn rivals_are_judged_by_what_holds_for_all_and_that_is_told() {
    let mut lines = some(4);
    for line in &mut lines[1..3] {
        line.decision.input.policy = Policy::Random;
        line.decision = decide(line.decision.input.clone());
    }
    let outcome = check_lines(&lines);
    assert!(outcome.ok, "{outcome}");
    let told = &outcome.not_judged[0];
    assert_eq!((told.first, told.last, told.policy), (2, 3, "random"));
    assert!(outcome.to_string().contains("not judged"));
    lines[1].decision.choice = Choice::Worker(LEADER);
    assert_broken(&check_lines(&lines), 2, "the leader was chosen");
}

#[test]
fn a_flood_of_violations_is_counted() {
    let mut lines = some(300);
    for line in &mut lines {
        line.decision.choice = Choice::Nobody;
    }
    let outcome = check_lines(&lines);
    assert_eq!(outcome.violations_in_all, 300);
    assert!(outcome.violations.len() < 300);
    assert!(outcome.to_string().contains("more violations"));
}
