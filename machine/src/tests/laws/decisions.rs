//! What holds of every decision, whatever it is about.

use cameo_common::ids::Millis;
use cameo_common::wire;
use proptest::prelude::*;

use super::history::{play, steps};
use crate::tests::cast::{ada, bob, cyd};
use crate::tests::script::Script;
use crate::{Caller, Decision, Entry, MapView, Reply, decide, read};

proptest! {
    #[test]
    fn the_same_entry_in_the_same_state_is_decided_the_same(steps in steps()) {
        for moment in play(&steps) {
            let again = decide(&moment.before, moment.index, &moment.entry.encode());
            prop_assert_eq!(again, moment.decision);
        }
    }

    #[test]
    fn a_refusal_changes_nothing(steps in steps()) {
        for moment in play(&steps) {
            if !moment.accepted() {
                prop_assert_eq!(&moment.after, &moment.before);
            }
        }
    }

    #[test]
    fn time_never_goes_back_and_follows_what_is_carried_out(steps in steps()) {
        let mut last = Millis::EPOCH;
        for moment in play(&steps) {
            let time = read::log_time(&moment.after);
            prop_assert!(time >= last);
            if moment.decision.changes.is_empty() {
                prop_assert_eq!(time, read::log_time(&moment.before));
            } else {
                prop_assert_eq!(time, moment.time());
            }
            last = time;
        }
    }

    /// A log that went over the wire and the disk gives the same state as the commands did.
    #[test]
    fn replaying_the_log_gives_the_same_state(steps in steps()) {
        let moments = play(&steps);
        let mut replayed = Script::with(&[&ada(), &bob(), &cyd()]);
        for moment in &moments {
            let entry: Entry = wire::decode(&moment.entry.encode()).unwrap();
            prop_assert_eq!(&entry, &moment.entry);
            let decision: Decision = replayed.apply(&entry.encode());
            let reply: Reply = wire::decode(&wire::encode(&decision.reply)).unwrap();
            prop_assert_eq!(&reply, &moment.decision.reply);
        }
        let end = moments.last().map_or(&replayed.state, |moment| &moment.after);
        prop_assert_eq!(&replayed.state, end);
    }

    /// Laws L3 and D1: what was carried out once is answered the same ever after, and done once.
    #[test]
    fn a_repeat_gets_the_same_reply_and_changes_nothing(steps in steps()) {
        let moments = play(&steps);
        let Some(end) = moments.last() else {
            return Ok(());
        };
        for moment in &moments {
            let from_device = matches!(moment.entry.command.caller, Caller::Device { .. });
            if moment.accepted() && from_device {
                let again = decide(&end.after, end.index + 1, &moment.entry.encode());
                prop_assert_eq!(&again.reply, &moment.decision.reply);
                prop_assert_eq!(again.changes, vec![]);
            }
        }
    }

    #[test]
    fn bytes_that_come_from_nowhere_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let decision = decide(&MapView::default(), 1, &bytes);
        prop_assert_eq!(decision.changes, vec![]);
    }
}
