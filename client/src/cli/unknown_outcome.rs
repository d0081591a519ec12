//! The next step after a command of which no node has said whether it was carried out.

use super::exit::Failure;

/// The failure, with what shows whether it was carried out.
pub(super) fn with_next_step(verb: &str, mut failure: Failure) -> Failure {
    if failure.code == "outcome_unknown" {
        failure.message = format!("{}. {}", failure.message, next_step(verb));
    }
    failure
}

fn next_step(verb: &str) -> &'static str {
    match verb {
        "view" => {
            "`cameo inbox` shows, once the cluster answers, how many views are left; run the same \
             command again soon: it resumes this view, and does not charge it twice"
        }
        "rights" | "revoke" => {
            "`cameo shared` shows, once the cluster answers, which rights are recorded, and `cameo \
             log` which views were taken; if they are the old ones, run it again"
        }
        "approve" => {
            "`cameo shared` shows, once the cluster answers, whether the photo is shared; run it \
             again, which shares it once"
        }
        "device revoke" | "device new" => {
            "`cameo device list` shows it, once the cluster answers; run it again, which is done \
             once"
        }
        _ => "Run it again once the cluster answers",
    }
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
            ("init", "Run it again"),
        ] {
            let told = with_next_step(verb, ClusterError::OutcomeUnknown.into());
            assert_eq!(told.exit, Exit::NoQuorum, "{verb}");
            assert!(told.message.contains("it may have been"), "{told}");
            assert!(told.message.contains(shows), "{told}");
            assert!(!told.message.contains("cameo status"), "{told}");
        }
        let refused = with_next_step("view", ClusterError::NoQuorum.into());
        assert_eq!(refused.message, ClusterError::NoQuorum.to_string());
    }
}
