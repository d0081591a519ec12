//! Reasons why somebody does not have yet what is kept for them, in the report of what is done.

use std::fmt::Display;

use cameo_common::ids::UserName;

use crate::error_kind::{Classified, ErrorKind};

/// The reason, without advice: the report says what comes next. An error of the cluster says what
/// became of its own call, which is not the one that the report is about: it is not repeated.
pub fn why_unsent(to: &UserName, error: &(impl Classified + Display)) -> String {
    match error.kind() {
        ErrorKind::ClusterAway => {
            format!("the cluster could not say at present where {to} is")
        }
        ErrorKind::PeerOffline => format!("{to} is offline"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::api::{ApiError, ErrorCode};

    use super::*;
    use crate::cluster_api::ClusterError;
    use crate::flows::share::ShareError;
    use crate::peer::CallError;

    fn ben() -> UserName {
        "ben".parse().unwrap()
    }

    #[test]
    fn what_became_of_a_later_call_is_not_said_of_what_is_done() {
        let refused = ApiError::new(ErrorCode::Retired, "ben is retired");
        for away in [
            ClusterError::NoQuorum,
            ClusterError::OutcomeUnknown,
            ClusterError::Unconfirmed(refused),
        ] {
            let told = why_unsent(&ben(), &away);
            assert_eq!(told, "the cluster could not say at present where ben is");
        }
    }

    #[test]
    fn a_viewer_who_is_offline_is_said_to_be_so_and_no_more() {
        // given the errors of one who has published no address, and of one who is not online
        let unaddressed = CallError::NoAddress.of("ben");
        assert!(unaddressed.to_string().contains("try again"));
        let offline = ShareError::ViewerOffline(ben());
        // then neither has advice, which the report has
        assert_eq!(why_unsent(&ben(), &unaddressed), "ben is offline");
        assert_eq!(why_unsent(&ben(), &offline), "ben is offline");
    }
}
