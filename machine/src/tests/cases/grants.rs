use cameo_common::ids::{ClusterId, Hash};
use cameo_common::keys::SealingPublic;
use cameo_common::rights::MAX_PERMITTED;

use crate::limits::MAX_GRANTS_PER_USER;
use crate::rows::{GrantCount, Row, key_bytes};
use crate::tests::cast::{Offer, START, ada, bob, cyd, image, puts, rights};
use crate::tests::script::Script;
use crate::{Change, Done, Refusal, Reply, read};

/// A name, and a change that makes an offer invalid.
type Fault = (&'static str, fn(&mut Offer));

/// The reply to an offer of Ada's to Bob with one change.
fn reply_to_changed(change: impl FnOnce(&mut Offer)) -> Reply {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let mut offer = Offer::new(&ada(), &bob(), image(1), 3);
    change(&mut offer);
    script.does(&ada(), offer.op())
}

#[test]
fn attack_a_grant_is_visible_to_its_parties_only() {
    // given three users
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let offer = Offer::new(&ada(), &bob(), image(1), 3);
    // when one grants an image to another
    let reply = script.does(&ada(), offer.op());
    // then both find it, and the third does not
    assert_eq!(reply, Ok(Done::GrantCreated { grant: offer.id() }));
    for party in [ada(), bob()] {
        let info = read::grant_info(&script.state, &offer.id(), &party.name).unwrap();
        assert_eq!((info.permitted, info.used, info.left), (3, 0, 3));
        assert_eq!(info.created, START);
    }
    let none = read::grant_info(&script.state, &offer.id(), &cyd().name);
    assert_eq!(none, None);
}

#[test]
fn attack_only_the_owner_creates_a_grant() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let offer = Offer::new(&ada(), &bob(), image(1), 3);
    let reply = script.does(&bob(), offer.op());
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
}

#[test]
fn attack_neither_an_owners_name_nor_their_key_alone_makes_a_manifest_theirs() {
    let faults: [Fault; 2] = [
        ("another's name", |o| o.manifest.owner_name = cyd().name),
        ("another's key", |o| o.manifest.owner = cyd().key()),
    ];
    for (what, change) in faults {
        let reply = reply_to_changed(change);
        let refused = Err(Refusal::Forbidden("owner of the photo".into()));
        assert_eq!(reply, refused, "{what}");
    }
}

#[test]
fn a_grant_to_a_user_who_is_not_registered_is_refused() {
    let mut script = Script::with(&[&ada()]);
    let offer = Offer::new(&ada(), &bob(), image(1), 3);
    let reply = script.does(&ada(), offer.op());
    assert_eq!(reply, Err(Refusal::NotRegistered(bob().name)));
}

#[test]
fn attack_statements_that_do_not_belong_together_are_refused() {
    let faults: [Fault; 12] = [
        ("viewer's key", |o| o.manifest.viewer = cyd().key()),
        ("viewer's sealing key", |o| {
            o.manifest.viewer_sealing = SealingPublic([9; 32]);
        }),
        ("cluster", |o| o.manifest.cluster = ClusterId([9; 32])),
        ("request", |o| o.refer_to(Hash([9; 32]))),
        ("request for another image", |o| {
            o.answer(bob().requests(&ada(), image(2)));
        }),
        ("request of another viewer", |o| {
            o.answer(cyd().requests(&ada(), image(1)));
        }),
        ("deal's grant", |o| o.deal.grant.0[0] ^= 1),
        ("deal's viewer", |o| o.deal.viewer = cyd().key()),
        ("deal's cluster", |o| o.deal.cluster = ClusterId([9; 32])),
        ("rights' grant", |o| o.rights.grant.0[0] ^= 1),
        ("rights' owner", |o| o.rights.owner = bob().key()),
        ("rights' version", |o| o.rights.version = 2),
    ];
    for (what, change) in faults {
        let reply = reply_to_changed(change);
        assert!(
            matches!(reply, Err(Refusal::Mismatch(_))),
            "{what}: {reply:?}"
        );
    }
}

#[test]
fn attack_a_deal_for_other_nodes_is_refused() {
    let faults: [Fault; 11] = [
        ("number", |o| o.deal.number = 2),
        ("first floor's version", |o| {
            o.deal.first_floor.rights_version = 0;
        }),
        ("first floor's views", |o| o.deal.first_floor.used = 1),
        ("descriptor", |o| o.deal.descriptor = Hash([9; 32])),
        ("threshold", |o| o.deal.threshold = 1),
        ("a part missing", |o| drop(o.deal.parts.pop())),
        ("a part too many", |o| {
            let part = o.deal.parts[0].clone();
            o.deal.parts.push(part);
        }),
        ("parts out of order", |o| o.deal.parts.reverse()),
        ("another node's key", |o| {
            o.deal.parts[0].key = o.deal.parts[1].key;
        }),
        ("one x twice", |o| o.deal.parts[0].x = 2),
        ("x of the share itself", |o| o.deal.parts[0].x = 0),
    ];
    for (what, change) in faults {
        assert_eq!(reply_to_changed(change), Err(Refusal::BadDeal), "{what}");
    }
}

#[test]
fn first_rights_must_be_live_and_within_limits() {
    let revoked = reply_to_changed(|o| o.rights.revoked = true);
    assert_eq!(revoked, Err(Refusal::Revoked));
    let expired = reply_to_changed(|o| o.rights.expires = Some(START));
    assert_eq!(expired, Err(Refusal::Expired));
    let many = reply_to_changed(|o| o.rights.permitted = MAX_PERMITTED + 1);
    assert!(matches!(many, Err(Refusal::Limit(_))));
    // No views at all are allowed: the owner may raise them later.
    assert!(reply_to_changed(|o| o.rights.permitted = 0).is_ok());
}

