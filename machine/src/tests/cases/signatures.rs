//! Signatures: what no node can do without a person's (law L8).

use cameo_common::ids::{ClusterId, GrantId, NodeId, RequestId};
use cameo_common::signed::Signed;

use crate::tests::cast::{
    CERTIFICATES_END, Offer, Person, START, ada, bob, eve, image, puts, rights, sign,
};
use crate::tests::script::Script;
use crate::{Authorization, Caller, Op, Refusal, read};

/// Ada, Bob and Eve, and a grant from Ada to Bob.
fn script() -> Script {
    let mut script = Script::with(&[&ada(), &bob(), &eve()]);
    script.grants(&ada(), &bob(), 3);
    script
}

fn grant() -> GrantId {
    Offer::new(&ada(), &bob(), image(1), 3).id()
}

/// Enters a command that must change nothing. Returns the refusal.
fn refused(script: &mut Script, caller: Caller, op: Op) -> Refusal {
    let before = script.state.clone();
    let decision = script.enter(caller, op);
    assert_eq!(script.state, before);
    decision.reply.unwrap_err()
}

fn altered<T>(signed: &Signed<T>, at: usize) -> Signed<T> {
    let mut bytes = signed.as_bytes().to_vec();
    bytes[at] ^= 1;
    Signed::from_bytes(bytes)
}

/// Every op of a device, with its caller, each of which is carried out as it stands.
fn commands() -> Vec<(Person, Op)> {
    let offer = Offer::with_nonce(&ada(), &bob(), image(2), 3, 2);
    vec![
        (bob().at_device(1), bob().at_device(1).registers()),
        (bob(), bob().comes_online(1, true)),
        (ada(), offer.op()),
        (bob(), bob().receipt(grant(), START)),
        (ada(), puts(rights(&ada(), grant(), 2, 1))),
        (bob(), bob().acknowledges(grant(), 1)),
        (bob(), bob().views(grant(), 1)),
        (bob(), bob().revokes(2)),
    ]
}

/// The op with each of its statements altered in one byte of its signature.
fn forgeries(op: &Op) -> Vec<Op> {
    match op.clone() {
        Op::Register {
            card, certificate, ..
        } => vec![
            Op::Register {
                card: altered(&card, 3),
                certificate: certificate.clone(),
                invite: None,
            },
            Op::Register {
                certificate: altered(&certificate, 3),
                card,
                invite: None,
            },
        ],
        Op::StartSession { endpoint, listed } => vec![Op::StartSession {
            endpoint: altered(&endpoint, 3),
            listed,
        }],
        Op::CreateGrant {
            request,
            manifest,
            deal,
            rights,
        } => {
            let with = |r: &_, m: &_, d: &_, rights: &_| Op::CreateGrant {
                request: Signed::clone(r),
                manifest: Signed::clone(m),
                deal: Signed::clone(d),
                rights: Signed::clone(rights),
            };
            vec![
                with(&altered(&request, 3), &manifest, &deal, &rights),
                with(&request, &altered(&manifest, 3), &deal, &rights),
                with(&request, &manifest, &altered(&deal, 3), &rights),
                with(&request, &manifest, &deal, &altered(&rights, 3)),
            ]
        }
        Op::PutReceipt { receipt } => vec![Op::PutReceipt {
            receipt: altered(&receipt, 3),
        }],
        Op::PutRights { rights } => vec![Op::PutRights {
            rights: altered(&rights, 3),
        }],
        Op::AckRights { ack } => vec![Op::AckRights {
            ack: altered(&ack, 3),
        }],
        Op::Debit { request } => vec![Op::Debit {
            request: altered(&request, 3),
        }],
        Op::RevokeDevice { revocation } => vec![Op::RevokeDevice {
            revocation: altered(&revocation, 3),
        }],
        Op::PutDeal { deal } => vec![Op::PutDeal {
            deal: altered(&deal, 3),
        }],
        _ => Vec::new(),
    }
}

