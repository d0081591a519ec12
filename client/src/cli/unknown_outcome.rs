//! The next step after a command of which no node has said whether it was carried out.

use super::exit::Failure;

/// The failure, with what shows whether it was carried out.
pub(super) fn with_next_step(verb: &str, mut failure: Failure) -> Failure {
    if failure.code == "outcome_unknown" {
        failure.message = format!("{}. {}", failure.message, next_step(verb));
    }
    failure
}

/// The next step after each command that has one of its own.
pub(super) const NEXT_STEPS: [(&str, &str); 6] = [
    (
        "view",
        "`cameo inbox` shows, once the cluster answers, how many views are left; run the same \
         command again soon: it resumes this view, and does not charge it twice",
    ),
    ("rights", CHANGED),
    ("revoke", CHANGED),
    // Of a photo, its own message says how it goes on; of more views, the total is looked at first.
    (
        "approve",
        "`cameo shared` shows, once the cluster answers, the grant and its rights",
    ),
    (
        "device revoke",
        "`cameo device list` shows it, once the cluster answers; run it again, which is done once",
    ),
    // Each run makes another key.
    (
        "device new",
        "Run it again once the cluster answers; then `cameo device list` may show one device \
         more, which is to be revoked",
    ),
];

const CHANGED: &str = "`cameo shared` shows, once the cluster answers, which rights are recorded, \
                       and `cameo log` which views were taken; if they are the old ones, run it \
                       again";

fn next_step(verb: &str) -> &'static str {
    let step = NEXT_STEPS.iter().find(|(of, _)| *of == verb);
    step.map_or("Run it again once the cluster answers", |(_, step)| step)
}

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::*;
    use crate::cluster_api::ClusterError;

    #[test]
    fn an_unknown_outcome_points_to_the_command_that_shows_it() {
        for (verb, shows) in [
            ("view", "`cameo inbox`"),
            ("rights", "`cameo shared`"),
            ("revoke", "`cameo shared`"),
            ("approve", "`cameo shared`"),
            ("device revoke", "`cameo device list`"),
            ("device new", "one device more, which is to be revoked"),
            ("init", "Run it again"),
        ] {
            let told = with_next_step(verb, ClusterError::OutcomeUnknown.into());
            assert_eq!(told.exit, Exit::NoQuorum, "{verb}");
            assert!(told.message.contains("it may have been"), "{told}");
            assert!(told.message.contains(shows), "{told}");
            assert!(!told.message.contains("cameo status"), "{told}");
        }
        // A second approval of more views may add them again, and a second `device new` does add
        // another device.
        for (verb, never) in [("approve", "again"), ("device new", "once")] {
            let steps = next_step(verb).replace("once the cluster answers", "");
            assert!(!steps.contains(never), "{verb}: {steps}");
        }
        let refused = with_next_step("view", ClusterError::NoQuorum.into());
        assert_eq!(refused.message, ClusterError::NoQuorum.to_string());
    }
}
