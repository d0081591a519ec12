//! The grant's model, step by step.

use proptest::prelude::*;

use super::*;

const RIGHTS: Terms = Terms {
    version: 1,
    permitted: 2,
    revoked: false,
    expired: false,
    statement: cameo_common::ids::Hash([1; 32]),
};

fn after(steps: &[GrantOp]) -> Option<State> {
    let mut state = Grant::default().initial();
    for op in steps {
        match Grant::default().step(&state, op) {
            Step::Impossible | Step::Never => panic!("{op:?} in {state:?}"),
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
    let state = Grant::default().initial();
    assert_eq!(
        Grant::default().step(&state, &debited(1, 1, 1)),
        Step::Impossible
    );
    let absent = GrantOp::Usage(Err(ErrorCode::NotFound));
    assert_eq!(Grant::default().step(&state, &absent), Step::Same);
    assert_eq!(
        Grant::default().step(&after(&[created(2)]), &absent),
        Step::Never
    );
}

#[test]
fn the_bound_is_exact() {
    let state = after(&[created(2), debited(1, 1, 1), debited(2, 2, 0)]);
    assert_eq!(
        Grant::default().step(&state, &debited(3, 3, 0)),
        Step::Impossible
    );
    let refused = |code| GrantOp::Debit {
        request: 3,
        statement: 3,
        genuine: true,
        answer: Some(Err(code)),
    };
    assert_eq!(
        Grant::default().step(&state, &refused(ErrorCode::UsedUp)),
        Step::Same
    );
    let other = refused(ErrorCode::Revoked);
    assert_eq!(Grant::default().step(&state, &other), Step::Impossible);
    let raised = after(&[created(1), debited(1, 1, 0), put(2, 3, false, None)]);
    assert!(matches!(
        Grant::default().step(&raised, &debited(2, 2, 1)),
        Step::Changed(_)
    ));
}

#[test]
fn rights_below_what_was_used_may_refuse_a_charged_view_and_others_may_not() {
    let released = |answer| GrantOp::Release {
        request: 0,
        statement: 0,
        late: false,
        answer,
    };
    let charged = [created(2), debited(0, 1, 1), debited(1, 2, 0)];
    let lowered = [&charged[..], &[put(2, 1, false, None)]].concat();
    let refused = released(Err(ErrorCode::UsedUp));
    for answer in [released(Ok(())), refused.clone()] {
        after(&[&lowered[..], &[answer]].concat());
    }
    let refusal = Grant::default().step(&after(&charged), &refused);
    assert!(matches!(refusal, Step::Impossible), "{refusal:?}");
}

#[test]
fn a_retry_changes_nothing_and_has_the_first_answer() {
    let state = after(&[created(2), debited(1, 1, 1), put(2, 2, true, None)]);
    assert_eq!(Grant::default().step(&state, &debited(1, 1, 1)), Step::Same);
    assert_eq!(
        Grant::default().step(&state, &debited(1, 1, 0)),
        Step::Never
    );
}

#[test]
fn a_repeated_put_is_answered_as_the_first_time() {
    let steps = [
        created(2),
        put(2, 5, false, Some(1)),
        put(3, 6, false, None),
    ];
    let state = after(&steps);
    assert_eq!(
        Grant::default().step(&state, &put(2, 5, false, Some(1))),
        Step::Same
    );
    // As another request it would be stale.
    assert_eq!(
        Grant::default().step(&state, &put(2, 5, false, Some(2))),
        Step::Never
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
    assert!(matches!(
        Grant::default().step(&open, &unknown),
        Step::Changed(_)
    ));
    let used_up = after(&[created(1), debited(1, 1, 0)]);
    assert_eq!(Grant::default().step(&used_up, &unknown), Step::Impossible);
}

#[test]
fn a_view_without_an_answer_gets_only_the_number_that_is_told() {
    let unknown = |request| GrantOp::Debit {
        request,
        statement: request,
        genuine: true,
        answer: None,
    };
    let mut told = Told::default();
    told.add(7, 2);
    let grant = Grant { told };
    let empty = after(&[created(5)]);
    assert_eq!(grant.step(&empty, &unknown(7)), Step::Impossible);
    assert!(matches!(grant.step(&empty, &unknown(8)), Step::Changed(_)));
    let one = after(&[created(5), debited(1, 1, 4)]);
    assert!(matches!(grant.step(&one, &unknown(7)), Step::Changed(_)));
    assert_eq!(grant.step(&one, &unknown(8)), Step::Impossible);
    let two = after(&[created(5), debited(1, 1, 4), debited(7, 2, 3)]);
    assert_eq!(grant.step(&two, &unknown(7)), Step::Same);
}

fn any_answer<T: std::fmt::Debug + Clone + 'static>(
    ok: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Answer<T>> {
    let code = prop::sample::select(vec![
        ErrorCode::UsedUp,
        ErrorCode::Revoked,
        ErrorCode::NotDebited,
        ErrorCode::RequestReused,
        ErrorCode::StaleVersion,
        ErrorCode::Mismatch,
        ErrorCode::NotFound,
        ErrorCode::NoQuorum,
    ]);
    prop_oneof![2 => ok.prop_map(Ok), 1 => code.prop_map(Err)].boxed()
}

fn any_stored() -> BoxedStrategy<Option<Answer<Stored>>> {
    let stored = (1..4u64, any::<bool>()).prop_map(|(version, in_mailbox)| Stored {
        version,
        in_mailbox,
    });
    prop::option::weighted(0.5, any_answer(stored)).boxed()
}

/// With few versions, requests and numbers, so that many of them meet.
fn any_op() -> BoxedStrategy<GrantOp> {
    let rights =
        (1..4u64, 0..4u32, prop::bool::weighted(0.2)).prop_map(|(version, permitted, revoked)| {
            Terms {
                version,
                permitted,
                revoked,
                expired: false,
                statement: cameo_common::ids::Hash(
                    [version as u8 + 10 * (permitted as u8 % 2); 32],
                ),
            }
        });
    let command = prop::option::weighted(0.5, 0..3u32);
    let charged = (1..4u32, 0..4u32).prop_map(|(number, left)| Charged {
        number,
        used: number,
        left,
    });
    let debit = (
        0..3u32,
        0..2u32,
        prop::bool::weighted(0.9),
        prop::option::weighted(0.5, any_answer(charged)),
    );
    let usage = (rights.clone(), 0..4u32, 0..4u64).prop_map(|(rights, used, acknowledged)| Usage {
        version: rights.version,
        statement: rights.statement,
        permitted: rights.permitted,
        used,
        left: if rights.revoked {
            0
        } else {
            rights.permitted.saturating_sub(used)
        },
        revoked: rights.revoked,
        acknowledged,
        in_mailbox: acknowledged < rights.version,
    });
    let log = prop::collection::vec(0..3u32, 0..3);
    prop_oneof![
        (
            command.clone(),
            rights.clone(),
            prop::option::of(any_answer(Just(())))
        )
            .prop_map(|(request, rights, answer)| GrantOp::Create {
                request,
                rights,
                answer
            }),
        debit.prop_map(|(request, statement, genuine, answer)| GrantOp::Debit {
            request,
            statement,
            genuine,
            answer,
        }),
        (0..3u32, 0..2u32, any::<bool>(), any_answer(Just(()))).prop_map(
            |(request, statement, late, answer)| GrantOp::Release {
                request,
                statement,
                late,
                answer,
            }
        ),
        any_answer(usage).prop_map(GrantOp::Usage),
        any_answer(log).prop_map(GrantOp::Log),
        (command.clone(), rights, any_stored()).prop_map(|(request, rights, answer)| {
            GrantOp::Put {
                request,
                rights,
                answer,
            }
        }),
        (command, 0..4u64, any_stored()).prop_map(|(request, version, answer)| {
            GrantOp::Acknowledge {
                request,
                version,
                answer,
            }
        }),
    ]
    .boxed()
}

fn has_answer(op: &GrantOp) -> bool {
    match op {
        GrantOp::Create { answer, .. } => answer.is_some(),
        GrantOp::Debit { answer, .. } => answer.is_some(),
        GrantOp::Put { answer, .. } | GrantOp::Acknowledge { answer, .. } => answer.is_some(),
        GrantOp::Release { .. } | GrantOp::Usage(_) | GrantOp::Log(_) => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    /// What the search relies on: it goes no further when an answer is ruled out, and forgets what
    /// has no answer once it changes nothing.
    #[test]
    fn what_holds_for_ever_holds_in_every_later_state(
        steps in prop::collection::vec(any_op(), 1..40),
        watched in prop::collection::vec(any_op(), 20),
        told in prop::collection::vec((0..3u32, 1..4u32), 0..3),
    ) {
        let mut grant = Grant::default();
        for (request, number) in told {
            grant.told.add(request, number);
        }
        let mut state = after(&[created(2)]);
        let mut never = vec![false; watched.len()];
        let mut same = vec![false; watched.len()];
        for op in &steps {
            for (place, watched) in watched.iter().enumerate() {
                let step = grant.step(&state, watched);
                let possible = matches!(step, Step::Same | Step::Changed(_));
                prop_assert!(!never[place] || !possible, "{watched:?} in {state:?}");
                let changes = matches!(step, Step::Changed(_));
                prop_assert!(!same[place] || !changes, "{watched:?} in {state:?}");
                never[place] |= step == Step::Never;
                same[place] |= step == Step::Same && !has_answer(watched);
            }
            if let Step::Changed(next) = grant.step(&state, op) {
                state = next;
            }
        }
    }
}
