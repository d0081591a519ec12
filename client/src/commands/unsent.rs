//! Reasons why somebody does not have yet what is kept for them, in the report of what is done.

use std::fmt::Display;

use cameo_common::ids::UserName;

use crate::error_kind::{Classified, ErrorKind};

/// The reason. An error of the cluster says what became of its own call, which is not the one that
/// the report is about: it is not repeated.
pub fn why_unsent(to: &UserName, error: &(impl Classified + Display)) -> String {
    match error.kind() {
        ErrorKind::ClusterAway => {
            format!("the cluster, which says where {to} is, does not answer at present")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cluster_api::ClusterError;
    use crate::flows::share::ShareError;

    #[test]
    fn what_became_of_a_later_call_is_not_said_of_what_is_done() {
        let ben: UserName = "ben".parse().unwrap();
        for away in [ClusterError::NoQuorum, ClusterError::OutcomeUnknown] {
            let told = why_unsent(&ben, &away);
            assert!(told.contains("does not answer at present"), "{told}");
            assert!(!told.contains("carried out"), "{told}");
        }
        let offline = ShareError::ViewerOffline(ben.clone());
        assert_eq!(why_unsent(&ben, &offline), offline.to_string());
    }
}
