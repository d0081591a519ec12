//! Laws L1 to L4: a grant's debits are a bounded counter with request ids.

use std::collections::BTreeMap;

use cameo_common::api::GrantInfo;
use cameo_common::ids::{GrantId, Hash, Millis, RequestId, UserName};
use cameo_common::rights::Rights;
use cameo_common::statements::ViewRequest;
use proptest::prelude::*;

use super::history::{Transition, play, steps};
use crate::{Done, Op, Refusal, Reply, read};

/// Model of one grant.
pub struct GrantModel {
    pub owner: UserName,
    pub viewer: UserName,
    pub rights: Rights,
    /// The reply to each request, by id, with the hash of the request's bytes.
    pub debits: BTreeMap<RequestId, (Hash, Reply)>,
}

impl GrantModel {
    fn used(&self) -> u32 {
        self.debits.len() as u32
    }

    /// The number of the next debit, or the refusal: computed without the code under test.
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

    /// Compares the model with a read of the grant.
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

/// Models of all grants.
#[derive(Default)]
pub struct LedgerModel(pub BTreeMap<GrantId, GrantModel>);

impl LedgerModel {
    /// Checks a transition's reply against the model, then updates the model.
    pub fn follow(&mut self, transition: &Transition) -> Result<(), TestCaseError> {
        match transition.op() {
            Op::CreateGrant {
                manifest, rights, ..
            } if transition.accepted() => {
                let content = manifest.unverified().unwrap();
                let grant_model = GrantModel {
                    owner: content.owner_name.clone(),
                    viewer: content.viewer_name.clone(),
                    rights: rights.unverified().unwrap(),
                    debits: BTreeMap::new(),
                };
                self.0.entry(content.grant_id()).or_insert(grant_model);
            }
            Op::PutRights { rights } => {
                let content = rights.unverified().unwrap();
                let grant_model = self.0.get_mut(&content.grant).unwrap();
                if transition.accepted() && content.version > grant_model.rights.version {
                    grant_model.rights = content;
                }
            }
            Op::Debit { request } => {
                let content = request.unverified().unwrap();
                let grant_model = self.0.get_mut(&content.grant).unwrap();
                check_debit(grant_model, transition, &content, request.hash())?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn check_debit(
    grant_model: &mut GrantModel,
    transition: &Transition,
    content: &ViewRequest,
    hash: Hash,
) -> Result<(), TestCaseError> {
    let reply = &transition.decision.reply;
    let caller = read::caller(&transition.before, &content.device);
    if caller.as_ref().is_some_and(|caller| caller.revoked) {
        prop_assert_eq!(reply, &Err(Refusal::DeviceRevoked));
        return Ok(());
    }
    if let Some((known, before)) = grant_model.debits.get(&content.request) {
        if *known == hash {
            // But for the deal, which is the newest: see `release`.
            let (Ok(again), Ok(before)) = (reply, before) else {
                return Err(TestCaseError::fail(format!(
                    "one id, two answers: {reply:?}"
                )));
            };
            prop_assert!(again.agrees_with(before), "one id, two answers");
        } else {
            prop_assert!(reply.is_err(), "one id, two requests");
        }
        return Ok(());
    }
    let by_viewer = caller.is_some_and(|caller| caller.user == grant_model.viewer);
    if !by_viewer {
        prop_assert!(reply.is_err(), "charged by a stranger");
        return Ok(());
    }
    match grant_model.expect(transition.time()) {
        Err(refusal) => prop_assert_eq!(reply, &Err(refusal)),
        Ok(expected) => {
            let Ok(Done::Debited {
                number, used, left, ..
            }) = reply
            else {
                return Err(TestCaseError::fail(format!("a view refused: {reply:?}")));
            };
            prop_assert_eq!((*number, *used), (expected, expected));
            prop_assert_eq!(*left, grant_model.rights.permitted - expected);
            grant_model
                .debits
                .insert(content.request, (hash, reply.clone()));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn debits_are_a_bounded_counter_with_request_ids(steps in steps()) {
        let mut model = LedgerModel::default();
        for transition in play(&steps) {
            model.follow(&transition)?;
            for (grant, grant_model) in &model.0 {
                for party in [&grant_model.owner, &grant_model.viewer] {
                    let info = read::grant_info(&transition.after, grant, party).unwrap();
                    grant_model.agrees_with(&info)?;
                }
            }
        }
    }

    /// The owner reads every charged view once, in order of number.
    #[test]
    fn the_list_of_views_has_every_debit_once(steps in steps()) {
        let mut model = LedgerModel::default();
        let transitions = play(&steps);
        for transition in &transitions {
            model.follow(transition)?;
        }
        for (grant, grant_model) in &model.0 {
            let end = &transitions.last().unwrap().after;
            let log = read::grant_log(end, grant, &grant_model.owner, 0, usize::MAX).unwrap();
            let numbers: Vec<_> = log.views.iter().map(|view| view.number).collect();
            prop_assert_eq!(numbers, (1..=grant_model.used()).collect::<Vec<_>>());
            let mut ids: Vec<_> = log
                .views
                .iter()
                .map(|view| view.request.verify().unwrap().request)
                .collect();
            ids.sort();
            prop_assert_eq!(ids, grant_model.debits.keys().copied().collect::<Vec<_>>());
            prop_assert!(log.views.is_sorted_by_key(|view| view.at));
        }
    }
}
