//! The rule of one grant's floor.

use cameo_common::api::RESUME_WINDOW;
use cameo_common::ids::Hash;
use cameo_common::statements::FirstFloor;
use proptest::prelude::*;

use super::super::frame::Batch;
use super::super::kept::Kept;
use super::super::{FloorError, FloorRefusal, GrantFloor, MAX_RECENT, Shown};
use super::{OWNER, at, grant, request, shown};

fn nothing() -> Kept {
    Kept::of(OWNER, Vec::<Batch>::new(), 0)
}

fn release(kept: &mut Kept, shown: &Shown, number: u32) -> Result<u64, FloorError> {
    kept.record(shown, Some((request(number), at(0))))
}

fn floor(kept: &Kept) -> GrantFloor {
    kept.get(&grant(1)).unwrap().clone()
}

#[test]
fn given_permitted_views_then_as_many_requests_are_released_and_no_more() {
    let mut kept = nothing();
    for number in 0..3 {
        release(&mut kept, &shown(1, 3), number).unwrap();
    }
    let spent = FloorRefusal::Spent {
        released: 3,
        permitted: 3,
    };
    assert_eq!(
        release(&mut kept, &shown(1, 3), 3),
        Err(FloorError::Refused(spent))
    );
    // A recorded one may be released again, and counts once.
    release(&mut kept, &shown(1, 3), 1).unwrap();
    assert_eq!(floor(&kept).released, 3);
    // Raised rights permit one more.
    release(&mut kept, &shown(2, 4), 3).unwrap();
}

#[test]
fn attack_older_rights_than_the_floors_release_nothing() {
    let mut kept = nothing();
    release(&mut kept, &shown(1, 3), 0).unwrap();
    kept.record(&shown(2, 3), None).unwrap();
    let behind = FloorRefusal::Behind { shown: 1, known: 2 };
    // Neither a new request nor a recorded one.
    for number in [0, 1] {
        assert_eq!(
            release(&mut kept, &shown(1, 3), number),
            Err(FloorError::Refused(behind))
        );
    }
}

#[test]
fn attack_other_rights_of_the_same_version_release_nothing() {
    let mut kept = nothing();
    release(&mut kept, &shown(2, 3), 0).unwrap();
    let other = Shown {
        rights: Hash([9; 32]),
        ..shown(2, 3)
    };
    assert_eq!(
        release(&mut kept, &other, 1),
        Err(FloorError::Refused(FloorRefusal::OtherRights {
            version: 2
        }))
    );
}

#[test]
fn attack_a_holder_without_a_floor_begins_at_the_deals() {
    // Given a new deal by an owner who knows of version 4 and two used views
    let first = FirstFloor {
        rights_version: 4,
        used: 2,
    };
    let dealt = |version| Shown {
        first,
        ..shown(version, 3)
    };
    let mut kept = nothing();
    // then older rights release nothing at a node that has no floor,
    assert_eq!(
        release(&mut kept, &dealt(3), 0),
        Err(FloorError::Refused(FloorRefusal::Behind {
            shown: 3,
            known: 4
        }))
    );
    // and one view is left of three.
    release(&mut kept, &dealt(4), 0).unwrap();
    assert!(matches!(
        release(&mut kept, &dealt(4), 1),
        Err(FloorError::Refused(FloorRefusal::Spent { .. }))
    ));
}

#[test]
fn given_a_refused_release_under_newer_rights_then_the_floor_is_raised_all_the_same() {
    let mut kept = nothing();
    release(&mut kept, &shown(1, 1), 0).unwrap();
    assert!(release(&mut kept, &shown(5, 1), 1).is_err());
    assert_eq!(floor(&kept).version, 5);
}

#[test]
fn given_many_requests_then_the_memory_of_a_grant_stays_bounded() {
    let mut kept = nothing();
    let many = MAX_RECENT as u32 + 50;
    for number in 0..many {
        release(&mut kept, &shown(1, 10_000), number).unwrap();
    }
    assert_eq!(floor(&kept).recent.len(), MAX_RECENT);
    assert_eq!(floor(&kept).released, many);
    // Those that cannot be resumed any more are forgotten with the next one.
    let later = at(0).plus(RESUME_WINDOW);
    kept.record(&shown(1, 10_000), Some((request(many), later)))
        .unwrap();
    assert_eq!(floor(&kept).recent.len(), 1);
}

proptest! {
    /// L7, over any states that a node may be shown, in any order.
    #[test]
    fn a_floor_never_goes_back_and_nothing_is_released_below_it(
        steps in prop::collection::vec((1..6u64, 0..5u32, 0..8u32, any::<bool>()), 1..60),
    ) {
        let mut kept = nothing();
        let mut before = GrantFloor::first(FirstFloor { rights_version: 0, used: 0 });
        for (version, permitted, number, releases) in steps {
            let shown = shown(version, permitted);
            let release = releases.then(|| (request(number), at(0)));
            let known = before.recent.iter().any(|recent| recent.request == request(number));
            let allowed = kept.record(&shown, release).is_ok();
            let now = kept.get(&grant(1)).cloned().unwrap_or_else(|| before.clone());
            prop_assert!(now.version >= before.version);
            prop_assert!(now.released >= before.released);
            prop_assert!(!allowed || version >= before.version);
            if allowed && releases {
                prop_assert!(known || now.released <= permitted);
                prop_assert!(now.recent.iter().any(|recent| recent.request == request(number)));
            }
            before = now;
        }
    }
}
