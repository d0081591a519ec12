//! Tests of what confirmations count for, and of what an ending is.

use super::*;

/// What the nodes of these ids, having confirmed, make of a grant whose nodes have changed so.
fn weakest_of(changes: &[&[u64]], confirmed: &[u64]) -> (usize, usize, usize) {
    let all: Vec<Descriptor> = chain(changes).all().cloned().collect();
    let confirmed: Vec<_> = confirmed.iter().copied().map(mock).collect();
    let confirmed: Vec<_> = confirmed.iter().collect();
    let found = weakest(&all, all.last().unwrap(), &confirmed);
    (found.confirmed, found.needed, found.holders)
}

#[test]
fn an_ending_is_counted_over_each_descriptor_that_the_grant_may_be_dealt_to() {
    let replaced: &[&[u64]] = &[&[1, 2, 3], &[2, 3, 4]];
    // Two of the present nodes are enough for the second deal, and of the first both of those that
    // are left: the one that has left never confirms.
    assert_eq!(weakest_of(replaced, &[3, 4]), (1, 2, 3));
    assert_eq!(weakest_of(replaced, &[2, 3]), (2, 2, 3));
    assert_eq!(weakest_of(replaced, &[2, 3, 4]), (2, 2, 3));
    // a grant that was made after the change has the second alone
    assert_eq!(weakest_of(&replaced[1..], &[3, 4]), (2, 2, 3));
}

#[test]
fn a_deal_that_the_nodes_that_have_left_could_open_alone_is_not_counted() {
    // No confirmation of node 3 would help against nodes 1 and 2.
    let replaced: &[&[u64]] = &[&[1, 2, 3], &[3, 4, 5]];
    assert_eq!(weakest_of(replaced, &[4, 5]), (2, 2, 3));
    assert_eq!(weakest_of(replaced, &[4]), (1, 2, 3));
    // of five nodes two may leave
    let of_five: &[&[u64]] = &[&[1, 2, 3, 4, 5], &[3, 4, 5, 6, 7]];
    assert_eq!(weakest_of(of_five, &[4, 5, 6, 7]), (2, 3, 5));
    assert_eq!(weakest_of(of_five, &[3, 4, 5]), (3, 3, 5));
}

#[test]
fn endings_are_what_permits_less() {
    let before = Rights {
        revoked: false,
        expires: Some(Millis(10)),
        ..rights(1)
    };
    let same = before.clone();
    let later = Rights {
        expires: Some(Millis(11)),
        ..before.clone()
    };
    let raised = Rights {
        permitted: 6,
        expires: None,
        ..before.clone()
    };
    for after in [same, later, raised] {
        assert!(!is_ending(&before, &after), "{after:?}");
    }
    let revoked = Rights {
        revoked: true,
        permitted: 9,
        ..before.clone()
    };
    let lowered = Rights {
        permitted: 4,
        ..before.clone()
    };
    let sooner = Rights {
        expires: Some(Millis(9)),
        ..before.clone()
    };
    let without = Rights {
        expires: None,
        ..before.clone()
    };
    for after in [revoked, lowered, sooner] {
        assert!(is_ending(&before, &after), "{after:?}");
    }
    assert!(is_ending(&without, &before));
}