#[test]
fn attack_a_forged_statement_changes_nothing_in_any_replica() {
    for (who, op) in commands() {
        for forged in forgeries(&op) {
            // given a call that its device has signed, with a statement that nobody has
            let mut script = script();
            let caller = script.call(&who, &forged);
            // then
            refused(&mut script, caller, forged);
        }
        let mut script = script();
        assert!(script.does(&who, op.clone()).is_ok(), "{op:?}");
    }
}

#[test]
fn attack_a_call_that_its_device_has_not_signed_is_refused() {
    for (who, op) in commands() {
        let mut script = script();
        let Caller::Device(signed) = script.call(&who, &op) else {
            continue;
        };
        for at in 0..signed.as_bytes().len() {
            let forged = Caller::Device(altered(&signed, at));
            refused(&mut script, forged, op.clone());
        }
    }
}

#[test]
fn attack_an_authorization_does_not_serve_another_operation_or_cluster() {
    // given Ada's authorization to lower Bob's rights
    let mut script = script();
    let lower = puts(rights(&ada(), grant(), 2, 1));
    let caller = script.call(&ada(), &lower);
    let Caller::Device(signed) = caller.clone() else {
        unreachable!()
    };
    // when a node puts older rights under it, or a log-out
    for other in [
        puts(rights(&ada(), grant(), 1, 3)),
        Op::EndSession { epoch: 1 },
    ] {
        let reply = refused(&mut script, caller.clone(), other);
        assert_eq!(reply, Refusal::BadSignature);
    }
    // or takes it from another cluster
    let elsewhere = Authorization {
        cluster: ClusterId([9; 32]),
        ..signed.verify().unwrap()
    };
    let caller = Caller::Device(sign(elsewhere));
    let reply = refused(&mut script, caller, lower);
    assert!(matches!(reply, Refusal::Mismatch(_)), "{reply:?}");
}

#[test]
fn attack_no_node_speaks_for_a_device() {
    for (_, op) in commands() {
        let mut script = script();
        refused(&mut script, Caller::Node(NodeId(1)), op.clone());
        if !matches!(op, Op::Debit { .. }) {
            refused(&mut script, Caller::Signer, op);
        }
    }
}

#[test]
fn attack_a_view_is_charged_by_its_viewers_request_alone() {
    // given a request of Eve's device for Bob's view, and one of Bob's under Ada's authorization
    let mut script = script();
    for op in [eve().views(grant(), 1), ada().views(grant(), 1)] {
        refused(&mut script, Caller::Signer, op);
    }
    let op = bob().views(grant(), 1);
    let not_after = script.now.plus_millis(1_000);
    let caller = Caller::Device(ada().authorizes(&op, RequestId([7; 16]), not_after));
    refused(&mut script, caller, op.clone());
    // then Bob's own is charged
    assert!(script.does(&bob(), op).is_ok());
}

#[test]
fn the_log_proves_each_view_after_its_device_has_another_certificate() {
    // given a view, and a later certificate of its device
    let mut script = script();
    let first = bob().certificate(1, CERTIFICATES_END);
    script.does(&bob(), bob().views(grant(), 1)).unwrap();
    let later = CERTIFICATES_END.plus_millis(1);
    let op = Op::Register {
        card: bob().card(1),
        certificate: bob().certificate(2, later),
        invite: None,
    };
    script.does(&bob(), op).unwrap();
    script.does(&bob(), bob().views(grant(), 2)).unwrap();
    // when Ada reads the log
    let log = read::grant_log(&script.state, &grant(), &ada().name, 0, 10).unwrap();
    // then each row has its request and the certificate of its time
    assert_eq!(log.views.len(), 2);
    assert_eq!(log.certificates.len(), 2);
    for view in &log.views {
        let request = view.request.verify().unwrap();
        let mut certificates = log.certificates.iter();
        let certificate = certificates
            .find(|certificate| certificate.hash() == view.certificate)
            .unwrap();
        let certified = certificate.verify().unwrap();
        assert_eq!(certified.user, bob().key());
        assert_eq!(certified.device, request.device);
        assert_eq!(request.grant, grant());
    }
    assert_eq!(log.views[0].certificate, first.hash());
}
