//! A restored state has the rows that are taken over, and nothing of it can be spent before its
//! owner has opened it again.

use proptest::prelude::*;

use super::history::{people, play, steps};
use crate::rows::{self, Stream};
use crate::tests::cast::Person;
use crate::tests::restored::{Restored, kept};
use crate::tests::script::Script;
use crate::{Refusal, read};

proptest! {
    #[test]
    fn a_restore_keeps_what_it_takes_over_and_opens_nothing(
        steps in steps(),
        rows in 1..40usize,
        at in any::<prop::sample::Index>(),
    ) {
        let transitions = play(&steps);
        prop_assume!(!transitions.is_empty());
        let end = at.get(&transitions);
        // given the state of a cluster at any time
        let mut old = Script::new();
        old.state = end.after.clone();
        old.index = 1_000;
        old.now = read::log_time(&end.after);
        // when a new one takes it over
        let mut new = Restored::founded(&old, rows);
        new.approves(new.predecessor).unwrap();
        for piece in new.pieces.clone() {
            new.takes_over(&piece).unwrap();
        }
        // then the rows are the same, but for those of streams
        let (before, after) = (kept(&old.state), kept(&new.script.state));
        prop_assert!(before.keys().eq(after.keys()));
        for (key, value) in &before {
            if rows::try_decode::<Stream>(key, value).is_none() {
                prop_assert_eq!(value, &after[key]);
            }
        }
        let list = |person: &Person| read::grants_of(&old.state, &person.name, None, 100).grants;
        for person in people() {
            for info in list(&person) {
                // no grant has more left, and none opens
                let now = read::grant_info(&new.script.state, &info.grant, &person.name).unwrap();
                prop_assert!(now.closed);
                prop_assert_eq!((now.used, now.left), (info.used, info.left));
                for id in 1..6 {
                    let reply = new.views(&person, info.grant, id);
                    prop_assert!(reply.is_err());
                    let released = new.releases(&person, info.grant, id);
                    prop_assert_eq!(released, Err(Refusal::ClosedByRestore));
                }
            }
        }
        // and when one is opened again, then with what was left
        for person in people() {
            for info in list(&person) {
                if info.owner == person.name && new.reopens(&person, info.grant, 0).is_ok() {
                    let now = read::grant_info(&new.script.state, &info.grant, &person.name);
                    let now = now.unwrap();
                    prop_assert!(!now.closed);
                    prop_assert_eq!((now.used, now.left), (info.used, info.left));
                }
            }
        }
    }
}
