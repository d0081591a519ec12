//! Laws L1 to L4: a grant's debits are a bounded counter with request ids.

use std::collections::BTreeMap;

use cameo_common::api::GrantInfo;
use cameo_common::ids::{GrantId, Hash, Millis, RequestId, UserName};
use cameo_common::rights::Rights;
use cameo_common::statements::ViewRequest;
use proptest::prelude::*;

use super::history::{Moment, play, steps};
use crate::{Done, Op, Refusal, Reply, read};

/// One grant, as a page of an account book.
pub struct Account {
    pub owner: UserName,
    pub viewer: UserName,
    pub rights: Rights,
    /// What each request was answered, by id, with the hash of its bytes.
    pub debits: BTreeMap<RequestId, (Hash, Reply)>,
}

impl Account {
    fn used(&self) -> u32 {
        self.debits.len() as u32
    }

    /// The reply's number, or why there is none: counted anew, not by the code under test.
    fn expect(&self, now: Millis) -> Result<u32, Refusal> {
        if self.rights.revoked {
            Err(Refusal::Revoked)
        } else if self.rights.expires.is_some_and(|end| end <= now) {
            Err(Refusal::Expired)
        } else if self.used() >= self.rights.permitted {
            Err(Refusal::UsedUp)
        } else {
            Ok(self.used() + 1)
        }
    }

    /// Whether a grant's own page says the same.
    fn agrees_with(&self, info: &GrantInfo) -> Result<(), TestCaseError> {
        let left = if self.rights.revoked {
            0
        } else {
            self.rights.permitted.saturating_sub(self.used())
        };
        prop_assert_eq!(info.used, self.used());
        prop_assert_eq!(info.left, left);
        prop_assert_eq!(info.permitted, self.rights.permitted);
        prop_assert_eq!(info.version, self.rights.version);
        Ok(())
    }
}

/// All grants' accounts.
#[derive(Default)]
pub struct Book(pub BTreeMap<GrantId, Account>);

impl Book {
    /// Enters what a moment has brought, after holding its reply to what was there.
    pub fn follow(&mut self, moment: &Moment) -> Result<(), TestCaseError> {
        match moment.op() {
            Op::CreateGrant {
                manifest, rights, ..
            } if moment.accepted() => {
                let content = manifest.peek().unwrap();
                let account = Account {
                    owner: content.owner_name.clone(),
                    viewer: content.viewer_name.clone(),
                    rights: rights.peek().unwrap(),
                    debits: BTreeMap::new(),
                };
                self.0.entry(content.grant_id()).or_insert(account);
            }
            Op::PutRights { rights } => {
                let content = rights.peek().unwrap();
                let account = self.0.get_mut(&content.grant).unwrap();
                if moment.accepted() && content.version > account.rights.version {
                    account.rights = content;
                }
            }
            Op::Debit { request } => {
                let content = request.peek().unwrap();
                let account = self.0.get_mut(&content.grant).unwrap();
                check_debit(account, moment, &content, request.hash())?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn check_debit(
    account: &mut Account,
    moment: &Moment,
    content: &ViewRequest,
    hash: Hash,
) -> Result<(), TestCaseError> {
    let reply = &moment.decision.reply;
    if let Some((known, before)) = account.debits.get(&content.request) {
        if *known == hash {
            prop_assert_eq!(reply, before, "one id, two answers");
        } else {
            prop_assert!(reply.is_err(), "one id, two requests");
        }
        return Ok(());
    }
    let by_viewer = read::caller(&moment.before, &content.device)
        .is_some_and(|caller| caller.user == account.viewer);
    if !by_viewer {
        prop_assert!(reply.is_err(), "charged by a stranger");
        return Ok(());
    }
    match account.expect(moment.time()) {
        Err(refusal) => prop_assert_eq!(reply, &Err(refusal)),
        Ok(expected) => {
            let Ok(Done::Debited {
                number, used, left, ..
            }) = reply
            else {
                return Err(TestCaseError::fail(format!("a view refused: {reply:?}")));
            };
            prop_assert_eq!((*number, *used), (expected, expected));
            prop_assert_eq!(*left, account.rights.permitted - expected);
            account
                .debits
                .insert(content.request, (hash, reply.clone()));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn debits_are_a_bounded_counter_with_request_ids(steps in steps()) {
        let mut book = Book::default();
        for moment in play(&steps) {
            book.follow(&moment)?;
            for (grant, account) in &book.0 {
                for party in [&account.owner, &account.viewer] {
                    let info = read::grant_info(&moment.after, grant, party).unwrap();
                    account.agrees_with(&info)?;
                }
            }
        }
    }

    /// The owner sees every view that was charged, each once, in the order of their numbers.
    #[test]
    fn the_log_has_every_debit_once(steps in steps()) {
        let mut book = Book::default();
        let moments = play(&steps);
        for moment in &moments {
            book.follow(moment)?;
        }
        for (grant, account) in &book.0 {
            let end = &moments.last().unwrap().after;
            let log = read::grant_log(end, grant, &account.owner, 0, usize::MAX).unwrap();
            let numbers: Vec<_> = log.views.iter().map(|view| view.number).collect();
            prop_assert_eq!(numbers, (1..=account.used()).collect::<Vec<_>>());
            let mut ids: Vec<_> = log.views.iter().map(|view| view.request).collect();
            ids.sort();
            prop_assert_eq!(ids, account.debits.keys().copied().collect::<Vec<_>>());
            prop_assert!(log.views.is_sorted_by_key(|view| view.at));
        }
    }
}
