//! The grant's model, step by step.

use super::*;

const RIGHTS: Terms = Terms {
    version: 1,
    permitted: 2,
    revoked: false,
    expired: false,
    statement: cameo_common::ids::Hash([1; 32]),
};

fn after(steps: &[GrantOp]) -> Option<State> {
    let mut state = Grant.initial();
    for op in steps {
        match Grant.step(&state, op) {
            Step::Impossible => panic!("{op:?} in {state:?}"),
            Step::Same => {}
            Step::Changed(next) => state = next,
        }
    }
    state
}

fn created(permitted: u32) -> GrantOp {
    GrantOp::Create {
        request: None,
        rights: Terms {
            permitted,
            ..RIGHTS
        },
        answer: Some(Ok(())),
    }
}

fn debited(request: Number, number: u32, left: u32) -> GrantOp {
    GrantOp::Debit {
        request,
        statement: request,
        genuine: true,
        answer: Some(Ok(Charged {
            number,
            used: number,
            left,
        })),
    }
}

fn put(version: u64, permitted: u32, revoked: bool, request: Repeated) -> GrantOp {
    GrantOp::Put {
        request,
        rights: Terms {
            version,
            permitted,
            revoked,
            expired: false,
            statement: cameo_common::ids::Hash([version as u8; 32]),
        },
        answer: Some(Ok(Stored {
            version,
            in_mailbox: true,
        })),
    }
}

#[test]
fn nothing_is_possible_before_the_creation() {
    let state = Grant.initial();
    assert_eq!(Grant.step(&state, &debited(1, 1, 1)), Step::Impossible);
    let absent = GrantOp::Usage(Err(ErrorCode::NotFound));
    assert_eq!(Grant.step(&state, &absent), Step::Same);
    assert_eq!(Grant.step(&after(&[created(2)]), &absent), Step::Impossible);
}

#[test]
fn the_bound_is_exact() {
    let state = after(&[created(2), debited(1, 1, 1), debited(2, 2, 0)]);
    assert_eq!(Grant.step(&state, &debited(3, 3, 0)), Step::Impossible);
    let refused = |code| GrantOp::Debit {
        request: 3,
        statement: 3,
        genuine: true,
        answer: Some(Err(code)),
    };
    assert_eq!(Grant.step(&state, &refused(ErrorCode::UsedUp)), Step::Same);
    let other = refused(ErrorCode::Revoked);
    assert_eq!(Grant.step(&state, &other), Step::Impossible);
    let raised = after(&[created(1), debited(1, 1, 0), put(2, 3, false, None)]);
    assert!(matches!(
        Grant.step(&raised, &debited(2, 2, 1)),
        Step::Changed(_)
    ));
}

#[test]
fn a_retry_changes_nothing_and_has_the_first_answer() {
    let state = after(&[created(2), debited(1, 1, 1), put(2, 2, true, None)]);
    assert_eq!(Grant.step(&state, &debited(1, 1, 1)), Step::Same);
    assert_eq!(Grant.step(&state, &debited(1, 1, 0)), Step::Impossible);
}

#[test]
fn a_repeated_put_is_answered_as_the_first_time() {
    let steps = [
        created(2),
        put(2, 5, false, Some(1)),
        put(3, 6, false, None),
    ];
    let state = after(&steps);
    assert_eq!(Grant.step(&state, &put(2, 5, false, Some(1))), Step::Same);
    // As another request it would be stale.
    assert_eq!(
        Grant.step(&state, &put(2, 5, false, Some(2))),
        Step::Impossible
    );
}

#[test]
fn an_unknown_debit_takes_effect_only_where_it_is_permitted() {
    let unknown = GrantOp::Debit {
        request: 9,
        statement: 9,
        genuine: true,
        answer: None,
    };
    let open = after(&[created(1)]);
    assert!(matches!(Grant.step(&open, &unknown), Step::Changed(_)));
    let used_up = after(&[created(1), debited(1, 1, 0)]);
    assert_eq!(Grant.step(&used_up, &unknown), Step::Impossible);
}
