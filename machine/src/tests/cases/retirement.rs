//! Retired users: what ends, and what winds down.

use cameo_common::rights::Rights;

use crate::tests::cast::{Offer, ada, bob, eve, image, puts, rights};
use crate::tests::script::Script;
use crate::{Done, Op, Refusal, read};

fn retire(script: &mut Script, who: &str) {
    let user = who.parse().unwrap();
    let done = script.operator_does(Op::Retire { user });
    assert_eq!(done, Ok(Done::Nothing));
}

#[test]
fn a_retired_users_sessions_end_and_nothing_new_begins() {
    // given Bob, online, and a grant of Ada's
    let mut script = Script::with(&[&ada(), &bob(), &eve()]);
    let grant = script.grants(&ada(), &bob(), 3);
    script.does(&bob(), bob().comes_online(1, true)).unwrap();
    script.does(&bob(), bob().views(grant, 1)).unwrap();
    // when the operator retires Bob
    retire(&mut script, "bob");
    retire(&mut script, "bob");
    // then the session has ended
    let session = read::session(&script.state, &bob().device()).unwrap();
    assert!(!session.online);
    assert!(read::online_listed(&script.state, None, 9).is_empty());
    // and Bob starts none, views nothing, and gets no device and no grant
    let retired = Err(Refusal::Retired(bob().name));
    let phone = bob().at_device(1);
    let offered = Offer::with_nonce(&ada(), &bob(), image(2), 3, 2);
    let own = Offer::with_nonce(&bob(), &eve(), image(3), 3, 3);
    for (who, op) in [
        (bob(), bob().comes_online(2, true)),
        (bob(), bob().views(grant, 2)),
        (bob(), bob().registers()),
        (phone.clone(), phone.registers()),
        (ada(), offered.op()),
        (bob(), own.op()),
    ] {
        assert_eq!(script.does(&who, op.clone()), retired, "{op:?}");
    }
    // while a view that was charged before is answered as before
    assert!(script.does(&bob(), bob().views(grant, 1)).is_ok());
    assert!(script.does(&bob(), bob().acknowledges(grant, 1)).is_ok());
}

#[test]
fn the_directory_and_the_grants_of_others_say_who_is_retired() {
    // given a grant between two users who are not retired
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    let told = |script: &Script, who: &str, asker: &str| {
        let (who, asker) = (who.parse().unwrap(), asker.parse().unwrap());
        let info = read::user_info(&script.state, &who, Some(&asker)).unwrap();
        let grant = read::grant_info(&script.state, &grant, &asker).unwrap();
        (info.retired.is_some(), grant.other_retired.is_some())
    };
    assert_eq!(told(&script, "bob", "ada"), (false, false));
    // when one of them is retired
    retire(&mut script, "bob");
    // then the other one is told, and nobody is told that the other one is
    assert_eq!(told(&script, "bob", "ada"), (true, true));
    assert_eq!(told(&script, "ada", "bob"), (false, false));
}

#[test]
fn attack_a_retired_name_stays_taken() {
    let mut script = Script::with(&[&ada(), &bob()]);
    retire(&mut script, "bob");
    let second = eve().under_name("bob");
    assert!(script.does(&second, second.registers()).is_err());
    let info = read::user_info(&script.state, &bob().name, None).unwrap();
    assert_eq!(info.card, bob().card(1));
}

#[test]
fn a_retired_owner_still_revokes() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    retire(&mut script, "ada");
    let mut lower = rights(&ada(), grant, 2, 3);
    lower.revoked = true;
    assert!(script.does(&ada(), puts(lower)).is_ok());
    let reply = script.does(&bob(), bob().views(grant, 1));
    assert_eq!(reply, Err(Refusal::Revoked));
}

#[test]
fn attack_a_retired_owner_widens_nothing() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let grant = script.grants(&ada(), &bob(), 3);
    retire(&mut script, "ada");
    let wider: [fn(&mut Rights); 3] = [
        |rights| rights.permitted = 4,
        |rights| rights.may_save = true,
        |rights| rights.offline = 1,
    ];
    for widen in wider {
        let mut content = rights(&ada(), grant, 2, 3);
        widen(&mut content);
        let reply = script.does(&ada(), puts(content));
        assert_eq!(reply, Err(Refusal::Retired(ada().name)));
    }
    // and lowers as before, but takes no lowering back
    let mut lower = rights(&ada(), grant, 2, 2);
    lower.expires = Some(script.now.plus_millis(60_000));
    assert!(script.does(&ada(), puts(lower)).is_ok());
    let mut later = rights(&ada(), grant, 3, 2);
    later.expires = None;
    let reply = script.does(&ada(), puts(later));
    assert_eq!(reply, Err(Refusal::Retired(ada().name)));
}

#[test]
fn only_a_registered_user_is_retired() {
    let mut script = Script::with(&[]);
    let user = bob().name;
    let reply = script.operator_does(Op::Retire { user: user.clone() });
    assert_eq!(reply, Err(Refusal::NotRegistered(user)));
}
