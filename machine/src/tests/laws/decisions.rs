//! Properties of all decisions: determinism, refusals without effect, log time, replay, retries.

use cameo_common::ids::Millis;
use cameo_common::keys::verify_batch;
use cameo_common::signed::Strict;
use cameo_common::wire;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::history::{Transition, play, steps};
use crate::tests::cast::{ada, bob, cyd};
use crate::tests::script::Script;
use crate::tests::verifiers::Known;
use crate::{
    Caller, Decision, Entry, MapView, Refusal, Reply, claims, decide, decide_verified_by,
    early_refusal, read,
};

/// Whether the device of an entry is revoked.
fn is_revoked(state: &MapView, transition: &Transition) -> bool {
    let device = transition.device();
    device
        .and_then(|device| read::caller(state, &device))
        .is_some_and(|caller| caller.revoked)
}

proptest! {
    #[test]
    fn the_same_entry_in_the_same_state_is_decided_the_same(steps in steps()) {
        for transition in play(&steps) {
            let again = decide(&transition.before, transition.index, &transition.entry.encode());
            prop_assert_eq!(again, transition.decision);
        }
    }

    #[test]
    fn a_refusal_changes_nothing(steps in steps()) {
        for transition in play(&steps) {
            if !transition.accepted() {
                prop_assert_eq!(&transition.after, &transition.before);
            }
        }
    }

    #[test]
    fn log_time_never_goes_back_and_moves_with_changes_only(steps in steps()) {
        let mut last = Millis::EPOCH;
        for transition in play(&steps) {
            let time = read::log_time(&transition.after);
            prop_assert!(time >= last);
            if transition.decision.changes.is_empty() {
                prop_assert_eq!(time, read::log_time(&transition.before));
            } else {
                prop_assert_eq!(time, transition.time());
            }
            last = time;
        }
    }

    /// A log that was encoded and decoded gives the same state and replies.
    #[test]
    fn replaying_the_log_gives_the_same_state(steps in steps()) {
        let transitions = play(&steps);
        let mut replayed = Script::with(&[&ada(), &bob(), &cyd()]);
        for transition in &transitions {
            let entry: Entry = wire::decode(&transition.entry.encode()).unwrap();
            prop_assert_eq!(&entry, &transition.entry);
            let decision: Decision = replayed.apply(&entry.encode());
            let reply: Reply = wire::decode(&wire::encode(&decision.reply)).unwrap();
            prop_assert_eq!(&reply, &transition.decision.reply);
        }
        let end = transitions.last().map_or(&replayed.state, |transition| &transition.after);
        prop_assert_eq!(&replayed.state, end);
    }

    /// The claims of all entries in one batch, before the first is decided; of each entry a copy
    /// with one byte altered, too.
    #[test]
    fn after_its_claims_were_verified_an_entry_is_decided_the_same_and_verifies_nothing_more(
        steps in steps(),
        altered in any::<prop::sample::Index>(),
    ) {
        let mut entries = Vec::new();
        for Transition { index, entry, before, .. } in play(&steps) {
            let right = entry.encode();
            let mut forged = right.clone();
            forged[altered.index(right.len())] ^= 1;
            entries.extend([right, forged].map(|bytes| (index, before.clone(), bytes)));
        }
        let claimed: Vec<_> = entries.iter().flat_map(|(_, _, bytes)| claims(bytes)).collect();
        let are_right = verify_batch(&claimed, &mut StdRng::seed_from_u64(1));
        let known = Known(claimed.into_iter().zip(are_right).collect());
        for (index, before, bytes) in entries {
            let decision = decide_verified_by(&known, &before, index, &bytes);
            prop_assert_eq!(decision, decide(&before, index, &bytes));
        }
    }

    /// Laws L3 and D1. A device that was revoked since is refused, which is no second reply.
    #[test]
    fn a_repeat_gets_the_same_reply_and_changes_nothing(steps in steps()) {
        let transitions = play(&steps);
        let Some(end) = transitions.last() else {
            return Ok(());
        };
        for transition in &transitions {
            let from_device = !matches!(transition.entry.command.caller, Caller::Node(_));
            if transition.accepted() && from_device {
                let again = decide(&end.after, end.index + 1, &transition.entry.encode());
                if is_revoked(&end.after, transition) {
                    prop_assert_eq!(&again.reply, &Err(Refusal::DeviceRevoked));
                } else {
                    let (again, before) = (&again.reply, &transition.decision.reply);
                    let (Ok(again), Ok(before)) = (again, before) else {
                        return Err(TestCaseError::fail(format!("{again:?}")));
                    };
                    // That of a debit has the newest deal.
                    prop_assert!(again.agrees_with(before), "{again:?}");
                }
                prop_assert_eq!(again.changes, vec![]);
            }
        }
    }

    /// So an honest node's refusal without an entry is what the entry would have got.
    #[test]
    fn an_early_refusal_stays_one_at_every_later_time(
        steps in steps(),
        later in 0..400 * 24 * 3_600_000_u64,
    ) {
        for Transition { index, entry, before, decision, .. } in play(&steps) {
            let early = early_refusal(&Strict, &before, &entry.command, Millis::EPOCH);
            if early.is_some() {
                prop_assert!(decision.reply.is_err(), "{early:?}");
                let entry = Entry::new(entry.time.plus_millis(later), entry.command);
                let decided = decide(&before, index, &entry.encode());
                prop_assert!(decided.reply.is_err(), "{early:?}");
            }
        }
    }

    #[test]
    fn random_bytes_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let decision = decide(&MapView::default(), 1, &bytes);
        prop_assert_eq!(decision.changes, vec![]);
    }
}
