use crate::limits::MAX_EXPIRED_PER_ENTRY;
use crate::tests::cast::{Person, START, ada, bob, cyd, sign};
use crate::tests::script::Script;
use crate::{Done, Op, Refusal, read};
use cameo_common::identity::EndpointRecord;

fn online(script: &Script, who: &Person) -> Option<bool> {
    let info = read::user_info(&script.state, &who.name, Some(&who.name)).unwrap();
    info.online
}

fn started(epoch: u64) -> Result<Done, Refusal> {
    Ok(Done::SessionStarted { epoch })
}

fn reports(user: &Person, epoch: u64) -> Op {
    let user = user.name.clone();
    Op::ReportOffline { user, epoch }
}

#[test]
fn each_start_takes_the_next_epoch() {
    let mut script = Script::with(&[&ada()]);
    for epoch in 1..=3 {
        assert_eq!(
            script.does(&ada(), ada().comes_online(1, true)),
            started(epoch)
        );
    }
    let session = read::session(&script.state, &ada().device()).unwrap();
    assert_eq!((session.epoch, session.online), (3, true));
}

#[test]
fn epochs_are_counted_over_all_devices_of_a_user() {
    // given two devices
    let phone = ada().at_device(1);
    let mut script = Script::with(&[&ada(), &phone]);
    assert_eq!(script.does(&ada(), ada().comes_online(1, true)), started(1));
    assert_eq!(script.does(&phone, phone.comes_online(1, true)), started(2));
    // when the first one's session ends
    script.does(&ada(), Op::EndSession { epoch: 1 }).unwrap();
    // then the user is still online at the other
    let info = read::user_info(&script.state, &ada().name, None).unwrap();
    assert_eq!((info.online, info.epoch), (Some(true), Some(2)));
}

#[test]
fn an_end_of_a_session_ends_its_own_epoch_only() {
    let mut script = Script::with(&[&ada()]);
    script.does(&ada(), ada().comes_online(1, false)).unwrap();
    script.does(&ada(), ada().comes_online(1, false)).unwrap();
    script.does(&ada(), Op::EndSession { epoch: 1 }).unwrap();
    assert_eq!(online(&script, &ada()), Some(true));
    script.does(&ada(), Op::EndSession { epoch: 2 }).unwrap();
    assert_eq!(online(&script, &ada()), Some(false));
    let again = script.does(&ada(), Op::EndSession { epoch: 2 });
    assert_eq!(again, Ok(Done::Nothing));
}

#[test]
fn a_session_tells_since_when_it_is_on_or_has_ended() {
    // given a session that starts at one time and ends at another
    let mut script = Script::with(&[&ada()]);
    let since = |script: &Script| read::session(&script.state, &ada().device()).unwrap().since;
    script.does(&ada(), ada().comes_online(1, false)).unwrap();
    assert_eq!(since(&script), START);
    script.wait(1_000);
    script.does(&ada(), Op::EndSession { epoch: 1 }).unwrap();
    // then it tells the time of its end
    assert_eq!(since(&script), START.plus_millis(1_000));
}

#[test]
fn a_counterpartys_report_ends_a_session() {
    // given Bob online, with a grant from Ada
    let mut script = Script::with(&[&ada(), &bob()]);
    script.grants(&ada(), &bob(), 1);
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    // when Ada reports Bob twice
    for _ in 0..2 {
        let reply = script.does(&ada(), reports(&bob(), 1));
        // then Bob is offline
        assert_eq!(reply, Ok(Done::Offline { offline: true }));
        assert_eq!(online(&script, &bob()), Some(false));
    }
}

#[test]
fn attack_a_late_report_does_not_end_a_later_session() {
    let mut script = Script::with(&[&ada(), &bob()]);
    script.grants(&ada(), &bob(), 1);
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    let reply = script.does(&ada(), reports(&bob(), 1));
    assert_eq!(reply, Ok(Done::Offline { offline: true }));
    assert_eq!(online(&script, &bob()), Some(true));
    let never_issued = script.does(&ada(), reports(&bob(), 9));
    assert_eq!(never_issued, Ok(Done::Offline { offline: false }));
}

#[test]
fn attack_a_report_by_a_user_without_a_grant_is_refused() {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    script.grants(&ada(), &bob(), 1);
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    let reply = script.does(&cyd(), reports(&bob(), 1));
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
    let nobody = cyd().under_name("nobody");
    let reply = script.does(&cyd(), reports(&nobody, 1));
    assert_eq!(reply, Err(Refusal::NotRegistered(nobody.name)));
}

#[test]
fn sessions_expire_unless_a_later_one_has_started() {
    let mut script = Script::with(&[&ada(), &bob()]);
    script.does(&ada(), ada().comes_online(1, true)).unwrap();
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    let expired = vec![(ada().device(), 1), (bob().device(), 1)];
    script.node_does(Op::ExpireSessions(expired)).unwrap();
    assert_eq!(online(&script, &ada()), Some(false));
    assert_eq!(online(&script, &bob()), Some(true));
}

#[test]
fn only_nodes_expire_sessions_and_a_bounded_number_at_once() {
    let mut script = Script::with(&[&ada()]);
    let reply = script.does(&ada(), Op::ExpireSessions(vec![]));
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
    let most = vec![(ada().device(), 1); MAX_EXPIRED_PER_ENTRY];
    let one_more = [most.clone(), vec![(ada().device(), 1)]].concat();
    let reply = script.node_does(Op::ExpireSessions(most));
    assert_eq!(reply, Ok(Done::Nothing));
    let reply = script.node_does(Op::ExpireSessions(one_more));
    assert!(matches!(reply, Err(Refusal::Limit(_))));
}

#[test]
fn attack_an_endpoint_of_another_device_or_too_long_or_older_is_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let reply = script.does(&ada(), bob().comes_online(1, true));
    assert!(matches!(reply, Err(Refusal::Mismatch(_))));

    let endpoint = sign(EndpointRecord {
        device: ada().device(),
        sequence: 1,
        addresses: vec!["10.0.0.1:1".into(); 99],
        relay: None,
    });
    let listed = true;
    let reply = script.does(&ada(), Op::StartSession { endpoint, listed });
    assert!(matches!(reply, Err(Refusal::Limit(_))));

    script.does(&ada(), ada().comes_online(2, true)).unwrap();
    let reply = script.does(&ada(), ada().comes_online(1, true));
    assert_eq!(reply, Err(Refusal::Stale));

    // Neither does another record of the same sequence take its place.
    let endpoint = sign(EndpointRecord {
        device: ada().device(),
        sequence: 2,
        addresses: vec!["10.0.0.9:1".into()],
        relay: None,
    });
    let reply = script.does(&ada(), Op::StartSession { endpoint, listed });
    assert_eq!(reply, Err(Refusal::Stale));
}

#[test]
fn starts_and_ends_of_sessions_touch_their_user() {
    let mut script = Script::with(&[&ada()]);
    let op = ada().comes_online(1, true);
    let caller = script.call(&ada(), &op);
    assert_eq!(script.enter(caller, op).touched, [ada().name]);
    let caller = script.call(&ada(), &Op::EndSession { epoch: 1 });
    let gone = script.enter(caller, Op::EndSession { epoch: 1 });
    assert_eq!(gone.touched, [ada().name]);
}
