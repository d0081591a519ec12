use cameo_common::ids::ClusterId;
use cameo_common::statements::ViewRequest;

use crate::tests::cast::{CERTIFICATES_END, START, ada, bob, cyd, puts, rights, sign};
use crate::tests::script::{Script, debit_numbers};
use crate::{Done, Op, Refusal, read};

#[test]
fn each_view_is_charged_until_none_is_left() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 2);
    let first = script.does(&bob(), bob().views(grant, 1));
    assert_eq!(debit_numbers(&first), (1, 1, 1));
    let second = script.does(&bob(), bob().views(grant, 2));
    assert_eq!(debit_numbers(&second), (2, 2, 0));
    let third = script.does(&bob(), bob().views(grant, 3));
    assert_eq!(third, Err(Refusal::UsedUp));
}

#[test]
fn a_repeated_view_request_is_charged_once() {
    // given a debited view
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 5);
    let first = script.does(&bob(), bob().views(grant, 1));
    // when another is debited, rights are lowered and revoked, and a year passes
    script.does(&bob(), bob().views(grant, 2)).unwrap();
    let mut end = rights(&ada(), grant, 2, 1);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    script.now = CERTIFICATES_END.plus_millis(1);
    // then a repeat gets the same reply, and charges nothing
    assert_eq!(script.does(&bob(), bob().views(grant, 1)), first);
    let info = read::grant_info(&script.state, &grant, &ada().name).unwrap();
    assert_eq!(info.used, 2);
}

#[test]
fn a_debits_reply_has_its_log_index() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 5);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    let debit = script.index;
    script.does(&bob(), bob().views(grant, 2)).unwrap();
    let again = script.does(&bob(), bob().views(grant, 1));
    assert!(matches!(again, Ok(Done::Debited { index, .. }) if index == debit));
}

#[test]
fn attack_a_request_id_with_another_one_time_key_is_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 5);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    let request = bob().view_request(grant, 1, 99);
    let reply = script.does(&bob(), Op::Debit { request });
    assert_eq!(reply, Err(Refusal::RequestReused));
}

#[test]
fn request_ids_of_views_are_unique_within_a_grant_only() {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let to_bob = script.grants(&ada(), &bob(), 5);
    let to_cyd = script.grants(&ada(), &cyd(), 5);
    script.does(&bob(), bob().views(to_bob, 1)).unwrap();
    let reply = script.does(&cyd(), cyd().views(to_cyd, 1));
    assert_eq!(debit_numbers(&reply), (1, 1, 4));
}

#[test]
fn attack_only_the_viewers_devices_debit_views() {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let grant = script.grants(&ada(), &bob(), 5);
    let owner = script.does(&ada(), ada().views(grant, 1));
    assert!(matches!(owner, Err(Refusal::Forbidden(_))));
    let stranger = script.does(&cyd(), cyd().views(grant, 1));
    assert_eq!(stranger, Err(Refusal::NoSuchGrant));
    // Bob's request is Bob's, no matter who passes it on.
    let passed_on = script.does(&cyd(), bob().views(grant, 1));
    assert_eq!(debit_numbers(&passed_on), (1, 1, 4));
}

#[test]
fn attack_two_devices_do_not_share_a_request_id() {
    let phone = bob().at_device(1);
    let mut script = Script::with(&[&ada(), &bob(), &phone]);
    let grant = script.grants(&ada(), &bob(), 5);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    // A device may not use another device's id.
    let reply = script.does(&phone, phone.views(grant, 1));
    assert_eq!(reply, Err(Refusal::RequestReused));
    let reply = script.does(&phone, phone.views(grant, 2));
    assert_eq!(debit_numbers(&reply), (2, 2, 3));
}

#[test]
fn attack_a_view_request_for_another_cluster_is_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 5);
    let content: ViewRequest = bob().view_request(grant, 1, 1).unverified().unwrap();
    let request = sign(ViewRequest {
        cluster: ClusterId([9; 32]),
        ..content
    });
    let reply = script.does(&bob(), Op::Debit { request });
    assert!(matches!(reply, Err(Refusal::Mismatch(_))));
}

#[test]
fn the_owner_reads_the_time_of_each_view_also_after_the_grant_ended() {
    // given views at known times
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    for id in 1..=3 {
        script.wait(1_000);
        script.does(&bob(), bob().views(grant, id)).unwrap();
    }
    let mut end = rights(&ada(), grant, 2, 3);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    // then
    let log = read::grant_log(&script.state, &grant, &ada().name, 0, 9).unwrap();
    let seen: Vec<_> = log
        .views
        .iter()
        .map(|view| (view.number, view.at))
        .collect();
    assert_eq!(
        seen,
        [
            (1, START.plus_millis(1_000)),
            (2, START.plus_millis(2_000)),
            (3, START.plus_millis(3_000))
        ]
    );
    let rest = read::grant_log(&script.state, &grant, &ada().name, 2, 9).unwrap();
    assert_eq!(rest.views, log.views[2..]);
    // and the viewer may not read it
    let none = read::grant_log(&script.state, &grant, &bob().name, 0, 9);
    assert_eq!(none, None);
}
