use cameo_common::api::{EventKind, Role};
use cameo_common::ids::{GrantId, Millis, UserName};

use crate::tests::cast::{Offer, START, ada, bob, cyd, eve, image, puts, rights};
use crate::tests::script::Script;
use crate::{MapView, read};

#[test]
fn reads_of_an_empty_state_find_nothing() {
    let state = MapView::default();
    assert_eq!(read::log_time(&state), Millis::EPOCH);
    assert_eq!(read::descriptors(&state), None);
    assert_eq!(read::sessions(&state, None, 9), []);
    assert_eq!(read::newest_event(&state, &ada().name), 0);
    assert!(
        read::grants_of(&state, &ada().name, None, 9)
            .grants
            .is_empty()
    );
}

#[test]
fn presence_is_visible_to_counterparties_or_when_listed() {
    // given Bob online and unlisted, who shares a grant with Ada
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    script.grants(&ada(), &bob(), 1);
    script.does(&bob(), bob().comes_online(1, false)).unwrap();
    let presence = |script: &Script, asker: Option<&UserName>| {
        let info = read::user_info(&script.state, &bob().name, asker).unwrap();
        (info.online, info.epoch)
    };
    // then Ada and Bob see it, and others do not
    let online = (Some(true), Some(1));
    assert_eq!(presence(&script, Some(&ada().name)), online);
    assert_eq!(presence(&script, Some(&bob().name)), online);
    assert_eq!(presence(&script, Some(&cyd().name)), (None, None));
    assert_eq!(presence(&script, None), (None, None));
    assert_eq!(read::online_listed(&script.state, None, 9), []);
    // when Bob's session is listed, then all see it
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    assert_eq!(presence(&script, None), (Some(true), Some(2)));
    assert_eq!(read::online_listed(&script.state, None, 9), [bob().name]);
}

#[test]
fn listed_users_are_read_page_by_page_in_order_and_once() {
    let phone = cyd().at_device(1);
    let people = [ada(), bob(), cyd(), phone, eve()];
    let mut script = Script::with(&people.each_ref());
    for person in people {
        script.does(&person, person.comes_online(1, true)).unwrap();
    }
    let first = read::online_listed(&script.state, None, 3);
    assert_eq!(first, [ada().name, bob().name, cyd().name]);
    let rest = read::online_listed(&script.state, first.last(), 3);
    assert_eq!(rest, [eve().name]);
}

#[test]
fn sessions_are_read_page_by_page() {
    let people = [ada(), bob(), cyd()];
    let mut script = Script::with(&people.each_ref());
    for person in &people {
        script.does(person, person.comes_online(1, true)).unwrap();
    }
    script
        .does(&cyd(), crate::Op::EndSession { epoch: 1 })
        .unwrap();
    let first = read::sessions(&script.state, None, 1);
    let rest = read::sessions(&script.state, Some(&first[0].device), 9);
    let seen = first.into_iter().chain(rest);
    let mut seen: Vec<_> = seen.map(|session| (session.user, session.online)).collect();
    seen.sort();
    let expected = [(ada().name, true), (bob().name, true), (cyd().name, false)];
    assert_eq!(seen, expected);
    let found = read::session_of_epoch(&script.state, &bob().name, 1).unwrap();
    assert_eq!(found.device, bob().device());
    assert_eq!(read::session_of_epoch(&script.state, &bob().name, 2), None);
}

#[test]
fn grants_are_read_page_by_page_by_either_party() {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let mut ids: Vec<GrantId> = Vec::new();
    for number in 1..=5 {
        let offer = Offer::new(&ada(), &bob(), image(number), 1);
        script.does(&ada(), offer.op()).unwrap();
        ids.push(offer.id());
    }
    ids.sort();
    let first = read::grants_of(&script.state, &bob().name, None, 3);
    assert!(first.more);
    assert_eq!(first.grants[0].role, Role::Viewer);
    let last = first.grants[2].grant;
    let rest = read::grants_of(&script.state, &bob().name, Some(&last), 3);
    assert!(!rest.more);
    let whole = read::grants_of(&script.state, &bob().name, None, 5);
    assert!(!whole.more, "a page that is exactly full is the last one");
    let seen: Vec<_> = first.grants.iter().chain(&rest.grants).collect();
    assert_eq!(seen.iter().map(|g| g.grant).collect::<Vec<_>>(), ids);
    assert!(
        read::grants_of(&script.state, &cyd().name, None, 3)
            .grants
            .is_empty()
    );
}

#[test]
fn an_event_stream_resumes_where_it_stopped() {
    // given an owner with several notices
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().receipt(grant, START)).unwrap();
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    script
        .does(&ada(), puts(rights(&ada(), grant, 2, 5)))
        .unwrap();
    script.does(&bob(), bob().acknowledges(grant, 2)).unwrap();
    // when the stream is read one by one
    let mut kinds = Vec::new();
    let mut after = 0;
    while let Some(event) = read::events_after(&script.state, &ada().name, after, 1).pop() {
        after = event.sequence;
        kinds.push(event.kind);
    }
    // then no event is missing or repeated
    assert!(matches!(kinds[0], EventKind::Received { .. }));
    assert_eq!(
        kinds[1..],
        [
            EventKind::Viewed { grant, number: 1 },
            EventKind::Acknowledged {
                grant,
                ack: bob().ack(grant, 2),
            },
        ]
    );
    assert_eq!(after, read::newest_event(&script.state, &ada().name));
}
