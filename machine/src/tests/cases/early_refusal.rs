//! Refusals of callers without authority, which need no entry.

use cameo_common::ids::{Millis, NodeId};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Strict;

use super::workers::{admission, ours, used};
use crate::tests::cast::{Person, ada, bob, cluster_id, cyd, eve};
use crate::tests::script::Script;
use crate::{Caller, Command, Op, Refusal, early_refusal};

/// What the state says of a command before any entry, by a clock at the last entry's time.
fn early(script: &Script, caller: Caller, op: &Op) -> Option<Refusal> {
    let op = op.clone();
    early_refusal(&Strict, &script.state, &Command { caller, op }, script.now)
}

/// Demands that a command is refused early, and as the machine does.
fn is_early(script: &mut Script, caller: Caller, op: Op) {
    let early = early(script, caller.clone(), &op);
    let reply = script.enter(caller, op.clone()).reply;
    assert!(early.is_some(), "{op:?}: {reply:?}");
    assert_eq!(early, reply.err(), "{op:?}");
}

fn is_early_for(script: &mut Script, who: &Person, op: Op) {
    let caller = script.call(who, &op);
    is_early(script, caller, op);
}

#[test]
fn attack_nobody_without_authority_makes_the_log_grow() {
    // given a cluster with a retired user, a revoked device and closed registration
    let mut script = Script::with(&[&ada(), &bob(), &cyd()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let phone = ada().at_device(1);
    script.does(&phone, phone.registers()).unwrap();
    script.does(&ada(), phone.revokes(2)).unwrap();
    for op in [
        Op::Retire { user: bob().name },
        Op::SetRegistration(RegistrationMode::Closed),
    ] {
        script.operator_does(op).unwrap();
    }
    // when these call, then the state refuses them without an entry
    is_early_for(&mut script, &eve(), eve().registers());
    let taken = eve().under_name(ada().name.as_str());
    is_early_for(&mut script, &taken, taken.registers());
    is_early_for(&mut script, &phone, phone.comes_online(1, true));
    is_early_for(&mut script, &phone, phone.registers());
    is_early_for(&mut script, &bob(), bob().comes_online(1, true));
    is_early_for(&mut script, &bob(), bob().views(grant, 1));
    is_early_for(&mut script, &eve(), Op::EndSession { epoch: 1 });
}

#[test]
fn attack_a_used_withdrawn_or_late_pass_makes_no_entry() {
    let mut script = Script::with(&[]);
    let of = |seed, node| admission(ours(seed), used(seed, cluster_id(), node, 44));
    script.enter(Caller::Signer, of(1, 4)).reply.unwrap();
    is_early(&mut script, Caller::Signer, of(1, 5));
    let remove = Op::RemoveWorker { node: NodeId(4) };
    script.operator_does(remove).unwrap();
    is_early(&mut script, Caller::Signer, of(1, 4));
    is_early(&mut script, Caller::Signer, of(2, 4));
    // also one that expired after the last entry
    assert_eq!(early(&script, Caller::Signer, &of(2, 5)), None);
    script.wait(1_001);
    is_early(&mut script, Caller::Signer, of(2, 5));
}

#[test]
fn what_may_still_be_carried_out_is_left_to_an_entry() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let op = eve().registers();
    let caller = script.call(&eve(), &op);
    assert_eq!(early(&script, caller.clone(), &op), None);
    // also a repeat, whose reply is stored
    script.enter(caller.clone(), op.clone()).reply.unwrap();
    assert_eq!(early(&script, caller, &op), None);
    // one that is dated ahead of a quiet log
    let mut later = script.clone();
    later.wait(24 * 3_600_000);
    let op = cyd().registers();
    let caller = later.call(&cyd(), &op);
    let command = Command { caller, op };
    let now = Millis::EPOCH;
    assert_eq!(early_refusal(&Strict, &script.state, &command, now), None);
    // and what a user with authority asks, though it is refused
    let op = Op::EndSession { epoch: 9 };
    let caller = script.call(&ada(), &op);
    assert_eq!(early(&script, caller, &op), None);
}
