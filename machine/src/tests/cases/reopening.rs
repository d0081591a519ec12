use cameo_common::ids::GrantId;
use cameo_common::signed::Strict;
use cameo_common::statements::{Deal, Reopening};

use crate::tests::cast::chain::nodes;
use crate::tests::cast::{ada, bob, cluster_id, cyd, descriptor, puts, rights, sign};
use crate::tests::restored::{Restored, reopens, used_once};
use crate::tests::script::{Script, debit_numbers};
use crate::{Caller, Done, Op, Refusal, read};

/// Why a change to nodes that hold nothing would be refused.
fn refuses_other_nodes(new: &Restored) -> Option<Refusal> {
    let next = new.descriptor.successor(nodes(&[7]));
    read::refuses_nodes(&Strict, &new.script.state, &next, false, new.script.now)
}

fn closed() -> Result<Done, Refusal> {
    Err(Refusal::ClosedByRestore)
}

#[test]
fn a_closed_grant_is_neither_charged_nor_released_nor_dealt() {
    let (old, grant) = used_once();
    let mut new = Restored::from(&old);
    assert_eq!(new.views(&bob(), grant, 1), Err(Refusal::RequestReused));
    assert_eq!(new.views(&bob(), grant, 2), closed());
    assert_eq!(
        new.releases(&bob(), grant, 1),
        Err(Refusal::ClosedByRestore)
    );
    let (_, deal) = new.reopening(&ada(), grant, 0);
    let deal = sign(deal);
    assert_eq!(new.does(&ada(), Op::PutDeal { deal }), closed());
    let to_deal = read::grants_to_deal_again(&new.script.state, &ada().name, None, 10);
    assert_eq!(to_deal.grants, []);
    // A change of the nodes has nothing to do with it.
    let refused = refuses_other_nodes(&new);
    assert_eq!(refused, None);
    // Its rights change all the same, and stay closed.
    let lower = rights(&ada(), grant, 2, 2);
    new.does(&ada(), puts(lower)).unwrap();
    assert_eq!(new.views(&bob(), grant, 2), closed());
    let refused = refuses_other_nodes(&new);
    assert_eq!(refused, None);
}

#[test]
fn a_view_of_before_is_not_resumed_or_charged_by_its_old_request() {
    let (old, grant) = used_once();
    let mut new = Restored::from(&old);
    new.reopens(&ada(), grant, 0).unwrap();
    let request = bob().view_request(grant, 1, 1);
    let op = Op::Debit {
        request: request.clone(),
    };
    let reply = new.script.enter(Caller::Signer, op).reply;
    assert!(matches!(reply, Err(Refusal::Mismatch(_))), "{reply:?}");
    let content = request.unverified().unwrap();
    let released = read::release_check(&new.script.state, &request, &content, new.script.now);
    assert!(released.is_err());
    // Nor under its id for the new cluster, which names another view.
    assert_eq!(new.views(&bob(), grant, 1), Err(Refusal::RequestReused));
}

#[test]
fn a_reopened_grant_has_the_views_left_that_it_had_and_is_released_by_the_new_deal() {
    let (old, grant) = used_once();
    let mut new = Restored::from(&old);
    assert_eq!(new.reopens(&ada(), grant, 0), Ok(Done::Nothing));
    let info = read::grant_info(&new.script.state, &grant, &bob().name).unwrap();
    assert_eq!((info.used, info.left, info.closed), (1, 2, false));
    assert!(info.in_mailbox, "what was not acknowledged is posted again");
    let reply = new.views(&bob(), grant, 2);
    assert_eq!(debit_numbers(&reply), (2, 2, 1));
    let deal = new.releases(&bob(), grant, 2).unwrap();
    assert_eq!(
        (deal.cluster, deal.number, deal.first_floor.used),
        (new.cluster, 2, 1)
    );
    assert_eq!(debit_numbers(&new.views(&bob(), grant, 3)), (3, 3, 0));
    assert_eq!(new.views(&bob(), grant, 4), Err(Refusal::UsedUp));
    // A change of the nodes counts its holders now.
    let refused = refuses_other_nodes(&new);
    assert!(matches!(
        refused,
        Some(Refusal::TooFewHolders { grants: 1, .. })
    ));
}

#[test]
fn the_owner_raises_what_was_used_and_never_lowers_it() {
    let (old, grant) = used_once();
    let mut new = Restored::from(&old);
    let (mut low, mut deal) = new.reopening(&ada(), grant, 0);
    (low.used, deal.first_floor.used) = (0, 0);
    let before = new.script.state.clone();
    let stale = Refusal::StaleReopening {
        rights_version: 1,
        used: 1,
    };
    assert_eq!(new.does(&ada(), reopens(low, deal)), Err(stale));
    assert_eq!(new.script.state, before);
    new.reopens(&ada(), grant, 1).unwrap();
    assert_eq!(debit_numbers(&new.views(&bob(), grant, 2)), (3, 3, 0));
    assert_eq!(new.views(&bob(), grant, 3), Err(Refusal::UsedUp));
}

