use cameo_common::ids::Millis;
use cameo_common::signed::Strict;
use cameo_common::wire;

use crate::draft::Draft;
use crate::entry_version::{LaterVersion, check_state, check_version, raise};
use crate::rows::{EntryVersion, Row, key_bytes};
use crate::tests::script::Script;
use crate::{ENTRY_VERSION, MapView, OLDEST_ENTRY_VERSION, Refusal, read};

/// The next build's.
const LATER: u16 = ENTRY_VERSION + 1;

fn later() -> LaterVersion {
    LaterVersion {
        version: LATER,
        newest: ENTRY_VERSION,
    }
}

#[test]
fn an_entry_of_a_later_build_is_told_from_one_that_all_builds_refuse() {
    for known in OLDEST_ENTRY_VERSION..=ENTRY_VERSION {
        assert_eq!(check_version(&wire::encode(&(known, Millis(1)))), Ok(()));
    }
    let entry = wire::encode(&(LATER, Millis(1), [7; 9]));
    assert_eq!(check_version(&entry), Err(later()));
    // Without a version it is refused by all.
    for entry in [&[][..], &[0xff; 40]] {
        assert_eq!(check_version(entry), Ok(()));
        let mut script = Script::with(&[]);
        assert_eq!(script.apply(entry).reply, Err(Refusal::UnknownEntry));
    }
}

#[test]
fn the_version_of_a_state_goes_up_with_an_entry_and_never_back() {
    // given a state in which no entry was of a later version
    let mut state = MapView::default();
    assert_eq!(read::entry_version(&state), 6);
    // when entries of versions 7, 6 and 8 are carried out
    for (version, reached) in [(7, 7), (6, 7), (8, 8), (8, 8)] {
        let mut draft = Draft::new(&state, &Strict, 1, Millis::EPOCH);
        raise(&mut draft, version);
        let (changes, ..) = draft.finish();
        state.apply(&changes);
        // then it is the highest so far
        assert_eq!(read::entry_version(&state), reached);
    }
}

#[test]
fn a_state_of_a_later_build_is_not_gone_on_from() {
    let mut state = MapView::default();
    let reached = |version| {
        (
            key_bytes::<EntryVersion>(&()),
            EntryVersion(version).encode(),
        )
    };
    state.0.extend([reached(ENTRY_VERSION)]);
    assert_eq!(check_state(&state), Ok(()));
    state.0.extend([reached(LATER)]);
    assert_eq!(check_state(&state), Err(later()));
}
