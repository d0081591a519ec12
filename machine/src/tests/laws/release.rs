//! Laws L5 and L6: a part is released only for a committed debit, to the one-time key of that
//! debit, while the rights permit it.

use cameo_common::ids::{Hash, Millis, whole_millis};
use cameo_common::statements::ViewRequest;
use proptest::prelude::*;

use super::history::{Transition, play, steps};
use super::ledger::{GrantModel, LedgerModel};
use crate::limits::RESUME_WINDOW;
use crate::{Command, Done, Op, read};

const RESUME_MS: u64 = whole_millis(RESUME_WINDOW);

/// Whether the model permits a release. Certificates do not expire within a history.
fn permits(
    grant_model: &GrantModel,
    request: &ViewRequest,
    hash: Hash,
    resumable: bool,
    now: Millis,
) -> bool {
    let committed = grant_model.debits.get(&request.request);
    let Some((_, Ok(Done::Debited { number, .. }))) = committed.filter(|(known, _)| *known == hash)
    else {
        return false;
    };
    let rights = &grant_model.rights;
    !rights.revoked
        && rights.expires.is_none_or(|end| now < end)
        && *number <= rights.permitted
        && resumable
}

/// When a request was charged.
fn debited_at(transitions: &[Transition], hash: Hash) -> Millis {
    let charged = transitions.iter().find(|transition| {
        transition.accepted()
            && matches!(transition.op(), Op::Debit { request } if request.hash() == hash)
    });
    charged.map_or(Millis::EPOCH, Transition::time)
}

proptest! {
    #[test]
    fn a_part_is_released_exactly_when_the_ledger_permits_it(
        steps in steps(),
        later_ms in prop_oneof![Just(0), 0..10_000u64, RESUME_MS - 100_000..RESUME_MS + 100_000],
    ) {
        let transitions = play(&steps);
        let mut model = LedgerModel::default();
        for transition in &transitions {
            model.follow(transition)?;
        }
        let Some(end) = transitions.last() else {
            return Ok(());
        };
        let now = read::log_time(&end.after).plus_millis(later_ms);
        for transition in &transitions {
            if let Op::Debit { request } = transition.op() {
                let (content, hash) = (request.unverified().unwrap(), request.hash());
                // By log time alone.
                let debited = debited_at(&transitions, hash);
                let resumable = read::log_time(&end.after) < debited.plus(RESUME_WINDOW);
                let expected = permits(&model.0[&content.grant], &content, hash, resumable, now);
                let revoked = read::caller(&end.after, &content.device)
                    .is_some_and(|device| device.revoked);
                let expected = expected && !revoked;
                let release = read::release_check(&end.after, request, &content, now);
                prop_assert_eq!(release.is_ok(), expected, "{:?}", release);
                let statements = read::grant_statements(&end.after, &content.grant);
                let newest = statements.unwrap().deal;
                if let Ok(release) = release {
                    prop_assert_eq!(&release.deal, &newest);
                }
                // A repeat of the debit is answered with the same deal.
                let caller = transition.entry.command.caller.clone();
                let repeat = Command { caller, op: transition.op().clone() };
                if let Some(Done::Debited { deal, .. }) = read::stored_reply(&end.after, &repeat) {
                    prop_assert_eq!(deal, newest);
                }
            }
        }
    }
}
