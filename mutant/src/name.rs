//! The mutants and their names.

use std::fmt;
use std::str::FromStr;

macro_rules! mutants {
    ($(#[doc = $does:literal] $variant:ident = $name:literal,)+) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $(#[doc = $does] $variant,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name by which it is planted.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it does, in a sentence.
            #[must_use]
            pub const fn does(self) -> &'static str {
                match self {
                    $(Self::$variant => $does.trim_ascii(),)+
                }
            }
        }
    };
}

mutants! {
    /// A read is answered from the node's own state, without a barrier.
    LocalStaleRead = "local-stale-read",
    /// A leader confirms reads without asking a quorum whether it still leads.
    LeaderReadWithoutQuorum = "leader-read-without-quorum",
    /// A node answers a command from its own state before the entry is committed.
    AcknowledgeBeforeCommit = "acknowledge-before-commit",
    /// A vote is not written to the disk.
    VoteNotPersisted = "vote-not-persisted",
    /// Entries of the log are acknowledged without a sync.
    FsyncDropped = "fsync-dropped",
    /// A node with a damaged log cuts it in front of valid records and goes on voting.
    TornTailAccepted = "torn-tail-accepted",
    /// A snapshot's checksum is not compared.
    ChecksumSkipped = "checksum-skipped",
    /// What was applied last is stored apart from the rows that it made.
    LastAppliedApart = "last-applied-apart",
    /// A repeated command is carried out again.
    ApplyTwiceOnRetry = "apply-twice-on-retry",
    /// A snapshot leaves out the retry table.
    RetryTableLostInSnapshot = "retry-table-lost-in-snapshot",
    /// Permitted views are checked by the node that is asked, not by the machine.
    QuotaCheckedOutside = "quota-checked-outside",
    /// A node releases its part for a view that is not debited yet.
    DebitAfterRelease = "debit-after-release",
    /// The machine reads the wall clock.
    WallClockInApply = "wall-clock-in-apply",
    /// Mail is gone once a node has pushed it.
    DeleteOnDeliver = "delete-on-deliver",
    /// An acknowledgement removes mail of a higher version.
    AckRemovesNewer = "ack-removes-newer",
    /// Rights of a lower version replace those of a higher one.
    LowerVersionOverwrites = "lower-version-overwrites",
    /// Signatures of statements in bodies are not verified.
    SignatureUnchecked = "signature-unchecked",
    /// A new session empties the mailbox.
    ReRegistrationDropsMailbox = "re-registration-drops-mailbox",
    /// A name goes to the last key that registers it.
    LastWriterWinsName = "last-writer-wins-name",
    /// A report ends a session of any epoch.
    OfflineReportWithoutEpoch = "offline-report-without-epoch",
    /// A worker is chosen by a load report of any age.
    StaleLoadSampleAccepted = "stale-load-sample-accepted",
    /// A worker accepts tickets of earlier terms.
    TicketOfOldTermAccepted = "ticket-of-old-term-accepted",
    /// A job that runs while the leader changes never answers.
    JobLostOnLeaderChange = "job-lost-on-leader-change",
    /// A release does not wait until it is on the disk.
    FloorNotSynced = "floor-not-synced",
    /// A release is recorded only after the part has left.
    FloorAfterRelease = "floor-after-release",
    /// A replica does not verify an entry's signatures: the node that was called has done so.
    ReplicaDoesNotVerify = "replica-does-not-verify",
    /// A node confirms rights without raising its floor to them.
    FalseEnding = "false-ending",
    /// A node that comes back with an older copy of its folder takes part as before.
    QuarantineIgnored = "quarantine-ignored",
    /// The recorder takes a call without an answer for one that was not carried out.
    TimeoutRecordedAsFailure = "timeout-recorded-as-failure",
    /// Faults are planned and recorded, but not done.
    NemesisNeverFires = "nemesis-never-fires",
}

/// A name that no mutant has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no mutant is called {0:?}: there are {list}", list = names())]
pub struct UnknownMutant(String);

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(text: &str) -> Result<Self, UnknownMutant> {
        let mut all = Self::ALL.iter().copied();
        all.find(|mutant| mutant.name() == text)
            .ok_or_else(|| UnknownMutant(text.to_owned()))
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn names() -> String {
    let names: Vec<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_name_then_its_mutant_is_found_and_no_other_name_is_taken() {
        for mutant in Mutant::ALL {
            assert_eq!(mutant.name().parse(), Ok(*mutant));
        }
        let unknown = "local-stale".parse::<Mutant>();
        let message = unknown.map_err(|error| error.to_string());
        assert!(message.is_err_and(|text| text.contains("local-stale-read")));
    }
}
