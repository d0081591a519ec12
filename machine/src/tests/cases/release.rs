use cameo_common::ids::{ClusterId, GrantId, Millis, NodeId, whole_millis};
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{
    self, Dealing, PartContext, ReleaseContext, Share, open_part, open_release, release_part,
};
use cameo_common::statements::{FirstFloor, ViewRequest};
use rand::SeedableRng;

use crate::limits::RESUME_WINDOW;
use crate::read::{Release, release_check};
use crate::tests::cast::{
    CERTIFICATES_END, Offer, Person, START, ada, bob, cluster_id, descriptor, image, node_secret,
    puts, rights, sign,
};
use crate::tests::script::Script;
use crate::{Op, Refusal};

/// A grant of three views, with Bob's first one debited.
fn script_with_a_debit() -> (Script, GrantId) {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    (script, grant)
}

fn check(
    script: &Script,
    who: &Person,
    grant: GrantId,
    id: u8,
    one_time: u8,
) -> Result<Release, Refusal> {
    check_at(script, who, grant, id, one_time, script.now)
}

fn check_at(
    script: &Script,
    who: &Person,
    grant: GrantId,
    id: u8,
    one_time: u8,
    now: Millis,
) -> Result<Release, Refusal> {
    let request = who.view_request(grant, id, one_time);
    let content = request.unverified().unwrap();
    release_check(&script.state, &request, &content, now)
}

#[test]
fn a_debited_view_is_released() {
    let (script, grant) = script_with_a_debit();
    let release = check(&script, &bob(), grant, 1, 1).unwrap();
    assert_eq!((release.number, release.at), (1, START));
    assert_eq!(release.index, script.index);
    assert_eq!(release.manifest.verify().unwrap().grant_id(), grant);
    assert_eq!(release.rights.verify().unwrap().grant, grant);
    assert_eq!(release.deal.verify().unwrap().number, 1);
    assert_eq!(release.certificate.verify().unwrap().user, bob().key());
}

#[test]
fn attack_a_view_without_a_debit_is_not_released() {
    let (script, grant) = script_with_a_debit();
    let other = check(&script, &bob(), grant, 2, 1);
    assert_eq!(other, Err(Refusal::NotDebited));
    let nowhere = check(&script, &bob(), GrantId([9; 32]), 1, 1);
    assert_eq!(nowhere, Err(Refusal::NoSuchGrant));
}

#[test]
fn attack_a_view_is_not_released_to_another_key_or_device() {
    let (script, grant) = script_with_a_debit();
    let key = check(&script, &bob(), grant, 1, 2);
    assert_eq!(key, Err(Refusal::RequestReused));
    let device = check(&script, &bob().at_device(1), grant, 1, 1);
    assert_eq!(device, Err(Refusal::RequestReused));
}

#[test]
fn attack_no_view_is_released_after_a_revocation() {
    let (mut script, grant) = script_with_a_debit();
    let mut end = rights(&ada(), grant, 2, 3);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    let reply = check(&script, &bob(), grant, 1, 1);
    assert_eq!(reply, Err(Refusal::Revoked));
}

#[test]
fn attack_only_views_within_lowered_rights_are_released() {
    let (mut script, grant) = script_with_a_debit();
    script.does(&bob(), bob().views(grant, 2)).unwrap();
    script
        .does(&ada(), puts(rights(&ada(), grant, 2, 1)))
        .unwrap();
    assert!(check(&script, &bob(), grant, 1, 1).is_ok());
    let second = check(&script, &bob(), grant, 2, 1);
    assert_eq!(second, Err(Refusal::UsedUp));
}

#[test]
fn rights_expire_by_the_nodes_clock_and_by_log_time() {
    let (mut script, grant) = script_with_a_debit();
    let mut brief = rights(&ada(), grant, 2, 3);
    brief.expires = Some(START.plus_millis(5_000));
    script.does(&ada(), puts(brief)).unwrap();
    assert!(check_at(&script, &bob(), grant, 1, 1, START.plus_millis(4_999)).is_ok());
    let over = check_at(&script, &bob(), grant, 1, 1, START.plus_millis(5_000));
    assert_eq!(over, Err(Refusal::Expired));
    // On a node whose clock is behind, log time counts.
    script.wait(5_000);
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    let over = check_at(&script, &bob(), grant, 1, 1, Millis(0));
    assert_eq!(over, Err(Refusal::Expired));
}

