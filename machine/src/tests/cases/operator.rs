//! Orders: what the operator's key alone decides.

use cameo_common::ids::{ClusterId, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::operator::OperatorOrder;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use crate::tests::cast::{START, ada, cluster_id, eve, operator, orders, sign};
use crate::tests::script::{CALL_LIFE_MS, Script};
use crate::{Caller, Done, Op, Refusal, read};

/// Every op of the operator, each of which is carried out as it stands.
fn all() -> Vec<Op> {
    vec![
        Op::SetRegistration(RegistrationMode::Closed),
        Op::CreateInvite {
            invite: PublicKey([7; 32]),
            name: None,
            not_after: START.plus_millis(1_000),
        },
        Op::Retire { user: ada().name },
    ]
}

pub fn order(by: PublicKey, cluster: ClusterId, op: &Op) -> Caller {
    Caller::Operator(sign(OperatorOrder {
        operator: by,
        cluster,
        request: RequestId([1; 16]),
        not_after: START.plus_millis(CALL_LIFE_MS),
        op: op.hash(),
    }))
}

#[test]
fn attack_only_the_operators_key_gives_an_order() {
    let cluster = cluster_id();
    for op in all() {
        let mut script = Script::with(&[&ada(), &eve()]);
        let right = script.order(&op);
        let Caller::Operator(signed) = &right else {
            unreachable!()
        };
        let mut bytes = signed.as_bytes().to_vec();
        bytes[3] ^= 1;
        let device = script.call(&eve(), &op);
        let forgeries = [
            device,
            Caller::Node(NodeId(1)),
            Caller::Signer,
            // Eve's own key, which signs well
            order(eve().key(), cluster, &op),
            order(operator(), ClusterId([9; 32]), &op),
            // the operator's order of something else
            script.order(&Op::SetRegistration(RegistrationMode::Open)),
            Caller::Operator(Signed::from_bytes(bytes)),
        ];
        for caller in forgeries {
            let before = script.state.clone();
            let reply = script.enter(caller.clone(), op.clone()).reply;
            assert!(reply.is_err(), "{caller:?}");
            assert_eq!(script.state, before);
        }
        assert_eq!(script.enter(right, op).reply, Ok(Done::Nothing));
    }
}

#[test]
fn attack_a_late_order_is_not_carried_out_and_a_repeated_one_only_once() {
    let mut script = Script::with(&[]);
    let close = Op::SetRegistration(RegistrationMode::Closed);
    let (first, late) = (script.order(&close), script.order(&close));
    assert_eq!(
        script.enter(first.clone(), close.clone()).reply,
        Ok(Done::Nothing)
    );
    let open = Op::SetRegistration(RegistrationMode::Open);
    script.operator_does(open.clone()).unwrap();
    // when the first order comes again, then it is answered and changes nothing
    assert_eq!(script.enter(first, close.clone()).reply, Ok(Done::Nothing));
    let mode = read::registration_mode(&script.state);
    assert_eq!(mode, Some(RegistrationMode::Open));
    // and an order that was kept back is refused
    script.wait(CALL_LIFE_MS + 1);
    assert_eq!(script.enter(late, close).reply, Err(Refusal::TooLate));
    // nor does one id serve two orders
    let request = RequestId([5; 16]);
    let until = script.now.plus_millis(CALL_LIFE_MS);
    let caller = Caller::Operator(orders(&open, request, until));
    script.enter(caller, open).reply.unwrap();
    let retire = Op::SetRegistration(RegistrationMode::Invite);
    let caller = Caller::Operator(orders(&retire, request, until));
    assert_eq!(
        script.enter(caller, retire).reply,
        Err(Refusal::RequestReused)
    );
}
