use cameo_common::ids::{GrantId, UserName};

use crate::limits::MAX_DEVICES_PER_USER;
use crate::read::{self, release_check};
use crate::tests::cast::{CERTIFICATES_END, Person, START, ada, bob, cluster_id, eve, sign};
use crate::tests::script::{Script, debit_numbers};
use crate::{Done, Op, Refusal};
use cameo_common::identity::DeviceRevocation;
use cameo_common::ids::ClusterId;

fn phone() -> Person {
    bob().at_device(1)
}

/// Ada, and Bob at two devices, with a grant of three views, of which the phone has debited one.
fn two_devices() -> (Script, GrantId) {
    let mut script = Script::with(&[&ada(), &bob()]);
    script.does(&phone(), phone().registers()).unwrap();
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&phone(), phone().views(grant, 1)).unwrap();
    (script, grant)
}

fn used(script: &Script, grant: GrantId) -> u32 {
    let info = read::grant_info(&script.state, &grant, &ada().name);
    info.unwrap().used
}

#[test]
fn attack_a_revoked_device_gets_no_part_and_charges_nothing() {
    // given a view that the phone has debited
    let (mut script, grant) = two_devices();
    let request = phone().view_request(grant, 1, 1);
    let content = request.unverified().unwrap();
    let check = |script: &Script| release_check(&script.state, &request, &content, script.now);
    assert!(check(&script).is_ok());
    // when Bob revokes it
    let reply = script.does(&bob(), phone().revokes(2));
    assert_eq!(reply, Ok(Done::Nothing));
    // then nothing is released to it, also for that view
    assert_eq!(check(&script).unwrap_err(), Refusal::DeviceRevoked);
    // and neither a new debit nor the same one again is carried out
    for id in [1, 2] {
        let reply = script.does(&phone(), phone().views(grant, id));
        assert_eq!(reply, Err(Refusal::DeviceRevoked));
    }
    assert_eq!(used(&script, grant), 1);
    // while the other device goes on
    let reply = script.does(&bob(), bob().views(grant, 3));
    assert_eq!(debit_numbers(&reply), (2, 2, 1));
}

#[test]
fn attack_a_revoked_device_carries_out_no_command() {
    let (mut script, grant) = two_devices();
    script.does(&bob(), phone().revokes(2)).unwrap();
    for op in [
        phone().comes_online(1, true),
        phone().receipt(grant, START),
        phone().acknowledges(grant, 1),
        bob().revokes(2),
    ] {
        let reply = script.does(&phone(), op);
        assert_eq!(reply, Err(Refusal::DeviceRevoked));
    }
}

#[test]
fn attack_an_old_certificate_of_a_revoked_device_is_refused_and_so_is_a_new_one() {
    let (mut script, _) = two_devices();
    script.does(&bob(), phone().revokes(2)).unwrap();
    for sequence in [1, 2, 9] {
        let op = Op::Register {
            card: phone().card(1),
            certificate: phone().certificate(sequence, CERTIFICATES_END),
            invite: None,
        };
        let reply = script.does(&phone(), op);
        assert_eq!(reply, Err(Refusal::DeviceRevoked));
    }
}

#[test]
fn attack_a_revocation_by_a_node_or_a_stranger_is_refused() {
    let (mut script, _) = two_devices();
    script.does(&eve(), eve().registers()).unwrap();
    let node = script.node_does(phone().revokes(2));
    assert!(matches!(node, Err(Refusal::Forbidden(_))), "{node:?}");
    // by Eve, with Bob's own statement, which is not for Eve to bring, or with one of Eve's
    let stolen = script.does(&eve(), phone().revokes(2));
    assert!(matches!(stolen, Err(Refusal::Forbidden(_))), "{stolen:?}");
    let hostile = sign(DeviceRevocation {
        user: eve().key(),
        cluster: cluster_id(),
        device: phone().device(),
        sequence: 9,
    });
    let reply = script.does(
        &eve(),
        Op::RevokeDevice {
            revocation: hostile.clone(),
        },
    );
    assert_eq!(reply, Err(Refusal::NoSuchDevice));
    let reply = script.does(
        &bob(),
        Op::RevokeDevice {
            revocation: hostile,
        },
    );
    assert!(matches!(reply, Err(Refusal::Forbidden(_))), "{reply:?}");
    assert!(
        !read::caller(&script.state, &phone().device())
            .unwrap()
            .revoked
    );
}

