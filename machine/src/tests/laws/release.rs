//! Laws L5 and L6: a part is released for a committed debit, to the key that was debited, while
//! the rights permit it, and for nothing else.

use cameo_common::ids::{Hash, Millis, whole_millis};
use cameo_common::statements::ViewRequest;
use proptest::prelude::*;

use super::history::{Moment, play, steps};
use super::ledger::{Account, Book};
use crate::limits::RESUME;
use crate::{Done, Op, read};

const RESUME_MS: u64 = whole_millis(RESUME);

/// Whether the account book permits a release. The histories' certificates do not end.
fn permits(
    account: &Account,
    request: &ViewRequest,
    hash: Hash,
    debited: Millis,
    now: Millis,
) -> bool {
    let committed = account.debits.get(&request.request);
    let Some((_, Ok(Done::Debited { number, .. }))) = committed.filter(|(known, _)| *known == hash)
    else {
        return false;
    };
    let rights = &account.rights;
    !rights.revoked
        && rights.expires.is_none_or(|end| now < end)
        && *number <= rights.permitted
        && now < debited.plus(RESUME)
}

/// When a request was first charged.
fn debited_at(moments: &[Moment], hash: Hash) -> Millis {
    let charged = moments.iter().find(|moment| {
        moment.accepted() && matches!(moment.op(), Op::Debit { request } if request.hash() == hash)
    });
    charged.map_or(Millis::EPOCH, Moment::time)
}

proptest! {
    #[test]
    fn a_part_is_released_exactly_when_the_ledger_permits_it(
        steps in steps(),
        later_ms in prop_oneof![Just(0), 0..10_000u64, RESUME_MS - 100_000..RESUME_MS + 100_000],
    ) {
        let moments = play(&steps);
        let mut book = Book::default();
        for moment in &moments {
            book.follow(moment)?;
        }
        let Some(end) = moments.last() else {
            return Ok(());
        };
        let now = read::log_time(&end.after).plus_millis(later_ms);
        for moment in &moments {
            if let Op::Debit { request } = moment.op() {
                let (content, hash) = (request.peek().unwrap(), request.hash());
                let expected = permits(
                    &book.0[&content.grant], &content, hash, debited_at(&moments, hash), now,
                );
                let release = read::release_check(&end.after, &content, &hash, now);
                prop_assert_eq!(release.is_ok(), expected, "{:?}", release);
            }
        }
    }
}