#[test]
fn attack_a_view_is_not_resumed_for_ever() {
    let (mut script, grant) = script_with_a_debit();
    // A node whose clock is ahead of the log says nothing else than the others.
    let ahead = START.plus(2 * RESUME_WINDOW);
    script.wait(whole_millis(RESUME_WINDOW) - 1);
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    assert!(check_at(&script, &bob(), grant, 1, 1, ahead).is_ok());
    script.wait(1);
    script.does(&bob(), bob().comes_online(2, true)).unwrap();
    let late = check_at(&script, &bob(), grant, 1, 1, START);
    assert_eq!(late, Err(Refusal::NotDebited));
}

#[test]
fn attack_no_view_is_released_to_a_device_whose_certificate_has_expired() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let brief = Op::Register {
        card: bob().card(1),
        certificate: bob().certificate(2, START.plus_millis(1_000)),
        invite: None,
    };
    script.does(&bob(), brief).unwrap();
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    let reply = check_at(&script, &bob(), grant, 1, 1, START.plus_millis(1_000));
    assert_eq!(reply, Err(Refusal::CertificateExpired));
}

#[test]
fn attack_no_view_is_released_for_a_request_to_another_cluster() {
    let (script, grant) = script_with_a_debit();
    let content: ViewRequest = bob().view_request(grant, 1, 1).unverified().unwrap();
    let request = ViewRequest {
        cluster: ClusterId([9; 32]),
        ..content
    };
    let signed = sign(request.clone());
    let reply = release_check(&script.state, &signed, &request, CERTIFICATES_END);
    assert!(matches!(reply, Err(Refusal::Mismatch(_))));
}

/// A real share from deal to combination: recorded, debited, and released by two of three nodes.
#[test]
fn the_share_is_combined_from_released_parts() {
    // given a real deal in a recorded grant
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let mut script = Script::with(&[&ada(), &bob()]);
    let mut offer = Offer::new(&ada(), &bob(), image(1), 1);
    let share = Share::random(&mut rng);
    let dealing = Dealing {
        cluster: cluster_id(),
        grant: offer.id(),
        owner: ada().key(),
        viewer: bob().key(),
        number: 1,
        first_floor: FirstFloor::NEW,
    };
    offer.deal = sealing::deal(&mut rng, &dealing, &share, &descriptor()).unwrap();
    script.does(&ada(), offer.op()).unwrap();
    // when Bob's device debits a view for a one-time key
    let one_time = SealingSecret::from_bytes([5; 32]);
    let request = sign(ViewRequest {
        one_time: one_time.public(),
        ..bob().view_request(offer.id(), 1, 1).unverified().unwrap()
    });
    let op = Op::Debit {
        request: request.clone(),
    };
    script.does(&bob(), op).unwrap();
    // then the parts that nodes 1 and 3 release combine to the share
    let mut opened = Vec::new();
    for node in [NodeId(1), NodeId(3)] {
        let content = request.verify().unwrap();
        let release = release_check(&script.state, &request, &content, script.now).unwrap();
        let deal = release.deal.verify().unwrap();
        let part = deal.parts.iter().find(|part| part.node == node).unwrap();
        let context = ReleaseContext {
            part: PartContext::of(&deal, part),
            request: content.request,
            request_hash: request.hash(),
        };
        let own = open_part(&node_secret(node), &context.part, part).unwrap();
        let released = release_part(&mut rng, &context, &content.one_time, &own).unwrap();
        opened.push(open_release(&one_time, &context, part, &released.sealed).unwrap());
    }
    let combined = sealing::combine(&offer.deal, &opened).unwrap();
    assert_eq!(combined.expose(), share.expose());
}
