use cameo_common::api::{Event, EventKind};
use cameo_common::ids::GrantId;
use cameo_common::rights::Rights;

use crate::limits::MAX_NOTICES_PER_USER;
use crate::tests::cast::{Offer, Person, START, ada, bob, image, puts, rights};
use crate::tests::script::Script;
use crate::{Done, Refusal, read};

fn events(script: &Script, who: &Person, after: u64) -> Vec<Event> {
    read::events_after(&script.state, &who.name, after, 10_000)
}

/// The rights in a user's stream.
fn mail(script: &Script, who: &Person, after: u64) -> Vec<Rights> {
    let kinds = events(script, who, after).into_iter();
    kinds
        .filter_map(|event| match event.kind {
            EventKind::Rights { rights, .. } => Some(rights.verify().unwrap()),
            _ => None,
        })
        .collect()
}

fn acked(script: &Script, grant: GrantId) -> (u64, bool) {
    let info = read::grant_info(&script.state, &grant, &ada().name).unwrap();
    (info.acknowledged, info.in_mailbox)
}

#[test]
fn a_new_grant_is_in_the_stream_of_a_viewer_who_is_offline() {
    // given Bob, who is offline
    let mut script = Script::with(&[&ada(), &bob()]);
    // when Ada grants Bob an image
    let grant = script.grants(&ada(), &bob(), 3);
    // then the grant and its first rights are in Bob's stream
    let kinds: Vec<_> = events(&script, &bob(), 0)
        .into_iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(kinds[0], EventKind::Granted { grant });
    assert_eq!(mail(&script, &bob(), 0), [rights(&ada(), grant, 1, 3)]);
}

#[test]
fn a_receipt_acknowledges_the_first_rights_and_no_others() {
    // given two grants, one of them raised before its carrier arrives
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().receipt(grant, START)).unwrap();
    assert_eq!(acked(&script, grant), (1, false));
    // when rights are raised and another receipt comes
    script
        .does(&ada(), puts(rights(&ada(), grant, 2, 5)))
        .unwrap();
    script
        .does(&ada(), bob().receipt(grant, START.plus_millis(1)))
        .unwrap();
    // then the raised rights are still in the mailbox
    assert_eq!(acked(&script, grant), (1, true));
    assert_eq!(mail(&script, &bob(), 0), [rights(&ada(), grant, 2, 5)]);
}

#[test]
fn newer_rights_replace_older_ones_in_the_mailbox() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    for version in 2..6 {
        let seen = read::newest_event(&script.state, &bob().name);
        let update = rights(&ada(), grant, version, 9);
        script.does(&ada(), puts(update.clone())).unwrap();
        // A client that follows the stream gets each version, and one that starts late the last.
        assert_eq!(mail(&script, &bob(), seen), vec![update.clone()]);
        assert_eq!(mail(&script, &bob(), 0), vec![update]);
    }
}

#[test]
fn an_acknowledgement_removes_its_version_and_nothing_higher() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script
        .does(&ada(), puts(rights(&ada(), grant, 2, 5)))
        .unwrap();
    let reply = script.does(&bob(), bob().acknowledges(grant, 1));
    let left = Done::Rights {
        version: 2,
        in_mailbox: true,
    };
    assert_eq!(reply, Ok(left));
    assert_eq!(acked(&script, grant), (1, true));
    script.does(&bob(), bob().acknowledges(grant, 2)).unwrap();
    assert_eq!(acked(&script, grant), (2, false));
    assert_eq!(mail(&script, &bob(), 0), []);
    // A late acknowledgement of an older version changes nothing.
    script.does(&bob(), bob().acknowledges(grant, 1)).unwrap();
    assert_eq!(acked(&script, grant), (2, false));
}

#[test]
fn the_owner_is_notified_of_an_acknowledgement_once() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    for _ in 0..2 {
        script.does(&bob(), bob().acknowledges(grant, 1)).unwrap();
    }
    let kinds: Vec<_> = events(&script, &ada(), 0)
        .into_iter()
        .map(|event| event.kind)
        .collect();
    let ack = bob().ack(grant, 1);
    assert_eq!(kinds, [EventKind::Acknowledged { grant, ack }]);
}