#[test]
fn a_grant_to_the_owner_themselves_is_refused() {
    let mut script = Script::with(&[&ada()]);
    let offer = Offer::new(&ada(), &ada(), image(1), 3);
    let reply = script.does(&ada(), offer.op());
    assert!(matches!(reply, Err(Refusal::Mismatch(_))));
}

#[test]
fn either_party_s_limit_of_grants_ends_at_its_last_grant() {
    for party in [ada(), bob()] {
        // given a party to one grant less than the limit
        let mut script = Script::with(&[&ada(), &bob()]);
        let almost = GrantCount(MAX_GRANTS_PER_USER - 1);
        script.state.apply(&[Change::Put {
            key: key_bytes::<GrantCount>(&party.name),
            value: almost.encode(),
        }]);
        // when two more are created
        let [last, over] = [1, 2].map(|number| {
            let offer = Offer::with_nonce(&ada(), &bob(), image(number), 3, number);
            script.does(&ada(), offer.op())
        });
        // then one of them is
        assert!(last.is_ok(), "{last:?}");
        assert_eq!(over, Err(Refusal::TooManyGrants(party.name)));
    }
}

#[test]
fn there_is_one_live_grant_for_an_image_and_a_viewer() {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let first = script.grants(&ada(), &bob(), 1);
    let second = Offer::with_nonce(&ada(), &bob(), image(1), 3, 2);
    // The same statements again and new ones are both refused.
    for offer in [Offer::new(&ada(), &bob(), image(1), 1), second] {
        let reply = script.does(&ada(), offer.op());
        assert_eq!(reply, Err(Refusal::GrantExists(first)));
    }
    // Another image and another viewer are accepted.
    let image_two = Offer::new(&ada(), &bob(), image(2), 3);
    script.does(&ada(), image_two.op()).unwrap();
    let to_cyd = Offer::new(&ada(), &cyd(), image(1), 3);
    script.does(&ada(), to_cyd.op()).unwrap();
}

#[test]
fn a_grant_whose_views_are_used_up_is_live() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let first = script.grants(&ada(), &bob(), 1);
    script.does(&bob(), bob().views(first, 1)).unwrap();
    let second = Offer::with_nonce(&ada(), &bob(), image(1), 3, 2);
    let reply = script.does(&ada(), second.op());
    assert_eq!(reply, Err(Refusal::GrantExists(first)));
}

#[test]
fn a_revoked_grant_can_be_replaced_and_revived_only_when_no_other_is_live() {
    // given a revoked grant, and a live one in its place
    let mut script = Script::with(&[&ada(), &bob()]);
    let first = script.grants(&ada(), &bob(), 1);
    let mut end = rights(&ada(), first, 2, 1);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    let second = Offer::with_nonce(&ada(), &bob(), image(1), 3, 2);
    script.does(&ada(), second.op()).unwrap();
    // when the first is revived, then it is refused because of the second
    let revive = rights(&ada(), first, 3, 5);
    let reply = script.does(&ada(), puts(revive.clone()));
    assert_eq!(reply, Err(Refusal::GrantExists(second.id())));
    // until that one ends too
    let mut end = rights(&ada(), second.id(), 2, 1);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    script.does(&ada(), puts(revive)).unwrap();
}

#[test]
fn an_expired_grant_can_be_replaced() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let mut brief = Offer::new(&ada(), &bob(), image(1), 3);
    brief.rights.expires = Some(START.plus_millis(1_000));
    script.does(&ada(), brief.op()).unwrap();
    let next = Offer::with_nonce(&ada(), &bob(), image(1), 3, 2);
    script.wait(999);
    let reply = script.does(&ada(), next.op());
    assert_eq!(reply, Err(Refusal::GrantExists(brief.id())));
    script.wait(1);
    script.does(&ada(), next.op()).unwrap();
}

#[test]
fn attack_a_request_makes_no_second_grant() {
    // given a revoked grant that was made for a request
    let mut script = Script::with(&[&ada(), &bob()]);
    let first = Offer::new(&ada(), &bob(), image(1), 3);
    script.does(&ada(), first.op()).unwrap();
    let mut end = rights(&ada(), first.id(), 2, 1);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    // when the owner creates another one for the same request
    let mut second = Offer::with_nonce(&ada(), &bob(), image(1), 3, 2);
    second.answer(first.request.clone());
    let reply = script.does(&ada(), second.op());
    // then it is refused, and the reason names the first grant
    let used = match &reply {
        Err(Refusal::Mismatch(why)) => why.contains(&first.id().to_string()),
        _ => false,
    };
    assert!(used, "{reply:?}");
    // until the viewer requests again
    let asked_again = Offer::with_nonce(&ada(), &bob(), image(1), 3, 3);
    script.does(&ada(), asked_again.op()).unwrap();
}

#[test]
fn a_repeated_call_creates_no_second_grant() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let op = Offer::new(&ada(), &bob(), image(1), 3).op();
    let call = script.call(&ada(), &op);
    let first = script.enter(call.clone(), op.clone());
    let again = script.enter(call, op);
    assert!(first.reply.is_ok());
    assert_eq!(again.reply, first.reply);
    assert_eq!(again.changes, []);
}
