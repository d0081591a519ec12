use cameo_common::ids::UserName;
use cameo_common::signed::Signed;

use crate::limits::MAX_DEVICES_PER_USER;
use crate::tests::cast::{CERTIFICATES_END, Person, START, ada, bob, eve};
use crate::tests::script::Script;
use crate::{Done, Op, Refusal, read};

fn registers(who: &Person, card: u64, certificate: u64) -> Op {
    Op::Register {
        card: who.card(card),
        certificate: who.certificate(certificate, CERTIFICATES_END),
        invite: None,
    }
}

const CREATED: Done = Done::Registered { created: true };
const KNOWN: Done = Done::Registered { created: false };

#[test]
fn a_registered_user_is_found_by_name() {
    // given no users
    let mut script = Script::with(&[]);
    assert_eq!(read::user_info(&script.state, &ada().name, None), None);
    // when Ada registers
    assert_eq!(script.does(&ada(), ada().registers()), Ok(CREATED));
    // then the same statements are found by name
    let info = read::user_info(&script.state, &ada().name, None).unwrap();
    assert_eq!(info.card, ada().card(1));
    assert_eq!(
        info.devices[0].certificate,
        ada().certificate(1, CERTIFICATES_END)
    );
}

#[test]
fn registering_again_creates_nothing() {
    let mut script = Script::with(&[&ada()]);
    assert_eq!(script.does(&ada(), ada().registers()), Ok(KNOWN));
}

#[test]
fn attack_a_name_belongs_to_the_first_key() {
    let mut script = Script::with(&[&ada()]);
    let second = eve().under_name("ada");
    let reply = script.does(&second, second.registers());
    assert_eq!(reply, Err(Refusal::NameTaken(ada().name)));
}

#[test]
fn a_key_has_one_name() {
    let mut script = Script::with(&[&ada()]);
    let double = ada().under_name("ada-two");
    let reply = script.does(&double, registers(&double, 2, 2));
    assert_eq!(reply, Err(Refusal::KeyTaken));
}

#[test]
fn attack_an_older_card_never_replaces_a_newer_one() {
    let mut script = Script::with(&[&ada()]);
    assert_eq!(script.does(&ada(), registers(&ada(), 3, 1)), Ok(KNOWN));
    let reply = script.does(&ada(), registers(&ada(), 2, 1));
    assert_eq!(reply, Err(Refusal::Stale));
    let info = read::user_info(&script.state, &ada().name, None).unwrap();
    assert_eq!(info.card, ada().card(3));
}

#[test]
fn a_second_device_is_added_to_its_user() {
    let mut script = Script::with(&[&ada()]);
    let phone = ada().at_device(1);
    assert_eq!(script.does(&phone, phone.registers()), Ok(CREATED));
    let info = read::user_info(&script.state, &ada().name, None).unwrap();
    assert_eq!(info.devices.len(), 2);
    let caller = read::caller(&script.state, &phone.device()).unwrap();
    assert_eq!((caller.user, caller.key), (ada().name, ada().key()));
}

#[test]
fn attack_a_device_registers_itself_only() {
    let mut script = Script::with(&[]);
    let reply = script.does(&eve(), ada().registers());
    assert!(matches!(reply, Err(Refusal::Forbidden(_))));
}

#[test]
fn attack_a_certificate_by_another_key_is_refused() {
    let mut script = Script::with(&[]);
    let op = Op::Register {
        card: ada().card(1),
        certificate: eve().certificate(1, CERTIFICATES_END),
        invite: None,
    };
    let reply = script.does(&eve(), op);
    assert!(matches!(reply, Err(Refusal::Mismatch(_))));
}

#[test]
fn a_certificate_expires_at_its_not_after() {
    // given a certificate for ten seconds
    let mut script = Script::with(&[]);
    let brief = Op::Register {
        card: ada().card(1),
        certificate: ada().certificate(1, START.plus_millis(10_000)),
        invite: None,
    };
    script.does(&ada(), brief.clone()).unwrap();
    // when they have passed
    script.wait(10_000);
    // then the device is refused, also with the same certificate again
    let reply = script.does(&ada(), ada().comes_online(1, false));
    assert_eq!(reply, Err(Refusal::CertificateExpired));
    assert_eq!(script.does(&ada(), brief), Err(Refusal::CertificateExpired));
    // but a newer certificate is accepted
    assert_eq!(script.does(&ada(), registers(&ada(), 1, 2)), Ok(KNOWN));
    script.does(&ada(), ada().comes_online(1, false)).unwrap();
}

#[test]
fn a_device_that_is_not_registered_is_refused() {
    let mut script = Script::with(&[]);
    let reply = script.does(&ada(), ada().comes_online(1, true));
    assert_eq!(reply, Err(Refusal::UnknownDevice));
}

#[test]
fn a_user_has_a_bounded_number_of_devices_until_one_expires() {
    // given as many as are allowed, the first for an hour
    let mut script = Script::with(&[]);
    let all = MAX_DEVICES_PER_USER as u8;
    for number in 0..all {
        let device = bob().at_device(number);
        let not_after = if number == 0 {
            START.plus_millis(3_600_000)
        } else {
            CERTIFICATES_END
        };
        let op = Op::Register {
            card: bob().card(1),
            certificate: device.certificate(1, not_after),
            invite: None,
        };
        script.does(&device, op).unwrap();
    }
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    // when one more registers, then it is refused
    let more = bob().at_device(all);
    let reply = script.does(&more, more.registers());
    assert_eq!(reply, Err(Refusal::TooManyDevices(bob().name)));
    // until the first one has expired: it is removed, with its session
    script.wait(3_600_000);
    script.does(&more, more.registers()).unwrap();
    assert_eq!(read::caller(&script.state, &bob().device()), None);
    assert_eq!(read::session(&script.state, &bob().device()), None);
    let nobody: [UserName; 0] = [];
    assert_eq!(read::online_listed(&script.state, None, 9), nobody);
}

#[test]
fn a_statement_that_does_not_decode_is_refused() {
    let mut script = Script::with(&[]);
    let op = Op::Register {
        card: Signed::from_bytes(vec![0; 80]),
        certificate: ada().certificate(1, CERTIFICATES_END),
        invite: None,
    };
    assert_eq!(script.does(&ada(), op), Err(Refusal::Malformed));
}
