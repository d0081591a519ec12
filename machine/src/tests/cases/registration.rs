//! Registration modes and invites.

use cameo_common::ids::{ClusterId, Millis, UserName};
use cameo_common::registration::{InviteSeed, InviteUse, MAX_INVITE_LIFE, RegistrationMode};
use cameo_common::signed::Signed;

use crate::limits::MAX_INVITES;
use crate::tests::cast::{CERTIFICATES_END, Person, START, ada, bob, cluster_id, eve};
use crate::tests::script::Script;
use crate::{Done, Op, Refusal, Reply, read};

const CREATED: Done = Done::Registered { created: true };
const SEED: InviteSeed = InviteSeed([7; 16]);

fn in_mode(mode: RegistrationMode) -> Script {
    let mut script = Script::with(&[&ada()]);
    script.operator_does(Op::SetRegistration(mode)).unwrap();
    script
}

fn invites(script: &mut Script, name: Option<UserName>, not_after: Millis) -> Reply {
    let invite = SEED.key().public();
    script.operator_does(Op::CreateInvite {
        invite,
        name,
        not_after,
    })
}

fn used(who: &Person, cluster: ClusterId) -> Signed<InviteUse> {
    let used = InviteUse {
        invite: SEED.key().public(),
        cluster,
        identity: who.key(),
        name: who.name.clone(),
    };
    Signed::new(&SEED.key(), used)
}

fn registers(who: &Person, invite: Signed<InviteUse>) -> Op {
    Op::Register {
        card: who.card(1),
        certificate: who.certificate(1, CERTIFICATES_END),
        invite: Some(invite),
    }
}

#[test]
fn the_mode_is_the_descriptors_until_the_operator_sets_another() {
    let mut script = Script::with(&[]);
    let open = RegistrationMode::Open;
    assert_eq!(read::registration_mode(&script.state), Some(open));
    let closed = RegistrationMode::Closed;
    script.operator_does(Op::SetRegistration(closed)).unwrap();
    assert_eq!(read::registration_mode(&script.state), Some(closed));
}

#[test]
fn attack_nobody_registers_without_an_invite_or_while_it_is_closed() {
    for mode in [RegistrationMode::Invite, RegistrationMode::Closed] {
        let mut script = in_mode(mode);
        let reply = script.does(&bob(), bob().registers());
        assert_eq!(reply, Err(Refusal::RegistrationClosed(mode)));
        // but a registered user adds a device
        let phone = ada().at_device(1);
        assert_eq!(script.does(&phone, phone.registers()), Ok(CREATED));
    }
    // and no invite opens what is closed
    let mut script = in_mode(RegistrationMode::Closed);
    invites(&mut script, None, START.plus_millis(1)).unwrap();
    let reply = script.does(&bob(), registers(&bob(), used(&bob(), cluster_id())));
    let closed = Refusal::RegistrationClosed(RegistrationMode::Closed);
    assert_eq!(reply, Err(closed));
}

#[test]
fn an_invite_registers_one_user_and_a_retry_is_answered_the_same() {
    let mut script = in_mode(RegistrationMode::Invite);
    invites(&mut script, None, START.plus_millis(1_000)).unwrap();
    // when Bob registers by it, and repeats that
    let op = registers(&bob(), used(&bob(), cluster_id()));
    let caller = script.call(&bob(), &op);
    for _ in 0..2 {
        let decision = script.enter(caller.clone(), op.clone());
        assert_eq!(decision.reply, Ok(CREATED));
    }
    // then it is gone, for others and for good
    let reply = script.does(&eve(), registers(&eve(), used(&eve(), cluster_id())));
    assert_eq!(reply, Err(Refusal::BadInvite));
    // and Bob, whose answer may have been lost, is known
    let known = Done::Registered { created: false };
    assert_eq!(script.does(&bob(), op), Ok(known));
}

#[test]
fn attack_an_invite_serves_no_other_user_name_cluster_or_time() {
    let mut script = in_mode(RegistrationMode::Invite);
    invites(&mut script, Some(bob().name), START.plus_millis(1_000)).unwrap();
    let right = used(&bob(), cluster_id());
    let mut bytes = right.as_bytes().to_vec();
    bytes[3] ^= 1;
    let cases = [
        // a node puts Bob's use under Eve's registration
        (eve(), right.clone()),
        // Bob's name is Eve's on another card, or Eve has the seed
        (eve(), used(&eve(), cluster_id())),
        (eve().under_name("bob"), right.clone()),
        (bob(), used(&bob(), ClusterId([9; 32]))),
        (bob(), Signed::from_bytes(bytes)),
    ];
    for (who, invite) in cases {
        let before = script.state.clone();
        let reply = script.does(&who, registers(&who, invite));
        assert!(reply.is_err(), "{who:?}");
        assert_eq!(script.state, before);
    }
    script.wait(1_001);
    let reply = script.does(&bob(), registers(&bob(), right.clone()));
    assert_eq!(reply, Err(Refusal::BadInvite));
    // given a new one, Bob registers
    let until = script.now.plus_millis(1_000);
    invites(&mut script, Some(bob().name), until).unwrap();
    assert_eq!(script.does(&bob(), registers(&bob(), right)), Ok(CREATED));
}

#[test]
fn invites_are_bounded_in_number_and_life_and_expired_ones_make_room() {
    let mut script = in_mode(RegistrationMode::Invite);
    let late = invites(&mut script, None, START);
    assert_eq!(late, Err(Refusal::TooLate));
    let long = START.plus(MAX_INVITE_LIFE).plus_millis(1);
    assert!(matches!(
        invites(&mut script, None, long),
        Err(Refusal::Limit(_))
    ));
    let create = |number: usize, not_after| Op::CreateInvite {
        invite: cameo_common::keys::PublicKey(cameo_common::ids::Hash::of(&number.to_le_bytes()).0),
        name: None,
        not_after,
    };
    for number in 0..MAX_INVITES {
        let op = create(number, START.plus_millis(1_000));
        script.operator_does(op).unwrap();
    }
    let more = create(MAX_INVITES, START.plus_millis(9_000));
    let reply = script.operator_does(more.clone());
    assert!(matches!(reply, Err(Refusal::Limit(_))));
    script.wait(1_001);
    assert_eq!(script.operator_does(more), Ok(Done::Nothing));
}
