//! All laws over generated histories: none refuses what the reference did, and each planted bug is
//! refused by the law that it breaks.

use std::time::Duration;

use cameo_chaos::laws::judge;
use cameo_chaos::verdict::{Law, Outcome};

use super::generate::{Size, history};
use super::reference::Bug;

const WITHIN: Duration = Duration::from_secs(60);

#[test]
fn no_law_refuses_what_the_reference_did() {
    for seed in 0..60 {
        let size = Size {
            grants: 2,
            operations: 60,
            clients: 1 + seed % 8,
            revokes: 4,
            unknown: 4,
            late: 400,
        };
        let history = history(seed, size, None);
        let judged = judge(&history, WITHIN);
        let wrong = judged.verdicts.iter();
        let wrong: Vec<_> = wrong
            .filter(|verdict| !matches!(verdict.outcome, Outcome::Inconclusive { .. }))
            .collect();
        assert!(wrong.is_empty(), "seed {seed}: {}", judged.text(&history));
    }
}

#[test]
fn each_planted_bug_is_refused_by_its_law() {
    let size = Size {
        grants: 4,
        operations: 80,
        clients: 3,
        revokes: 4,
        unknown: 4,
        late: 400,
    };
    for (bug, law) in [
        (Bug::ChargesAgain, Law::L3),
        (Bug::OneTooMany, Law::L2),
        (Bug::LowerVersionWins, Law::B3),
        (Bug::AckRemovesNewer, Law::B4),
        (Bug::ReleasesRevoked, Law::L5),
        (Bug::RefusesAndDoes, Law::L3),
        (Bug::SignatureUnchecked, Law::L8),
        (Bug::StaleRead, Law::R3),
        (Bug::LosesWrites, Law::R3),
    ] {
        let mut by_law = 0;
        let mut by_order = 0;
        for seed in 0..10 {
            let broken = judge(&history(seed, size, Some(bug)), WITHIN).broken();
            by_law += u32::from(broken.contains(&law));
            by_order += u32::from(broken.contains(&Law::L1));
        }
        println!("{bug:?}: {law} in {by_law} of 10 seeds, L1 in {by_order}");
        assert!(by_law > 0, "{bug:?} was never refused by {law}");
        assert!(by_order >= by_law, "{bug:?}: no order was missing");
    }
}
