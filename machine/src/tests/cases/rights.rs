use cameo_common::rights::{MAX_PERMITTED, MAX_VERSION_STEP};

use crate::tests::cast::{START, ada, bob, cyd, puts, rights};
use crate::tests::script::{Script, debit_numbers};
use crate::{Done, Refusal, read};

fn stored(version: u64, in_mailbox: bool) -> Result<Done, Refusal> {
    Ok(Done::Rights {
        version,
        in_mailbox,
    })
}

#[test]
fn raised_rights_give_more_views() {
    // given a grant whose one view is used
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 1);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    assert_eq!(
        script.does(&bob(), bob().views(grant, 2)),
        Err(Refusal::UsedUp)
    );
    // when Ada permits three in all
    let reply = script.does(&ada(), puts(rights(&ada(), grant, 2, 3)));
    assert_eq!(reply, stored(2, true));
    // then two are left
    let reply = script.does(&bob(), bob().views(grant, 2));
    assert_eq!(debit_numbers(&reply), (2, 2, 1));
}

#[test]
fn rights_lowered_below_the_views_used_leave_none() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    script.does(&bob(), bob().views(grant, 2)).unwrap();
    script
        .does(&ada(), puts(rights(&ada(), grant, 2, 1)))
        .unwrap();
    let info = read::grant_info(&script.state, &grant, &bob().name).unwrap();
    assert_eq!((info.permitted, info.used, info.left), (1, 2, 0));
    let reply = script.does(&bob(), bob().views(grant, 3));
    assert_eq!(reply, Err(Refusal::UsedUp));
}

#[test]
fn revoked_and_expired_rights_give_no_view() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let mut brief = rights(&ada(), grant, 2, 3);
    brief.expires = Some(START.plus_millis(5_000));
    script.does(&ada(), puts(brief)).unwrap();
    script.wait(5_000);
    let reply = script.does(&bob(), bob().views(grant, 1));
    assert_eq!(reply, Err(Refusal::Expired));
    let mut end = rights(&ada(), grant, 3, 3);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    let reply = script.does(&bob(), bob().views(grant, 1));
    assert_eq!(reply, Err(Refusal::Revoked));
}

#[test]
fn attack_older_rights_never_replace_newer_ones() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script
        .does(&ada(), puts(rights(&ada(), grant, 5, 4)))
        .unwrap();
    for version in [0, 1, 4] {
        let reply = script.does(&ada(), puts(rights(&ada(), grant, version, 9)));
        assert_eq!(reply, Err(Refusal::StaleVersion(5)));
    }
}

#[test]
fn attack_a_version_after_which_there_is_none_is_refused() {
    // given a grant with rights of version 1
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let mut put = |version| script.does(&ada(), puts(rights(&ada(), grant, version, 9)));
    // when a version is put that leaves no room above it
    let farthest = 1 + MAX_VERSION_STEP;
    for version in [farthest + 1, u64::MAX - 1, u64::MAX] {
        assert!(matches!(put(version), Err(Refusal::Limit(_))), "{version}");
    }
    // then the next ones are taken
    assert!(put(farthest).is_ok());
    assert!(put(farthest + 1).is_ok());
}

#[test]
fn attack_a_second_statement_of_one_version_is_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let first = rights(&ada(), grant, 2, 4);
    script.does(&ada(), puts(first.clone())).unwrap();
    // The same bytes are the same statement, submitted by either party.
    assert_eq!(script.does(&bob(), puts(first)), stored(2, true));
    let reply = script.does(&ada(), puts(rights(&ada(), grant, 2, 9)));
    assert_eq!(reply, Err(Refusal::StaleVersion(2)));
}

#[test]
fn the_viewer_may_submit_rights_signed_by_the_owner() {
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let grant = script.grants(&ada(), &bob(), 1);
    let raised = puts(rights(&ada(), grant, 2, 7));
    let reply = script.does(&cyd(), raised.clone());
    assert_eq!(reply, Err(Refusal::NoSuchGrant));
    assert_eq!(script.does(&bob(), raised), stored(2, true));
}

#[test]
fn attack_rights_signed_by_the_viewer_are_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 1);
    let reply = script.does(&bob(), puts(rights(&bob(), grant, 2, 99)));
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
}

#[test]
fn attack_more_views_than_the_limit_are_refused() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 1);
    let many = rights(&ada(), grant, 2, MAX_PERMITTED + 1);
    let reply = script.does(&ada(), puts(many));
    assert!(matches!(reply, Err(Refusal::Limit(_))));
}
