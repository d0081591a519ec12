use cameo_common::ids::{RequestId, whole_millis};

use crate::limits::RETRY_RETENTION;
use crate::rows::{self, RetriesFrom, RetryAt};
use crate::tests::cast::{ada, bob, puts, rights};
use crate::tests::script::{CALL_LIFE_MS, Script};
use crate::{Caller, Op, Refusal, read};

#[test]
fn a_repeat_gets_the_same_reply_and_changes_nothing() {
    // given the start of a session
    let mut script = Script::with(&[&ada()]);
    let op = ada().comes_online(1, true);
    let call = script.call(&ada(), &op);
    let first = script.enter(call.clone(), op.clone());
    // when the same call is repeated, also after its not-after
    for wait in [0, 1, CALL_LIFE_MS] {
        script.wait(wait);
        let again = script.enter(call.clone(), op.clone());
        // then
        assert_eq!(again.reply, first.reply);
        assert_eq!(again.changes, []);
    }
    let session = read::session(&script.state, &ada().device()).unwrap();
    assert_eq!(session.epoch, 1);
}

#[test]
fn attack_a_request_id_of_another_command_is_refused() {
    let mut script = Script::with(&[&ada()]);
    let op = ada().comes_online(1, true);
    let call = script.call(&ada(), &op);
    script.enter(call.clone(), op.clone());
    let Caller::Device(first) = call else {
        unreachable!()
    };
    let first = first.verify().unwrap();
    let op = Op::EndSession { epoch: 1 };
    let other = ada().authorizes(&op, first.request, first.not_after);
    let reply = script.enter(Caller::Device(other), op).reply;
    assert_eq!(reply, Err(Refusal::RequestReused));
}

#[test]
fn two_devices_may_use_the_same_request_id() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let (ours, theirs) = (ada().comes_online(1, true), bob().comes_online(1, true));
    let mut copy = script.clone();
    let call = script.call(&ada(), &ours);
    script.enter(call, ours);
    let call = copy.call(&bob(), &theirs);
    assert!(script.enter(call, theirs).reply.is_ok());
}

#[test]
fn attack_a_late_command_is_not_carried_out() {
    let mut script = Script::with(&[&ada()]);
    let op = ada().comes_online(1, true);
    let call = script.call(&ada(), &op);
    let mut in_time = script.clone();
    in_time.wait(CALL_LIFE_MS);
    assert!(in_time.enter(call.clone(), op.clone()).reply.is_ok());
    script.wait(CALL_LIFE_MS + 1);
    let reply = script.enter(call, op).reply;
    assert_eq!(reply, Err(Refusal::TooLate));
    assert_eq!(read::session(&script.state, &ada().device()), None);
}

#[test]
fn a_not_after_is_accepted_up_to_the_retention_and_not_beyond() {
    for (beyond, accepted) in [(0, true), (1, false)] {
        let mut script = Script::with(&[&ada()]);
        let op = ada().comes_online(1, true);
        let not_after = script.now.plus(RETRY_RETENTION).plus_millis(beyond);
        let early = ada().authorizes(&op, RequestId([1; 16]), not_after);
        let reply = script.enter(Caller::Device(early), op).reply;
        assert_eq!(reply.is_ok(), accepted, "{beyond} ms: {reply:?}");
        assert!(accepted || reply == Err(Refusal::TooFarAhead));
    }
}

#[test]
fn a_refusal_is_not_stored() {
    // given a command that is refused
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 1);
    let op = puts(rights(&ada(), grant, 2, 2));
    let call = script.call(&bob(), &bob().acknowledges(grant, 2));
    let ack = bob().acknowledges(grant, 2);
    assert!(script.enter(call.clone(), ack.clone()).reply.is_err());
    // when the reason for the refusal is gone
    script.does(&ada(), op).unwrap();
    // then the same call is carried out
    assert!(script.enter(call, ack).reply.is_ok());
}

#[test]
fn replies_are_evicted_after_their_retention() {
    // given many replies
    let mut script = Script::with(&[&ada()]);
    for _ in 0..50 {
        script.does(&ada(), ada().comes_online(1, true)).unwrap();
    }
    let kept = |script: &Script| {
        let rows = rows::scan::<RetryAt>(&script.state, &(), None, usize::MAX);
        rows.len()
    };
    assert_eq!(kept(&script), 51);
    // when their retention has passed, and new commands come
    script.wait(whole_millis(RETRY_RETENTION) + 1);
    for _ in 0..50 {
        script.does(&ada(), ada().comes_online(1, true)).unwrap();
    }
    // then the table has those alone, and the next eviction begins after the old ones.
    assert_eq!(kept(&script), 50);
    let from = rows::get::<RetriesFrom>(&script.state, &()).unwrap();
    assert!(from.0 < script.now && from.0.plus(RETRY_RETENTION) < script.now);
}
