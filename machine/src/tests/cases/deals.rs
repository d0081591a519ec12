//! Deals to new nodes, and what is released by them.

use cameo_common::api::EventKind;
use cameo_common::ids::{GrantId, NodeId};
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{
    self, Dealing, PartContext, ReleaseContext, Share, open_part, open_release, release_part,
};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, ViewRequest};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::read::{grants_to_deal_again, release_check};
use crate::tests::cast::{
    Offer, Person, START, ada, bob, cluster_id, cyd, descriptor, image, node_secret, puts, rights,
    sign,
};
use crate::tests::script::{Script, debit_numbers};
use crate::{Done, MapView, Op, Refusal, Reply, read};

/// A grant of three views, of which Bob has taken one, and then node 4 has taken node 3's place.
fn changed() -> (Script, GrantId) {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    script.changes_nodes(&[1, 2, 4], false).unwrap();
    (script, grant)
}

fn to_deal(state: &MapView, owner: &Person) -> Vec<GrantId> {
    let page = grants_to_deal_again(state, &owner.name, None, 9);
    assert_eq!(page.next, None);
    page.grants.into_iter().map(|info| info.grant).collect()
}

fn deal_of(reply: &Reply) -> Deal {
    match reply {
        Ok(Done::Debited { deal, .. }) => deal.verify().unwrap(),
        other => panic!("expected a debit, got {other:?}"),
    }
}

fn puts_deal(deal: Deal) -> Op {
    let deal = sign(deal);
    Op::PutDeal { deal }
}

#[test]
fn an_owner_deals_live_grants_to_the_new_nodes() {
    // given a grant that is dealt to the nodes before
    let (mut script, grant) = changed();
    let mut ended = Offer::with_nonce(&ada(), &bob(), image(2), 3, 2);
    ended.deal_to(&script.descriptor());
    script.does(&ada(), ended.op()).unwrap();
    // then it has to be dealt again, and none of those dealt to the new nodes, or of the viewer
    assert_eq!(to_deal(&script.state, &ada()), [grant]);
    assert_eq!(to_deal(&script.state, &bob()), []);
    // when its owner deals it again
    assert_eq!(script.deals_again(&ada(), grant), Ok(Done::Nothing));
    // then nothing is left to do, and both parties see the new deal
    assert_eq!(to_deal(&script.state, &ada()), []);
    for person in [ada(), bob()] {
        let info = read::grant_info(&script.state, &grant, &person.name).unwrap();
        let deal = info.deal.verify().unwrap();
        assert_eq!(
            (deal.number, deal.descriptor),
            (2, script.descriptor().hash())
        );
    }
    let events = read::events_after(&script.state, &bob().name, 0, 99);
    let dealt = EventKind::Dealt { grant, number: 2 };
    assert!(events.iter().any(|event| event.kind == dealt));
}

#[test]
fn grants_to_deal_again_come_in_pages() {
    let mut script = Script::with(&[&ada(), &bob()]);
    for number in 1..=5 {
        let offer = Offer::with_nonce(&ada(), &bob(), image(number), 3, number);
        script.does(&ada(), offer.op()).unwrap();
    }
    script.changes_nodes(&[1, 2, 4], false).unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = grants_to_deal_again(&script.state, &ada().name, after.as_ref(), 2);
        found.extend(page.grants.into_iter().map(|info| info.grant));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, to_deal(&script.state, &ada()));
    assert_eq!(found.len(), 5);
}

#[test]
fn a_view_that_was_charged_before_is_resumed_under_the_newest_deal() {
    // given a view that was charged, and the deal of that time
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let first = script.does(&bob(), bob().views(grant, 1));
    script.changes_nodes(&[1, 2, 4], false).unwrap();
    assert_eq!(script.does(&bob(), bob().views(grant, 1)), first);
    // when the owner deals again
    script.deals_again(&ada(), grant).unwrap();
    // then a repeat has the same figures and the new deal, and charges nothing
    let again = script.does(&bob(), bob().views(grant, 1));
    assert_eq!(debit_numbers(&again), debit_numbers(&first));
    assert_eq!((deal_of(&first).number, deal_of(&again).number), (1, 2));
    let (Ok(again), Ok(first)) = (again, first) else {
        unreachable!()
    };
    assert!(again.agrees_with(&first) && first.agrees_with(&again));
    // and the nodes release by it, also another view
    let second = script.does(&bob(), bob().views(grant, 2));
    assert_eq!(
        (debit_numbers(&second), deal_of(&second).number),
        ((2, 2, 1), 2)
    );
    for id in [1, 2] {
        let request = bob().view_request(grant, id, 1);
        let content = request.unverified().unwrap();
        let release = release_check(&script.state, &request, &content, START).unwrap();
        assert_eq!(release.deal.verify().unwrap().number, 2);
    }
    assert!(!second.unwrap().agrees_with(&first));
}

