use cameo_common::api::EventKind;
use cameo_common::ids::{GrantId, whole_millis};
use cameo_common::statements::PhotoRequest;

use crate::limits::{CLEARED_PER_ENTRY, EXPIRED_PER_ENTRY, GRANT_RETENTION, REQUEST_LIFETIME};
use crate::tests::cast::{CERTIFICATES_END, Offer, START, ada, bob, image, puts, rights, sign};
use crate::tests::script::Script;
use crate::{Done, Op, Refusal, read};

const RETENTION_MS: u64 = whole_millis(GRANT_RETENTION);
/// Rows that an entry may write or delete beyond those of its own command: the grant's own, and
/// counters and indexes of its parties.
const REMOVED_AT_ONCE: usize = 20;

/// A cluster with Ada and Bob, whose certificates outlast the test.
fn script() -> Script {
    let mut script = Script::with(&[]);
    for person in [ada(), bob()] {
        let op = Op::Register {
            card: person.card(1),
            certificate: person.certificate(1, CERTIFICATES_END.plus(10 * GRANT_RETENTION)),
            invite: None,
        };
        script.does(&person, op).unwrap();
    }
    script
}

/// A grant whose request was made now.
fn offer_now(script: &Script, number: u8, views: u32) -> Offer {
    let mut offer = Offer::with_nonce(&ada(), &bob(), image(number), views, number);
    asked_at(&mut offer, script.now);
    offer
}

fn asked_at(offer: &mut Offer, at: cameo_common::ids::Millis) {
    offer.answer(sign(PhotoRequest {
        asked_at: at,
        ..offer.request.unverified().unwrap()
    }));
}

fn revokes(grant: GrantId, version: u64) -> Op {
    let mut content = rights(&ada(), grant, version, 1);
    content.revoked = true;
    puts(content)
}

/// A view whose request is valid now.
fn view(script: &mut Script, grant: GrantId, id: u8) {
    let request = bob().view_request(grant, id, 1).unverified().unwrap();
    let request = sign(cameo_common::statements::ViewRequest {
        not_after: script.now.plus_millis(60_000),
        ..request
    });
    script.does(&bob(), Op::Debit { request }).unwrap();
}

/// An entry that is about nothing else.
fn entry(script: &mut Script) -> usize {
    let op = Op::EndSession { epoch: 1 };
    let caller = script.call(&bob(), &op);
    let decision = script.enter(caller, op);
    decision.reply.unwrap();
    decision.changes.len()
}

/// Lets the retention pass so often, with some entries each time.
fn pass(script: &mut Script, times: u32) {
    for _ in 0..times {
        script.wait(RETENTION_MS);
        for _ in 0..12 {
            entry(script);
        }
    }
}

fn is_kept(script: &Script, grant: GrantId) -> bool {
    read::grant_info(&script.state, &grant, &ada().name).is_some()
}

/// Rows of grants, deals, views and certificates. Pairs of counterparties stay.
fn rows_of_grants(script: &Script) -> Vec<u8> {
    let kinds = script.state.0.keys().map(|key| key[0]);
    let of_grants = |kind: &u8| {
        (0x20..=0x31).contains(kind) && ![0x27, 0x28, 0x2b, 0x2e].contains(kind)
            || [0x17, 0x19].contains(kind)
    };
    kinds.filter(of_grants).collect()
}

#[test]
fn a_revoked_grant_leaves_the_state_with_its_views_and_certificates() {
    // given a grant with a receipt and ten views, which is revoked
    let mut script = script();
    let offer = offer_now(&script, 1, 20);
    script.does(&ada(), offer.op()).unwrap();
    let grant = offer.id();
    script.does(&bob(), bob().receipt(grant, START)).unwrap();
    for id in 0..10 {
        view(&mut script, grant, id);
    }
    script.does(&ada(), revokes(grant, 2)).unwrap();
    // when the retention has passed once, then it is there, with its log
    pass(&mut script, 1);
    let log = read::grant_log(&script.state, &grant, &ada().name, 0, 99).unwrap();
    assert_eq!(log.views.len(), 10);
    // and when it has passed three times, then nothing is left of it
    pass(&mut script, 2);
    assert_eq!(rows_of_grants(&script), [0u8; 0]);
    assert!(!is_kept(&script, grant));
    let list = read::grants_of(&script.state, &bob().name, None, 9);
    assert_eq!(list.grants, []);
    // and what is said about it finds no grant
    for (who, op) in [
        (ada(), puts(rights(&ada(), grant, 3, 9))),
        (bob(), bob().acknowledges(grant, 2)),
        (bob(), bob().receipt(grant, START.plus_millis(1))),
    ] {
        assert_eq!(script.does(&who, op), Err(Refusal::NoSuchGrant));
    }
}

