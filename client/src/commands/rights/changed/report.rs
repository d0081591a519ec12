//! The report of a change: of each part, whether it is in force, not known to be, or not done.

use cameo_common::rights::Rights;
use serde_json::{Value, json};

use super::{Changed, Undelivered, is_in_force};
use crate::commands::unsent::why_unsent;
use crate::error_kind::ErrorKind;
use crate::output::{Report, moment};
use crate::text::prefix::short;

impl Changed {
    /// The report of the change.
    #[must_use]
    pub fn report(&self) -> Report {
        let Rights {
            version,
            permitted,
            expires,
            revoked,
            may_save,
            ..
        } = &self.rights;
        let grant = short(&self.grant);
        let what = if *revoked {
            format!("{grant}: all rights revoked")
        } else {
            let until = expires.map_or_else(String::new, |at| format!(" until {}", moment(at)));
            let save = if *may_save { ", may save" } else { "" };
            let views = if *permitted == 1 { "view" } else { "views" };
            let used = self.used.map_or_else(String::new, |used| {
                let left = permitted.saturating_sub(used);
                format!(", {used} used and {left} left")
            });
            format!("{grant}: {permitted} {views} in total{used}{until}{save}")
        };
        let force = self.force();
        let recorded = || "It is recorded in the ledger.".to_owned();
        let mut sentences = vec![format!("{what}."), force.unwrap_or_else(recorded)];
        sentences.extend(self.warnings());
        sentences.push(self.sent());
        let text = sentences.join(" ");
        let report = Report::new(text)
            .with("grant", self.grant)
            .with("viewer", &self.viewer)
            .with("version", version)
            .with("permitted", permitted)
            .with("used", self.used)
            .with("expires", expires)
            .with("revoked", revoked)
            .with("may_save", may_save)
            .with("restored", self.is_restored)
            .with("expired", self.is_expired)
            .with("delivered", self.undelivered.is_none())
            .with("in_mailbox", self.in_mailbox)
            .with("viewer_retired", self.is_viewer_retired())
            .with("confirmation", self.confirmation());
        if !is_in_force(self.confirmed.as_ref()) {
            return report.problem(ErrorKind::ClusterAway);
        }
        match self.undelivered.is_none() || self.is_viewer_retired() {
            true => report,
            false => report.queued(),
        }
    }

    /// Whether the viewer has the rights, in a sentence or two.
    fn sent(&self) -> String {
        let viewer = &self.viewer;
        let why = match &self.undelivered {
            None => return format!("{viewer} has it."),
            Some(why) if why.is_for_good() => {
                return format!(
                    "It is not sent to {viewer}: the operator has retired {viewer}, who opens \
                     nothing any more."
                );
            }
            Some(Undelivered::NoCarrierYet(_)) => {
                let carrier = match self.rights.revoked || self.is_expired {
                    true => "it is not sent any more",
                    false => "the new rights are sent with it",
                };
                return format!("{viewer} does not have the carrier yet: {carrier}.");
            }
            Some(why) => why_unsent(viewer, why),
        };
        match self.in_mailbox {
            true => format!(
                "{viewer} does not have it yet ({why}): it is in the mailbox for {viewer}, whose \
                 agent fetches it."
            ),
            // Only an acknowledgement takes it out of the mailbox.
            false => format!(
                "{viewer} did not take it from here ({why}), and a node says that {viewer} has \
                 fetched it from the mailbox."
            ),
        }
    }

    /// What the change does beside the numbers that were asked for.
    fn warnings(&self) -> Vec<String> {
        let (grant, viewer) = (short(&self.grant), &self.viewer);
        let mut warnings = Vec::new();
        if self.is_restored {
            warnings.push(format!(
                "These rights were REVOKED before, and this change has restored them: `cameo \
                 revoke {grant}` revokes them again."
            ));
        }
        if self.is_expired {
            warnings.push(format!(
                "They have EXPIRED: {viewer} opens nothing with them, whatever the number of \
                 views. `cameo rights {grant} --expires TIME` sets another time."
            ));
        }
        warnings
    }

    fn is_viewer_retired(&self) -> bool {
        let undelivered = self.undelivered.as_ref();
        undelivered.is_some_and(Undelivered::is_for_good)
    }

    /// Whether an ending is in force, in a sentence.
    fn force(&self) -> Option<String> {
        Some(match self.confirmed.as_ref()? {
            Ok(found) if found.is_in_force() => format!(
                "It is in force: {} of {} nodes have confirmed it, and {} are needed.",
                found.confirmed, found.holders, found.needed
            ),
            Ok(found) => format!(
                "It is recorded, and NOT known to be in force: {} of {} nodes have confirmed it, \
                 and {} are needed, so that views by the rights before may still be released. Your \
                 agent goes on to ask while it runs; `cameo shared` shows whether it is in force, \
                 and `cameo log {}` which views were taken.",
                found.confirmed,
                found.holders,
                found.needed,
                short(&self.grant)
            ),
            Err(why) => format!(
                "It is recorded, and NOT known to be in force, because of this home: {why}. `cameo \
                 shared` shows whether it is."
            ),
        })
    }