#[test]
fn a_deal_that_debits_or_rights_have_overtaken_is_signed_again() {
    let (mut script, grant) = changed();
    // given a deal that was signed before another view and newer rights
    let early = script.next_deal(&ada(), grant);
    script.does(&bob(), bob().views(grant, 2)).unwrap();
    let stale = |rights_version, used| Refusal::StaleDeal {
        deal: 1,
        rights_version,
        used,
    };
    let reply = script.does(&ada(), puts_deal(early));
    assert_eq!(reply, Err(stale(1, 2)));
    let early = script.next_deal(&ada(), grant);
    script
        .does(&ada(), puts(rights(&ada(), grant, 2, 5)))
        .unwrap();
    let reply = script.does(&ada(), puts_deal(early.clone()));
    assert_eq!(reply, Err(stale(2, 2)));
    // when the owner signs what the ledger has, then it is taken
    let next = Deal {
        first_floor: FirstFloor {
            rights_version: 2,
            used: 2,
        },
        ..early
    };
    for number in [0, 1, 3, u64::MAX] {
        let reply = script.does(
            &ada(),
            puts_deal(Deal {
                number,
                ..next.clone()
            }),
        );
        assert_eq!(reply, Err(stale(2, 2)), "{number}");
    }
    assert_eq!(script.does(&ada(), puts_deal(next)), Ok(Done::Nothing));
}

#[test]
fn attack_only_the_owner_deals_a_grant_again_and_to_all_current_nodes() {
    let (mut script, grant) = changed();
    let good = script.next_deal(&ada(), grant);
    let mut forged = sign(good.clone()).as_bytes().to_vec();
    forged[3] ^= 1;
    let signed_by = |person: &Person| Deal {
        owner: person.key(),
        ..good.clone()
    };
    let with = |change: fn(&mut Deal)| {
        let mut deal = good.clone();
        change(&mut deal);
        deal
    };
    let deal = Signed::from_bytes(forged);
    let cases = [
        // a viewer and a stranger, by their own word or the owner's
        (bob(), puts_deal(good.clone())),
        (cyd(), puts_deal(good.clone())),
        (bob(), puts_deal(signed_by(&bob()))),
        (ada(), puts_deal(signed_by(&cyd()))),
        (ada(), Op::PutDeal { deal }),
        // of another grant, viewer or cluster
        (ada(), puts_deal(with(|deal| deal.grant = GrantId([9; 32])))),
        (ada(), puts_deal(with(|deal| deal.viewer = cyd().key()))),
        (ada(), puts_deal(with(|deal| deal.cluster.0 = [9; 32]))),
        // to the nodes before, to fewer, or for another threshold
        (
            ada(),
            puts_deal(with(|deal| deal.descriptor = descriptor().hash())),
        ),
        (ada(), puts_deal(with(|deal| drop(deal.parts.pop())))),
        (ada(), puts_deal(with(|deal| deal.threshold = 1))),
        (
            ada(),
            puts_deal(with(|deal| deal.parts[1].x = deal.parts[0].x)),
        ),
        (
            ada(),
            puts_deal(with(|deal| deal.parts[2].node = NodeId(3))),
        ),
    ];
    for (at, (who, op)) in cases.into_iter().enumerate() {
        let before = script.state.clone();
        assert!(script.does(&who, op).is_err(), "case {at}");
        assert_eq!(script.state, before);
    }
    let op = puts_deal(good);
    let order = script.order(&op);
    assert!(script.enter(order, op.clone()).reply.is_err());
    assert!(script.node_does(op.clone()).is_err());
    assert_eq!(script.does(&ada(), op), Ok(Done::Nothing));
}