#[test]
fn all_deals_of_a_grant_go_with_it_and_it_is_counted_no_more() {
    // given a used-up grant that was dealt ten times
    let mut script = script();
    let offer = offer_now(&script, 1, 1);
    script.does(&ada(), offer.op()).unwrap();
    view(&mut script, offer.id(), 1);
    for number in 2..=10 {
        let nodes = [1, 2, 3 + number % 2];
        script.changes_nodes(&nodes, false).unwrap();
        script.deals_again(&ada(), offer.id()).unwrap();
    }
    // when it is compacted
    pass(&mut script, 3);
    // then none of its rows is left, and no change of nodes is refused for it
    assert_eq!(rows_of_grants(&script), [0u8; 0]);
    assert_eq!(script.changes_nodes(&[4, 5], false), Ok(Done::Nothing));
}

#[test]
fn expired_grants_leave_the_counts_a_few_with_each_entry() {
    // given many grants that expire at about the same time, and one that does not
    let mut script = script();
    for number in 1..=9 {
        let mut offer = offer_now(&script, number, 1);
        if number > 1 {
            let later = 1_000 + u64::from(number);
            offer.rights.expires = Some(script.now.plus_millis(later));
        }
        script.does(&ada(), offer.op()).unwrap();
    }
    let counted = |script: &Script| {
        let rows = script.state.0.keys();
        rows.filter(|key| key[0] == 0x2c).count()
    };
    assert_eq!(counted(&script), 9);
    // when they have, then each entry takes some out, and the live one stays
    script.wait(2_000);
    let mut before = 9;
    for _ in 0..8_usize.div_ceil(EXPIRED_PER_ENTRY) {
        entry(&mut script);
        assert!(before - counted(&script) <= EXPIRED_PER_ENTRY);
        before = counted(&script);
    }
    assert_eq!(before, 1);
    assert!(entry(&mut script) <= 4);
}

#[test]
fn an_expired_and_a_used_up_grant_go_too_and_live_ones_stay() {
    let mut script = script();
    let mut grants = Vec::new();
    for number in 1..=4 {
        let mut offer = offer_now(&script, number, 1);
        if number == 1 {
            offer.rights.expires = Some(script.now.plus_millis(1_000));
        }
        script.does(&ada(), offer.op()).unwrap();
        grants.push(offer.id());
    }
    view(&mut script, grants[1], 1);
    view(&mut script, grants[3], 1);
    pass(&mut script, 1);
    // the last one was used up, and gets another view
    let raised = puts(rights(&ada(), grants[3], 2, 2));
    script.does(&ada(), raised).unwrap();
    pass(&mut script, 3);
    let kept: Vec<_> = grants.iter().map(|id| is_kept(&script, *id)).collect();
    assert_eq!(kept, [false, false, true, true]);
}

#[test]
fn attack_no_request_makes_a_grant_again_after_the_first_was_compacted() {
    let mut script = script();
    let first = offer_now(&script, 1, 1);
    script.does(&ada(), first.op()).unwrap();
    script.does(&ada(), revokes(first.id(), 2)).unwrap();
    pass(&mut script, 3);
    assert!(!is_kept(&script, first.id()));
    // the same statements, or another grant for the same request
    let mut other = Offer::with_nonce(&ada(), &bob(), image(1), 9, 2);
    other.answer(first.request.clone());
    for again in [first, other] {
        let reply = script.does(&ada(), again.op());
        assert_eq!(reply, Err(Refusal::RequestTooOld));
    }
}

#[test]
fn attack_a_request_is_neither_too_old_nor_dated_ahead() {
    let mut script = script();
    script.wait(10 * RETENTION_MS);
    let life = whole_millis(REQUEST_LIFETIME);
    let now = script.now;
    for (at, is_taken) in [
        (now.minus(REQUEST_LIFETIME), false),
        (now.plus_millis(life), false),
        (now.minus(REQUEST_LIFETIME).plus_millis(1), true),
    ] {
        let mut offer = offer_now(&script, 1, 1);
        asked_at(&mut offer, at);
        let reply = script.does(&ada(), offer.op());
        assert_eq!(reply.is_ok(), is_taken, "{at:?}: {reply:?}");
        if !is_taken {
            assert_eq!(reply, Err(Refusal::RequestTooOld));
        }
    }
}

#[test]
fn an_entry_compacts_a_few_rows_only() {
    // given three grants of forty views each, all ended
    let mut script = script();
    for number in 1..=3 {
        let offer = offer_now(&script, number, 40);
        script.does(&ada(), offer.op()).unwrap();
        for id in 0..40 {
            view(&mut script, offer.id(), id);
        }
    }
    for _ in 0..3 {
        script.wait(RETENTION_MS);
        for _ in 0..40 {
            // then no entry changes more than the bound
            let changed = entry(&mut script);
            let most = REMOVED_AT_ONCE.max(4 * CLEARED_PER_ENTRY + 8);
            assert!(changed <= most, "{changed} rows");
        }
    }
    assert_eq!(rows_of_grants(&script), [0u8; 0]);
}