#[test]
fn attack_a_revocation_of_another_cluster_or_of_an_older_sequence_is_refused() {
    let (mut script, _) = two_devices();
    let elsewhere = sign(DeviceRevocation {
        user: bob().key(),
        cluster: ClusterId([9; 32]),
        device: phone().device(),
        sequence: 2,
    });
    let reply = script.does(
        &bob(),
        Op::RevokeDevice {
            revocation: elsewhere,
        },
    );
    assert!(matches!(reply, Err(Refusal::Mismatch(_))), "{reply:?}");
    let reply = script.does(&bob(), phone().revokes(1));
    assert_eq!(reply, Err(Refusal::Stale));
}

#[test]
fn a_revoked_device_loses_its_session_and_is_listed_with_its_revocation() {
    let (mut script, _) = two_devices();
    script
        .does(&phone(), phone().comes_online(1, true))
        .unwrap();
    script.does(&bob(), phone().revokes(2)).unwrap();
    assert_eq!(read::session(&script.state, &phone().device()), None);
    let nobody: [UserName; 0] = [];
    assert_eq!(read::online_listed(&script.state, None, 9), nobody);
    let info = read::user_info(&script.state, &bob().name, None).unwrap();
    let revoked: Vec<_> = info
        .devices
        .into_iter()
        .filter_map(|device| device.revocation)
        .collect();
    assert_eq!(revoked, [phone().revocation(2)]);
}

#[test]
fn a_device_is_revoked_once_and_the_first_revocation_stays() {
    let (mut script, _) = two_devices();
    script.does(&bob(), phone().revokes(2)).unwrap();
    let again = script.does(&bob(), phone().revokes(5));
    assert_eq!(again, Ok(Done::Nothing));
    let info = read::user_info(&script.state, &bob().name, None).unwrap();
    assert!(
        info.devices
            .iter()
            .any(|device| device.revocation == Some(phone().revocation(2)))
    );
}

#[test]
fn a_device_may_revoke_itself() {
    let (mut script, grant) = two_devices();
    script.does(&phone(), phone().revokes(2)).unwrap();
    let reply = script.does(&phone(), phone().views(grant, 2));
    assert_eq!(reply, Err(Refusal::DeviceRevoked));
}

#[test]
fn a_revoked_device_keeps_its_place_also_when_its_certificate_has_expired() {
    // given as many devices as are allowed, the first revoked, with a certificate for an hour
    let mut script = Script::with(&[]);
    let all = MAX_DEVICES_PER_USER as u8;
    for number in 0..all {
        let device = bob().at_device(number);
        let end = if number == 0 {
            START.plus_millis(3_600_000)
        } else {
            CERTIFICATES_END
        };
        let op = Op::Register {
            card: bob().card(1),
            certificate: device.certificate(1, end),
            invite: None,
        };
        script.does(&device, op).unwrap();
    }
    script.does(&phone(), bob().revokes(2)).unwrap();
    // when that hour has passed, then one more is refused all the same
    script.wait(3_600_000);
    let more = bob().at_device(all);
    let reply = script.does(&more, more.registers());
    assert_eq!(reply, Err(Refusal::TooManyDevices(bob().name)));
    let reply = script.does(&bob(), bob().registers());
    assert_eq!(reply, Err(Refusal::DeviceRevoked));
}

#[test]
fn a_devices_running_session_is_shown_to_those_who_may_know() {
    // given Bob's phone online, unlisted, and Bob's other device not
    let (mut script, _) = two_devices();
    script
        .does(&phone(), phone().comes_online(1, false))
        .unwrap();
    let epochs = |script: &Script, asker: &Person| {
        let info = read::user_info(&script.state, &bob().name, Some(&asker.name)).unwrap();
        let devices = info.devices.into_iter();
        let mut epochs: Vec<_> = devices.filter_map(|device| device.epoch).collect();
        epochs.sort_unstable();
        epochs
    };
    // then Bob and the other party of the grant see its epoch, and nobody else does
    assert_eq!(epochs(&script, &bob()), [1]);
    assert_eq!(epochs(&script, &ada()), [1]);
    assert_eq!(epochs(&script, &eve()), [0u64; 0]);
    // and not after it has ended
    script.does(&phone(), Op::EndSession { epoch: 1 }).unwrap();
    assert_eq!(epochs(&script, &bob()), [0u64; 0]);
}