#[test]
fn attack_only_the_owner_opens_a_grant_for_this_cluster_by_its_present_rights_and_nodes() {
    let (old, grant) = used_once();
    let mut new = Restored::from(&old);
    let (good, deal) = new.reopening(&ada(), grant, 0);
    let old_deal = descriptor().hash();
    let statement = |change: &dyn Fn(&mut Reopening)| {
        let mut bad = good.clone();
        change(&mut bad);
        reopens(bad, deal.clone())
    };
    let dealt = |change: &dyn Fn(&mut Deal)| {
        let mut bad = deal.clone();
        change(&mut bad);
        reopens(good.clone(), bad)
    };
    let cases = [
        (bob(), reopens(good.clone(), deal.clone())),
        (cyd(), reopens(good.clone(), deal.clone())),
        (ada(), statement(&|bad| bad.owner = bob().key())),
        (ada(), statement(&|bad| bad.cluster = cluster_id())),
        (ada(), statement(&|bad| bad.grant = GrantId([9; 32]))),
        (ada(), statement(&|bad| bad.rights_version = 2)),
        (ada(), statement(&|bad| bad.used = u32::MAX)),
        (ada(), dealt(&|bad| bad.cluster = cluster_id())),
        (ada(), dealt(&|bad| bad.descriptor = old_deal)),
        (ada(), dealt(&|bad| bad.number = 1)),
        (ada(), dealt(&|bad| bad.first_floor.used = 0)),
        (ada(), dealt(&|bad| bad.grant = GrantId([9; 32]))),
        (ada(), dealt(&|bad| drop(bad.parts.pop()))),
    ];
    for (at, (who, op)) in cases.into_iter().enumerate() {
        let before = new.script.state.clone();
        assert!(new.does(&who, op).is_err(), "case {at}");
        assert_eq!(new.script.state, before);
    }
    let op = reopens(good, deal);
    assert!(new.script.node_does(op.clone()).is_err());
    assert!(new.operator_does(op.clone()).is_err());
    assert_eq!(new.does(&ada(), op), Ok(Done::Nothing));
}

#[test]
fn a_grant_is_opened_once_and_the_same_statements_again_change_nothing() {
    let (old, grant) = used_once();
    let mut new = Restored::from(&old);
    let (good, deal) = new.reopening(&ada(), grant, 0);
    let op = reopens(good.clone(), deal.clone());
    new.does(&ada(), op.clone()).unwrap();
    new.views(&bob(), grant, 2).unwrap();
    let info = |new: &Restored| read::grant_info(&new.script.state, &grant, &ada().name);
    let before = info(&new);
    assert_eq!(new.does(&ada(), op), Ok(Done::Nothing));
    assert_eq!(info(&new), before);
    assert_eq!(new.reopens(&ada(), grant, 0), Err(Refusal::NotClosed));
    // A grant of the new cluster was never closed.
    let mut other = Script::with(&[&ada(), &bob()]);
    let open = other.grants(&ada(), &bob(), 1);
    let op = reopens(
        Reopening {
            cluster: cluster_id(),
            grant: open,
            ..good
        },
        other.next_deal(&ada(), open),
    );
    assert_eq!(other.does(&ada(), op), Err(Refusal::NotClosed));
}

#[test]
fn a_revoked_grant_stays_closed_until_its_rights_are_live_again() {
    let (mut old, grant) = used_once();
    let mut end = rights(&ada(), grant, 2, 3);
    end.revoked = true;
    old.does(&ada(), puts(end)).unwrap();
    let mut new = Restored::from(&old);
    assert_eq!(new.reopens(&ada(), grant, 0), Err(Refusal::Revoked));
    new.does(&ada(), puts(rights(&ada(), grant, 3, 3))).unwrap();
    assert_eq!(new.views(&bob(), grant, 2), closed());
    assert_eq!(new.reopens(&ada(), grant, 0), Ok(Done::Nothing));
    new.views(&bob(), grant, 2).unwrap();
}

#[test]
fn a_restored_cluster_is_backed_up_and_restored_like_any_other() {
    let (old, grant) = used_once();
    let mut middle = Restored::from(&old);
    middle.reopens(&ada(), grant, 0).unwrap();
    middle.views(&bob(), grant, 2).unwrap();
    // The cast signs for the first cluster: what is left is what counts here.
    let mut new = Restored::from(&middle.script);
    assert_eq!(new.views(&bob(), grant, 3), closed());
    new.reopens(&ada(), grant, 0).unwrap();
    assert_eq!(debit_numbers(&new.views(&bob(), grant, 3)), (3, 3, 0));
}