    /// The same for programs; null for what is no ending.
    fn confirmation(&self) -> Option<Value> {
        Some(match self.confirmed.as_ref()? {
            Ok(found) => json!({
                "in_force": found.is_in_force(), "confirmed": found.confirmed,
                "needed": found.needed, "holders": found.holders,
            }),
            Err(why) => json!({ "in_force": false, "error": why.to_string() }),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::{GrantId, Millis, UserName};
    use cameo_common::keys::PublicKey;

    use super::super::is_expired;
    use super::*;
    use crate::cluster_api::ClusterError;
    use crate::flows::rights::Confirmations;
    use crate::flows::share::ShareError;
    use crate::output::Completion;
    use crate::vault::VaultError;

    fn changed(expires: Option<Millis>, is_restored: bool) -> Changed {
        let rights = Rights {
            owner: PublicKey([1; 32]),
            grant: GrantId([0xab; 32]),
            version: 4,
            permitted: 9,
            expires,
            revoked: false,
            may_save: false,
            offline: 0,
        };
        Changed {
            grant: rights.grant,
            viewer: ben(),
            is_expired: is_expired(&rights, Millis(50)),
            rights,
            is_restored,
            used: Some(0),
            in_mailbox: false,
            undelivered: None,
            confirmed: None,
        }
    }

    #[test]
    fn more_views_of_an_expired_grant_are_said_to_open_nothing() {
        // given rights that end later, never, and that have ended
        for (expires, is_expired) in [
            (Some(Millis(51)), false),
            (None, false),
            (Some(Millis(50)), true),
        ] {
            // when their views are raised
            let report = changed(expires, false).report();
            // then the result says whether that opens anything
            assert_eq!(report.fields()["expired"], is_expired);
            assert_eq!(report.text().contains("EXPIRED"), is_expired);
            assert_eq!(report.text().contains("--expires"), is_expired);
        }
    }

    fn revoked(confirmed: usize, undelivered: Option<Undelivered>) -> Changed {
        let mut changed = changed(None, false);
        changed.rights.revoked = true;
        changed.confirmed = Some(Ok(Confirmations {
            confirmed,
            needed: 2,
            holders: 3,
        }));
        undelivered_for(changed, undelivered)
    }

    fn undelivered_for(mut changed: Changed, why: Option<Undelivered>) -> Changed {
        changed.in_mailbox = why.is_some();
        changed.undelivered = why;
        changed
    }

    fn ben() -> UserName {
        "ben".parse().unwrap()
    }

    #[test]
    fn an_ending_that_the_home_cannot_follow_is_recorded_and_not_known_to_be_in_force() {
        // given nodes that may all have confirmed it, and a home that cannot store that
        let mut changed = revoked(3, None);
        let busy = VaultError::Busy("home".into());
        changed.confirmed = Some(Err(busy.into()));
        let report = changed.report();
        // then the reason is the home, and not that no node was asked
        let told = report.text();
        let says = "It is recorded, and NOT known to be in force, because of this home: another \
                    Cameo process has locked home";
        assert!(told.contains(says), "{told}");
        assert!(!told.contains("no node"), "{told}");
        assert_eq!(report.fields()["confirmation"]["in_force"], false);
        let unknown = Completion::Problem(ErrorKind::ClusterAway);
        assert_eq!(report.completion(), unknown);
    }

    #[test]
    fn rights_go_with_a_carrier_that_is_still_sent() {
        let no_carrier = || Some(Undelivered::NoCarrierYet(ben()));
        let raised = undelivered_for(changed(None, false), no_carrier());
        let expired = undelivered_for(changed(Some(Millis(50)), false), no_carrier());
        for (changed, says) in [
            (raised, "yet: the new rights are sent with it."),
            (expired, "yet: it is not sent any more."),
            (revoked(2, no_carrier()), "yet: it is not sent any more."),
        ] {
            let report = changed.report();
            let told = report.text();
            assert!(told.contains("ben does not have the carrier"), "{told}");
            assert!(told.ends_with(says), "{told}");
            assert!(!told.contains("mailbox"), "{told}");
        }
    }

    #[test]
    fn rights_that_left_the_mailbox_are_not_said_to_be_in_it_nor_missing() {
        let offline = ShareError::ViewerOffline(ben());
        let mut changed = revoked(2, Some(offline.into()));
        changed.in_mailbox = false;
        let report = changed.report();
        let told = report.text();
        assert!(told.contains("has fetched it from the mailbox"), "{told}");
        assert!(!told.contains("does not have it"), "{told}");
    }

    #[test]
    fn a_revocation_says_of_each_part_whether_it_is_in_force_or_not_known() {
        // given a revocation that is recorded, and a majority that vanishes then
        let away = || Undelivered::Share(ClusterError::NoQuorum.into());
        let offline = || Undelivered::Share(ShareError::ViewerOffline(ben()));
        let report = revoked(1, Some(away())).report();
        // when it is told, then nothing that was done is said not to be done
        let told = report.text();
        assert!(
            told.contains("recorded, and NOT known to be in force: 1 of 3"),
            "{told}"
        );
        assert!(told.contains("ben does not have it yet"), "{told}");
        assert!(told.contains("it is in the mailbox for ben"), "{told}");
        assert!(!told.contains("not carried out"), "{told}");
        // and its exit code is another than that of one in force whose viewer is away
        let unknown = Completion::Problem(ErrorKind::ClusterAway);
        for (confirmed, undelivered, completion) in [
            (1, Some(away()), unknown),
            (1, Some(offline()), unknown),
            (1, None, unknown),
            (2, Some(offline()), Completion::Queued),
            (2, Some(away()), Completion::Queued),
            (2, None, Completion::Done),
        ] {
            let report = revoked(confirmed, undelivered).report();
            assert_eq!(report.completion(), completion, "{}", report.text());
        }
    }

    #[test]
    fn a_change_that_restores_revoked_rights_says_so_in_its_result() {
        for restored in [false, true] {
            let report = changed(None, restored).report();
            assert_eq!(report.fields()["restored"], restored);
            assert_eq!(report.text().contains("REVOKED before"), restored);
        }
    }
}
