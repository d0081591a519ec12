#![allow(clippy::unwrap_used)]
use cameo_common::ids::ClusterId;
use cameo_common::keys::PublicKey;

use super::*;

const FOUND: Marks = Marks {
    floor: 5,
    term: 3,
    log: 70,
};

fn told(incarnation: u64, reached: Marks) -> NodeProgress {
    NodeProgress {
        node: PublicKey([1; 32]),
        cluster: ClusterId([2; 32]),
        incarnation,
        found: Marks::default(),
        reached,
    }
}

/// Of node 1 of so many voters.
fn among(voters: u64) -> NeededAnswers {
    NeededAnswers::of(NodeId(1), [(1..=voters).map(NodeId).collect()])
}

fn of_three() -> Gate {
    Gate::new(9, FOUND, among(3))
}

fn above() -> NodeProgress {
    told(8, Marks { log: 71, ..FOUND })
}

#[test]
fn a_gate_opens_when_all_who_may_remember_more_have_answered() {
    for (voters, answers) in [(3, 2), (5, 3)] {
        let gate = Gate::new(9, FOUND, among(voters));
        for from in 2..2 + answers {
            assert_eq!(gate.closed(), Some(Closed::Waiting), "{from} of {voters}");
            // The same voter's answer counts once.
            gate.hear(NodeId(2), None);
            gate.hear(NodeId(from), Some(&told(8, FOUND)));
        }
        assert_eq!(gate.closed(), None);
    }
    assert_eq!(Gate::new(9, FOUND, NeededAnswers::default()).closed(), None);
}

#[test]
fn after_the_grace_a_majority_with_the_node_is_enough() {
    for (voters, answers) in [(3, 1), (5, 2)] {
        // given as many answers as make a majority, or one fewer
        let gate = Gate::new(9, FOUND, among(voters));
        let alone = Gate::new(9, FOUND, among(voters));
        for from in 2..2 + answers {
            gate.hear(NodeId(from), None);
        }
        for from in 2..1 + answers {
            alone.hear(NodeId(from), None);
        }
        assert_eq!(gate.closed(), Some(Closed::Waiting));
        // when the grace is over, then the one opens, and the other with the answer it lacked.
        gate.end_grace();
        alone.end_grace();
        assert_eq!(gate.closed(), None);
        assert_eq!(alone.closed(), Some(Closed::Waiting));
        alone.hear(NodeId(1 + answers), None);
        assert_eq!(alone.closed(), None);
    }
}

#[test]
fn attack_a_forgetful_peer_that_answers_first_lets_no_older_folder_in() {
    let gate = of_three();
    // when one that remembers nothing, or less, answers before one that remembers
    for forgetful in [None, Some(told(8, FOUND))] {
        gate.hear(NodeId(2), forgetful.as_ref());
        assert_eq!(gate.closed(), Some(Closed::Waiting));
    }
    gate.hear(NodeId(3), Some(&above()));
    // then it has taken part at no time, nor does it after the grace.
    gate.end_grace();
    assert!(gate.is_quarantined());
}

#[tokio::test]
async fn a_proof_after_the_grace_closes_the_gate_and_is_given_for_the_marker() {
    let gate = of_three();
    gate.hear(NodeId(2), None);
    gate.end_grace();
    assert_eq!(gate.closed(), None);
    gate.hear(NodeId(3), Some(&above()));
    assert!(gate.is_quarantined());
    let proof = gate.proven().await;
    assert_eq!((proof.from, proof.found), (NodeId(3), FOUND));
}

#[test]
fn attack_a_folder_that_was_quarantined_stays_so_whatever_the_peers_answer() {
    let gate = Gate::quarantined(9, FOUND);
    gate.hear(NodeId(2), None);
    gate.hear(NodeId(3), Some(&told(8, FOUND)));
    gate.end_grace();
    assert!(gate.is_quarantined());
}

#[test]
fn attack_a_node_that_has_come_back_below_what_it_had_told_is_quarantined_for_good() {
    for above in [
        Marks { floor: 6, ..FOUND },
        Marks { term: 4, ..FOUND },
        Marks { log: 71, ..FOUND },
    ] {
        // Also by a voter that answers when others have opened the gate.
        let gate = Gate::new(9, FOUND, among(5));
        for from in [2, 3, 4] {
            gate.hear(NodeId(from), None);
        }
        assert_eq!(gate.closed(), None);
        gate.hear(NodeId(5), Some(&told(8, above)));
        gate.hear(NodeId(4), None);
        assert!(gate.is_quarantined(), "{above:?}");
    }
}

#[test]
fn what_this_process_has_told_itself_is_no_earlier_progress() {
    let gate = of_three();
    gate.hear(NodeId(3), None);
    gate.hear(NodeId(2), Some(&told(9, Marks { log: 500, ..FOUND })));
    assert_eq!(gate.closed(), None);
}

#[test]
fn attack_a_folder_that_may_be_a_copy_has_no_grace() {
    for (voters, answers) in [(3, 2), (5, 3)] {
        let others = || (2..=voters).map(NodeId);
        let gate = Gate::of_copy(9, FOUND, among(voters));
        // given as many answers as would be enough after the grace
        for from in 2..1 + answers {
            gate.hear(NodeId(from), None);
        }
        let waits = gate.waits(others()).unwrap();
        assert_eq!((waits.answers_missing, waits.may_be_copy), (1, false));
        // when it is over, then the node waits on, and says for which
        gate.end_grace();
        assert_eq!(gate.closed(), Some(Closed::MayBeCopy));
        let waits = gate.waits(others()).unwrap();
        assert_eq!((waits.answers_missing, waits.may_be_copy), (1, true));
        assert_eq!(waits.voters, (1 + answers..=voters).map(NodeId).collect());
        // until one of them has answered.
        gate.hear(NodeId(1 + answers), Some(&told(8, FOUND)));
        assert_eq!(gate.closed(), None);
        assert_eq!(gate.waits(others()), None);
    }
}

#[test]
fn attack_a_copy_is_quarantined_by_the_voter_that_it_has_waited_for() {
    let gate = Gate::of_copy(9, FOUND, among(3));
    gate.hear(NodeId(2), None);
    gate.end_grace();
    gate.hear(NodeId(3), Some(&above()));
    assert!(gate.is_quarantined());
    assert_eq!(gate.waits([NodeId(2), NodeId(3)]), None);
}

#[tokio::test]
async fn callers_of_a_copy_wait_no_longer_than_the_grace() {
    let gate = Gate::of_copy(9, FOUND, among(3));
    gate.end_grace();
    assert_eq!(gate.decided().await, Err(Closed::MayBeCopy));
}

#[test]
fn a_copy_in_a_cluster_of_one_has_nobody_to_wait_for() {
    let gate = Gate::of_copy(9, FOUND, among(1));
    gate.end_grace();
    assert_eq!(gate.closed(), None);
}
