//! Coverage of the random histories: they must reach the outcomes that the laws are about.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::history::{play, steps};
use crate::{Done, Refusal, Reply};

/// The variant name of a reply.
fn outcome(reply: &Reply) -> String {
    let text = match reply {
        Ok(done) => format!("{done:?}"),
        Err(refusal) => format!("{refusal:?}"),
    };
    let end = text.find([' ', '(']).unwrap_or(text.len());
    text[..end].to_owned()
}

#[test]
fn random_histories_reach_every_outcome_of_the_laws() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..200 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        reached.extend(play(&steps).iter().map(|m| outcome(&m.decision.reply)));
    }
    let name = cyd_name();
    let grant = cameo_common::ids::GrantId([0; 32]);
    let wanted: [Reply; 24] = [
        Ok(Done::Registered { created: true }),
        Ok(Done::SessionStarted { epoch: 1 }),
        Ok(Done::Offline { offline: true }),
        Ok(Done::GrantCreated { grant }),
        Ok(Done::Rights {
            version: 1,
            in_mailbox: true,
        }),
        Ok(Done::Nothing),
        Err(Refusal::NameTaken(name.clone())),
        Err(Refusal::KeyTaken),
        Err(Refusal::UnknownDevice),
        Err(Refusal::DeviceRevoked),
        Err(Refusal::NoSuchDevice),
        Err(Refusal::NotRegistered(name)),
        Err(Refusal::Stale),
        Err(Refusal::GrantExists(grant)),
        Err(Refusal::StaleVersion(1)),
        Err(Refusal::RequestReused),
        Err(Refusal::Revoked),
        Err(Refusal::Expired),
        Err(Refusal::UsedUp),
        Err(Refusal::Forbidden(String::new())),
        Err(Refusal::NotSuccessor(String::new())),
        Err(Refusal::TooFewHolders {
            grants: 1,
            named: vec![grant],
        }),
        Err(Refusal::StaleDeal {
            deal: 1,
            rights_version: 1,
            used: 0,
        }),
        Err(Refusal::DealtAlready(1)),
    ];
    for reply in &wanted {
        assert!(
            reached.contains(&outcome(reply)),
            "{reply:?} in {reached:?}"
        );
    }
    assert!(reached.contains("Debited"));
}

fn cyd_name() -> cameo_common::ids::UserName {
    crate::tests::cast::cyd().name
}