#[test]
fn the_reply_to_an_acknowledgement_tells_whether_mail_is_left() {
    // given rights in two versions, neither of them acknowledged
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let raised = puts(rights(&ada(), grant, 2, 5));
    let with_mail = |in_mailbox| {
        Ok(Done::Rights {
            version: 2,
            in_mailbox,
        })
    };
    assert_eq!(script.does(&ada(), raised.clone()), with_mail(true));
    // when the viewer acknowledges the older one, then the newer one
    let older = script.does(&bob(), bob().acknowledges(grant, 1));
    let newer = script.does(&bob(), bob().acknowledges(grant, 2));
    // then the replies say so, also the one to the owner who asks again
    assert_eq!((older, newer), (with_mail(true), with_mail(false)));
    assert_eq!(script.does(&ada(), raised), with_mail(false));
}

#[test]
fn attack_an_acknowledgement_of_a_version_above_the_ledgers_is_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let reply = script.does(&bob(), bob().acknowledges(grant, 2));
    assert!(matches!(reply, Err(Refusal::Mismatch(_))));
}

#[test]
fn attack_only_the_viewers_signature_acknowledges() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let reply = script.does(&ada(), ada().acknowledges(grant, 1));
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
    let reply = script.does(&ada(), ada().receipt(grant, START));
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
    // But the owner may submit a statement that the viewer has signed.
    script.does(&ada(), bob().acknowledges(grant, 1)).unwrap();
}

#[test]
fn a_new_session_gets_unacknowledged_mail_again() {
    // given mail that Bob's agent has read and not acknowledged
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let read_up_to = read::newest_event(&script.state, &bob().name);
    assert_eq!(mail(&script, &bob(), read_up_to), []);
    // when a session starts
    script.does(&bob(), bob().comes_online(1, false)).unwrap();
    // then a stream that goes on where the last one ended has it, once
    let again =
        |script: &Script| read::mail_between(&script.state, &bob().name, 0, read_up_to, 10).len();
    assert_eq!(again(&script), 1);
    assert_eq!(mail(&script, &bob(), 0).len(), 1);
    // and is gone once it is acknowledged
    script.does(&bob(), bob().acknowledges(grant, 1)).unwrap();
    script.does(&bob(), bob().comes_online(1, false)).unwrap();
    assert_eq!(again(&script), 0);
    assert_eq!(mail(&script, &bob(), 0), []);
}

#[test]
fn attack_a_session_start_writes_no_more_for_a_full_mailbox() {
    // given Bob with no mail, and Bob with as many pieces as Ada has made grants
    let mut writes = Vec::new();
    for grants in [0, 40] {
        let mut script = Script::with(&[&ada(), &bob()]);
        for number in 0..grants {
            let offer = Offer::new(&ada(), &bob(), image(number), 1);
            script.does(&ada(), offer.op()).unwrap();
        }
        // when a session starts, then the number of written rows is the same
        let start = bob().comes_online(1, false);
        let caller = script.call(&bob(), &start);
        writes.push(script.enter(caller, start).changes.len());
        assert_eq!(mail(&script, &bob(), 0).len(), usize::from(grants));
    }
    assert_eq!(writes[0], writes[1]);
}

#[test]
fn notices_are_trimmed_and_mail_is_not() {
    // given one grant with mail
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    // when Ada gets more notices than are kept
    let first = events(&script, &bob(), 0)[0].sequence;
    for round in 0..u64::from(MAX_NOTICES_PER_USER) + 5 {
        script
            .does(&bob(), bob().receipt(grant, START.plus_millis(round)))
            .unwrap();
    }
    let to_ada = events(&script, &ada(), 0);
    assert_eq!(to_ada.len(), MAX_NOTICES_PER_USER as usize);
    assert_eq!(to_ada[0].sequence, 6);
    assert_eq!(events(&script, &bob(), 0)[0].sequence, first);
}

#[test]
fn an_older_receipt_does_not_replace_a_newer_one() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let newer = bob().receipt(grant, START.plus_millis(5));
    script.does(&bob(), newer.clone()).unwrap();
    assert_eq!(script.does(&ada(), newer), Ok(Done::Nothing));
    let reply = script.does(&bob(), bob().receipt(grant, START));
    assert_eq!(reply, Err(Refusal::Stale));
}
