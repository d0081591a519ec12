//! The leader whose entry was refused by its time.

use std::time::Duration;

use tokio::time::Instant;

use super::super::RefusedLeader;
use super::*;

/// What is judged of the appends of leaders.
#[derive(Default)]
struct Judged(RefusedLeader);

impl Judged {
    fn at(&self, now: Instant, vote: Vote, entries: Vec<Entry>) -> Result<(), NoAuthority> {
        self.by(vote.leader_id.voted_for, now, vote, entries, LAST)
    }

    /// Said by another one, while this node has applied so much.
    fn by(
        &self,
        from: NodeId,
        now: Instant,
        vote: Vote,
        entries: Vec<Entry>,
        applied: u64,
    ) -> Result<(), NoAuthority> {
        let mut here = here(NodeId(1));
        here.applied = applied;
        let request = append(vote, entries);
        let checked = requests::check(&request, from, Standing::Voter, &here);
        let NodeRequest::Append(rpc) = &request else {
            unreachable!()
        };
        self.0.judge(rpc, &checked, &here, now)
    }
}

fn too_late(index: u64) -> Vec<Entry> {
    vec![entry(index, dated(Millis(u64::MAX)))]
}

#[test]
fn attack_a_leader_whose_entry_is_dated_too_far_ahead_is_not_followed() {
    let judged = Judged::default();
    let start = Instant::now();
    let (liar, next) = (vote(TERM, FROM), vote(TERM + 1, NodeId(3)));
    let [then, late] = [500, 1_000].map(|millis| start + Duration::from_millis(millis));
    assert_eq!(judged.at(start, liar, Vec::new()), Ok(()));
    assert_eq!(judged.at(start, liar, too_late(LAST + 5)), Ok(()));
    // then neither its heartbeats count nor what comes after that entry, and others' do
    let after = vec![entry(LAST + 6, EntryPayload::Blank)];
    let refused = Err(NoAuthority::NotFollowed);
    assert_eq!(judged.at(then, liar, Vec::new()), refused);
    assert_eq!(judged.at(then, liar, after.clone()), refused);
    assert_eq!(judged.at(then, next, Vec::new()), Ok(()));
    // nor do another's faults make it forgotten
    assert_eq!(judged.at(then, next, too_late(LAST + 9)), Ok(()));
    assert_eq!(judged.at(then, liar, Vec::new()), refused);
    // or what is said in its name, or of no term
    let others = judged.by(NodeId(3), then, vote(TERM + 1, FROM), Vec::new(), LAST);
    assert_eq!(others, Ok(()));
    let highest = judged.at(then, vote(u64::MAX, FROM), Vec::new());
    assert_eq!(highest, Ok(()));
    assert_eq!(judged.at(then, liar, Vec::new()), refused);
    // but time does
    assert_eq!(judged.at(late, liar, after), Ok(()));
}

#[test]
fn a_leader_is_followed_again_once_a_snapshot_has_brought_its_entry() {
    let judged = Judged::default();
    let (start, leader) = (Instant::now(), vote(TERM, FROM));
    assert_eq!(judged.at(start, leader, too_late(LAST + 5)), Ok(()));
    let at = |applied| judged.by(FROM, start, leader, Vec::new(), applied);
    assert_eq!(at(LAST + 4), Err(NoAuthority::NotFollowed));
    assert_eq!(at(LAST + 7), Ok(()));
    assert_eq!(at(LAST), Ok(()));
}

#[test]
fn a_leader_is_followed_again_once_its_entry_is_taken() {
    let judged = Judged::default();
    let start = Instant::now();
    let leader = vote(TERM, FROM);
    assert_eq!(judged.at(start, leader, too_late(LAST + 5)), Ok(()));
    // given what comes before it, which it needs to send
    let before = vec![entry(LAST + 4, dated(NOW))];
    assert_eq!(judged.at(start, leader, before), Ok(()));
    let refused = Err(NoAuthority::NotFollowed);
    assert_eq!(judged.at(start, leader, Vec::new()), refused);
    // when it is taken, as this node has been told the time since
    let through = (LAST + 4..=LAST + 6).map(|index| entry(index, dated(NOW)));
    assert_eq!(judged.at(start, leader, through.collect()), Ok(()));
    assert_eq!(judged.at(start, leader, Vec::new()), Ok(()));
}

#[test]
fn an_append_of_an_earlier_term_marks_no_leader() {
    let judged = Judged::default();
    let start = Instant::now();
    let (old, now) = (vote(TERM - 1, FROM), vote(TERM, FROM));
    assert_eq!(judged.at(start, now, too_late(LAST + 5)), Ok(()));
    assert_eq!(judged.at(start, old, too_late(LAST + 1)), Ok(()));
    assert_eq!(
        judged.at(start, now, Vec::new()),
        Err(NoAuthority::NotFollowed)
    );
    assert_eq!(judged.at(start, old, Vec::new()), Ok(()));
}
