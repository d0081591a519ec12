//! Tests of what an owner signs after a node has shown old, wild or foreign rights.

#![allow(clippy::unwrap_used)]

use cameo_common::ids::GrantId;
use cameo_common::keys::PublicKey;

use super::*;

fn rights(version: u64, permitted: u32) -> Rights {
    Rights {
        owner: PublicKey([1; 32]),
        grant: GrantId([2; 32]),
        version,
        permitted,
        expires: None,
        revoked: false,
        may_save: false,
        offline: 0,
    }
}

#[test]
fn the_ledgers_newer_rights_are_the_base() {
    // another device of the owner has changed them
    let base = newest(rights(2, 9), 2, rights(5, 1)).unwrap();
    assert_eq!(base, rights(5, 1));
    let first = newest(rights(1, 9), 0, rights(1, 9)).unwrap();
    assert_eq!(first, rights(1, 9));
}

#[test]
fn attack_old_rights_that_a_node_shows_are_not_signed_again() {
    // given a lowering to one view that the ledger has recorded as version 3
    let lowered = || rights(3, 1);
    // when a node shows the version before, then nothing is signed
    let refused = newest(lowered(), 3, rights(2, 9)).unwrap_err();
    assert!(
        matches!(refused, RightsError::Behind { shown: 2, known: 3 }),
        "{refused}"
    );
    // and a lowering whose recording is unknown is the base all the same
    assert_eq!(newest(lowered(), 2, rights(2, 9)).unwrap(), lowered());
}

#[test]
fn attack_a_version_after_which_there_is_none_is_not_signed() {
    let farthest = 3 + MAX_VERSION_STEP;
    assert!(newest(rights(3, 1), 3, rights(farthest, 1)).is_ok());
    for claimed in [farthest + 1, u64::MAX - 1, u64::MAX] {
        let refused = newest(rights(3, 1), 3, rights(claimed, 1)).unwrap_err();
        assert!(
            matches!(refused, RightsError::TooFarAhead { .. }),
            "{claimed}"
        );
    }
}

#[test]
fn attack_rights_of_another_grant_or_owner_are_not_signed() {
    let other_grant = Rights {
        grant: GrantId([9; 32]),
        ..rights(4, 9)
    };
    let other_owner = Rights {
        owner: PublicKey([9; 32]),
        ..rights(4, 9)
    };
    for foreign in [other_grant, other_owner] {
        let refused = newest(rights(3, 1), 3, foreign).unwrap_err();
        assert!(matches!(refused, RightsError::ForeignRights), "{refused}");
    }
}