#[test]
fn a_certificate_stays_as_long_as_a_view_that_needs_it() {
    // given two grants with views under one certificate, one of them revoked
    let mut script = script();
    let [ended, live] = [1, 2].map(|number| {
        let offer = offer_now(&script, number, 9);
        script.does(&ada(), offer.op()).unwrap();
        view(&mut script, offer.id(), 1);
        offer.id()
    });
    script.does(&ada(), revokes(ended, 2)).unwrap();
    // when that one is gone
    pass(&mut script, 3);
    assert!(!is_kept(&script, ended));
    // then the log of the other proves its view
    let log = read::grant_log(&script.state, &live, &ada().name, 0, 9).unwrap();
    assert_eq!(log.certificates.len(), 1);
    assert_eq!(log.certificates[0].hash(), log.views[0].certificate);
}

#[test]
fn an_event_stream_passes_over_the_receipts_of_what_is_compacted() {
    let mut script = script();
    let offer = offer_now(&script, 1, 1);
    script.does(&ada(), offer.op()).unwrap();
    let received = bob().receipt(offer.id(), START);
    script.does(&bob(), received).unwrap();
    script.does(&ada(), revokes(offer.id(), 2)).unwrap();
    pass(&mut script, 3);
    let next = offer_now(&script, 2, 1);
    script.does(&ada(), next.op()).unwrap();
    view(&mut script, next.id(), 1);
    // also when only one event is read at a time
    let events = read::events_after(&script.state, &ada().name, 0, 1);
    let kinds: Vec<_> = events.into_iter().map(|event| event.kind).collect();
    assert!(
        matches!(kinds[..], [EventKind::Viewed { grant, .. }] if grant == next.id()),
        "{kinds:?}"
    );
}

#[test]
fn the_viewers_place_is_free_again_after_a_used_up_grant_is_compacted() {
    let mut script = script();
    let first = offer_now(&script, 1, 1);
    script.does(&ada(), first.op()).unwrap();
    view(&mut script, first.id(), 1);
    pass(&mut script, 3);
    let mut second = Offer::with_nonce(&ada(), &bob(), image(1), 1, 7);
    asked_at(&mut second, script.now);
    script.does(&ada(), second.op()).unwrap();
}

#[test]
fn attack_nothing_is_done_with_a_grant_that_is_being_cleared() {
    // given a grant with more views than one entry clears, of which some are left
    let mut script = script();
    let offer = offer_now(&script, 1, 40);
    script.does(&ada(), offer.op()).unwrap();
    let grant = offer.id();
    let mut requests = Vec::new();
    for id in 0..3 * CLEARED_PER_ENTRY as u8 {
        let request = bob().view_request(grant, id, 1).unverified().unwrap();
        let request = sign(cameo_common::statements::ViewRequest {
            not_after: script.now.plus_millis(60_000),
            ..request
        });
        let op = Op::Debit { request };
        script.does(&bob(), op.clone()).unwrap();
        requests.push(op);
    }
    script.does(&ada(), revokes(grant, 2)).unwrap();
    pass(&mut script, 1);
    script.wait(RETENTION_MS);
    while is_kept(&script, grant) {
        entry(&mut script);
    }
    entry(&mut script);
    assert!(!rows_of_grants(&script).is_empty());
    // when the viewer repeats each of the views, then none is answered
    for op in &requests {
        assert!(script.does(&bob(), op.clone()).is_err());
    }
    // and one that the owner makes meanwhile, with the same nonce, is another and keeps its rows
    let mut again = offer_now(&script, 1, 40);
    again.manifest.nonce = offer.manifest.nonce;
    again.refer_to(again.request.hash());
    assert_ne!(again.id(), grant);
    script.does(&ada(), again.op()).unwrap();
    view(&mut script, again.id(), 1);
    for _ in 0..8 {
        entry(&mut script);
    }
    assert!(!is_kept(&script, grant));
    let log = read::grant_log(&script.state, &again.id(), &ada().name, 0, 99).unwrap();
    assert_eq!(log.views.len(), 1);
}

#[test]
fn attack_the_id_of_a_compacted_grant_does_not_come_again() {
    // given a grant that was compacted, of which the nodes' floors know the id
    let mut script = script();
    let first = offer_now(&script, 1, 1);
    script.does(&ada(), first.op()).unwrap();
    script.does(&ada(), revokes(first.id(), 2)).unwrap();
    pass(&mut script, 3);
    assert_eq!(rows_of_grants(&script), [0u8; 0]);
    // when the owner uses its nonce again, for a request of now and under the old id
    let mut again = first.clone();
    asked_at(&mut again, script.now);
    assert_ne!(again.id(), first.id());
    let (deal, rights) = (again.deal.clone(), again.rights.clone());
    again.deal.grant = first.id();
    again.rights.grant = first.id();
    // then it is refused
    let reply = script.does(&ada(), again.op());
    assert!(matches!(reply, Err(Refusal::Mismatch(_))), "{reply:?}");
    // and under its own id it is another grant
    again = Offer {
        deal,
        rights,
        ..again
    };
    script.does(&ada(), again.op()).unwrap();
    assert!(!is_kept(&script, first.id()));
    assert!(is_kept(&script, again.id()));
}