#[test]
fn attack_a_grant_has_one_deal_a_descriptor_so_that_an_owner_fills_no_ledger() {
    let (mut script, grant) = changed();
    let first = puts_deal(script.next_deal(&ada(), grant));
    script.does(&ada(), first.clone()).unwrap();
    // the same deal again changes nothing
    let state = script.state.clone();
    let call = script.call(&ada(), &first);
    assert_eq!(script.enter(call, first).reply, Ok(Done::Nothing));
    let info = |state: &MapView| read::grant_info(state, &grant, &ada().name);
    assert_eq!(info(&script.state), info(&state));
    // and another one has to wait for other nodes
    let reply = script.deals_again(&ada(), grant);
    assert_eq!(reply, Err(Refusal::DealtAlready(2)));
}

#[test]
fn a_grant_that_has_ended_is_not_dealt_again() {
    let (mut script, grant) = changed();
    let mut brief = rights(&ada(), grant, 2, 3);
    brief.expires = Some(script.now.plus_millis(1_000));
    script.does(&ada(), puts(brief)).unwrap();
    script.wait(1_000);
    script.node_does(Op::ExpireSessions(vec![])).unwrap();
    assert_eq!(to_deal(&script.state, &ada()), []);
    assert_eq!(script.deals_again(&ada(), grant), Err(Refusal::Expired));
    // when it is made live again, then it has to be dealt, until it is revoked
    script
        .does(&ada(), puts(rights(&ada(), grant, 3, 3)))
        .unwrap();
    assert_eq!(to_deal(&script.state, &ada()), [grant]);
    let mut end = rights(&ada(), grant, 4, 3);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    assert_eq!(to_deal(&script.state, &ada()), []);
    assert_eq!(script.deals_again(&ada(), grant), Err(Refusal::Revoked));
}

#[test]
fn a_retired_owner_still_deals_again() {
    let (mut script, grant) = changed();
    script
        .operator_does(Op::Retire { user: ada().name })
        .unwrap();
    assert_eq!(script.deals_again(&ada(), grant), Ok(Done::Nothing));
}

/// A real share: dealt to nodes 1 to 3, dealt again to 2, 4 and 5, and released by the new ones for
/// a view that was charged before.
#[test]
fn new_nodes_release_a_share_that_combines_to_the_owners() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut script = Script::with(&[&ada(), &bob()]);
    let mut offer = Offer::new(&ada(), &bob(), image(1), 2);
    let share = Share::random(&mut rng);
    let mut dealing = Dealing {
        cluster: cluster_id(),
        grant: offer.id(),
        owner: ada().key(),
        viewer: bob().key(),
        number: 1,
        first_floor: FirstFloor::NEW,
    };
    offer.deal = sealing::deal(&mut rng, &dealing, &share, &descriptor()).unwrap();
    script.does(&ada(), offer.op()).unwrap();
    let one_time = SealingSecret::from_bytes([5; 32]);
    let request = sign(ViewRequest {
        one_time: one_time.public(),
        ..bob().view_request(offer.id(), 1, 1).unverified().unwrap()
    });
    let op = Op::Debit {
        request: request.clone(),
    };
    script.does(&bob(), op).unwrap();
    // when the nodes change and the owner deals the share that they have kept
    script.changes_nodes(&[2, 4, 5], true).unwrap();
    dealing.number = 2;
    dealing.first_floor.used = 1;
    let deal = sealing::deal(&mut rng, &dealing, &share, &script.descriptor()).unwrap();
    script.does(&ada(), puts_deal(deal)).unwrap();
    // then nodes 4 and 5 release parts that combine to it
    let content = request.verify().unwrap();
    let release = release_check(&script.state, &request, &content, script.now).unwrap();
    let deal = release.deal.verify().unwrap();
    let mut opened = Vec::new();
    for node in [NodeId(4), NodeId(5)] {
        let part = deal.parts.iter().find(|part| part.node == node).unwrap();
        let context = ReleaseContext {
            part: PartContext::of(&deal, part),
            request: content.request,
            request_hash: request.hash(),
        };
        let own = open_part(&node_secret(node), &context.part, part).unwrap();
        let released = release_part(&mut rng, &context, &content.one_time, &own).unwrap();
        opened.push(open_release(&one_time, &context, part, &released.sealed).unwrap());
    }
    let combined = sealing::combine(&deal, &opened).unwrap();
    assert_eq!(combined.expose(), share.expose());
}
