//! Reads through a draft, compared with reads of the state after its changes.

use cameo_common::signed::Strict;
use proptest::prelude::*;

use crate::draft::Draft;
use crate::rows::{self, MailAt};
use crate::tests::cast::{ada, bob};
use crate::{MapView, StateView};
use cameo_common::ids::{GrantId, Millis};

fn key(number: u64) -> (cameo_common::ids::UserName, u64) {
    let user = if number.is_multiple_of(2) {
        ada()
    } else {
        bob()
    };
    (user.name, number)
}

fn mail_at(byte: u8) -> MailAt {
    let grant = GrantId([byte; 32]);
    MailAt { grant }
}

proptest! {
    #[test]
    fn a_draft_reads_as_the_state_after_its_changes(
        base in prop::collection::btree_map(0..12u64, any::<u8>(), 0..12),
        steps in prop::collection::vec((0..12u64, prop::option::of(any::<u8>())), 0..12),
        after in prop::option::of(0..12u64),
        limit in 0..8usize,
    ) {
        // given a state, and a draft that writes and deletes some rows
        let mut state = MapView::default();
        for (number, byte) in base {
            let row = rows::Row::encode(&mail_at(byte));
            state.0.insert(rows::key_bytes::<MailAt>(&key(number)), row);
        }
        let before = state.clone();
        let mut draft = Draft::new(&before, &Strict, 1, Millis(0));
        for (number, byte) in steps {
            match byte {
                Some(byte) => draft.put(&key(number), &mail_at(byte)),
                None => draft.delete::<MailAt>(&key(number)),
            }
        }
        // when it is read, in part and as a whole
        let from = after.map(|number| (ada().name, number));
        let seen = rows::scan::<MailAt>(&draft, &ada().name, from.as_ref(), limit);
        let all = draft.scan::<MailAt>(&(), limit);
        let each: Vec<_> = (0..12).map(|number| draft.get::<MailAt>(&key(number))).collect();
        let raw = StateView::scan(&draft, &[], &[], limit);
        // then it reads as the state after its changes
        state.apply(&draft.finish().0);
        prop_assert_eq!(seen, rows::scan::<MailAt>(&state, &ada().name, from.as_ref(), limit));
        prop_assert_eq!(all, rows::scan::<MailAt>(&state, &(), None, limit));
        let expected: Vec<_> = (0..12)
            .map(|number| rows::get::<MailAt>(&state, &key(number)))
            .collect();
        prop_assert_eq!(each, expected);
        prop_assert_eq!(raw, state.scan(&[], &[], limit));
    }
}
