//! Which law must notice which mutant, and under which seed it does.

use std::fmt;

use cameo_mutant::Mutant;

use crate::verdict::Law;

/// What must come of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticed {
    /// This law is broken. Others may be too.
    Invalid(Law),
    /// The run shows nothing, and says so.
    Inconclusive,
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(law) => write!(f, "invalid by {law}"),
            Self::Inconclusive => f.write_str("inconclusive"),
        }
    }
}

/// Where a scene is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Repeats by its seed, to the byte.
    Sim,
    /// Real processes on real disks: the seed repeats faults and clients, not their timing.
    Real,
}

impl Target {
    /// The command of `cameo-chaos`.
    fn verb(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Real => "run",
        }
    }
}

/// A run of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scene {
    pub target: Target,
    pub seed: u64,
    /// Seconds under faults.
    pub seconds: u64,
    pub nodes: u64,
    /// As `--faults` and `--workload` take them.
    pub faults: &'static str,
    pub workload: &'static str,
}

impl Scene {
    /// The arguments of `cameo-chaos`, but for the folder and the nodes' program.
    pub fn arguments(&self) -> Vec<String> {
        let flags = [
            ("--seed", self.seed.to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--nodes", self.nodes.to_string()),
            ("--faults", self.faults.to_owned()),
            ("--workload", self.workload.to_owned()),
        ];
        let flags = flags
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        std::iter::once(self.target.verb().to_owned())
            .chain(flags)
            .collect()
    }

    /// A name for its folder.
    pub fn label(&self) -> String {
        let Self {
            target,
            seed,
            seconds,
            nodes,
            faults,
            workload,
        } = self;
        let verb = target.verb();
        format!("{verb}-{seed}-{seconds}s-{nodes}-{faults}-{workload}").replace(',', "+")
    }
}

/// A mutant, with the run in which it must be noticed.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    pub mutant: Mutant,
    pub noticed: Noticed,
    pub scene: Scene,
    /// Whether the gate runs it.
    pub is_short: bool,
}

const fn by(mutant: Mutant, law: Law, scene: Scene) -> Trial {
    Trial {
        mutant,
        noticed: Noticed::Invalid(law),
        scene,
        is_short: true,
    }
}

/// A trial that the gate leaves out.
const fn further(mutant: Mutant, law: Law, scene: Scene) -> Trial {
    Trial {
        is_short: false,
        ..by(mutant, law, scene)
    }
}

/// Three simulated nodes for ten seconds.
const fn scene(seed: u64, faults: &'static str, workload: &'static str) -> Scene {
    Scene {
        target: Target::Sim,
        seed,
        seconds: 10,
        nodes: 3,
        faults,
        workload,
    }
}

/// Longer, with more nodes or fewer.
const fn long(seconds: u64, nodes: u64, scene: Scene) -> Scene {
    Scene {
        seconds,
        nodes,
        ..scene
    }
}

/// The same with real ones.
const fn real(scene: Scene) -> Scene {
    Scene {
        target: Target::Real,
        ..scene
    }
}

/// Work on grants, from both sides.
const GRANTS: &str = "ledger,rights";

const CALM_LEDGER: Scene = scene(1, "none", "ledger");
const CALM_RIGHTS: Scene = scene(1, "none", "rights");
const KILLS: Scene = scene(1, "kill", GRANTS);
const KILLS_AGAIN: Scene = scene(2, "kill", GRANTS);
const LONG_KILLS: Scene = long(20, 3, scene(2, "kill", GRANTS));
const JOBS: Scene = long(20, 3, scene(2, "kill", "dispatch,rights"));
const CUT_OFF: Scene = long(30, 3, scene(163, "pause,clients-cut", GRANTS));
const PARTITIONS: Scene = scene(4, "isolate,halves", GRANTS);

/// All trials.
pub const TRIALS: &[Trial] = &[
    by(Mutant::LocalStaleRead, Law::L1, PARTITIONS),
    by(
        Mutant::LeaderReadWithoutQuorum,
        Law::L1,
        long(20, 5, scene(15, "halves", GRANTS)),
    ),
    by(Mutant::AcknowledgeBeforeCommit, Law::L1, CALM_LEDGER),
    by(
        Mutant::VoteNotPersisted,
        Law::R1,
        scene(3, "kill,isolate,halves", GRANTS),
    ),
    by(
        Mutant::FsyncDropped,
        Law::R3,
        scene(59, "power-failure", GRANTS),
    ),
    by(
        Mutant::TornTailAccepted,
        Law::R2,
        scene(181, "torn-tail", GRANTS),
    ),
    by(Mutant::LastAppliedApart, Law::D3, LONG_KILLS),
    by(Mutant::ApplyTwiceOnRetry, Law::L3, KILLS_AGAIN),
    by(
        Mutant::RetryTableLostInSnapshot,
        Law::D3,
        scene(16, "power-failure", GRANTS),
    ),
    by(
        Mutant::QuotaCheckedOutside,
        Law::L2,
        scene(19, "none", "ledger"),
    ),
    by(Mutant::DebitAfterRelease, Law::L6, CALM_LEDGER),
    by(Mutant::FloorAfterRelease, Law::L7, CALM_LEDGER),
    by(
        Mutant::FloorNotSynced,
        Law::L7,
        scene(9, "power-failure", GRANTS),
    ),
    by(
        Mutant::QuarantineIgnored,
        Law::L7,
        long(20, 3, scene(1, "old-folder", GRANTS)),
    ),
    by(Mutant::FalseEnding, Law::L10, scene(1, "none", "endings")),
    by(
        Mutant::ReplicaDoesNotVerify,
        Law::L8,
        scene(1, "forges", "ledger,endings"),
    ),
    by(Mutant::WallClockInApply, Law::D3, CALM_LEDGER),
    by(
        Mutant::DeleteOnDeliver,
        Law::B6,
        scene(103, "none", "rights"),
    ),
    by(
        Mutant::AckRemovesNewer,
        Law::B4,
        scene(25, "none", "rights"),
    ),
    by(Mutant::LowerVersionOverwrites, Law::B3, CALM_LEDGER),
    by(Mutant::SignatureUnchecked, Law::L8, CALM_LEDGER),
    by(
        Mutant::ReRegistrationDropsMailbox,
        Law::B1,
        scene(19, "none", "rights"),
    ),
    by(
        Mutant::LastWriterWinsName,
        Law::D2,
        scene(1, "none", "directory,rights"),
    ),
    by(Mutant::OfflineReportWithoutEpoch, Law::D4, CALM_RIGHTS),
    by(Mutant::TicketOfOldTermAccepted, Law::J3, JOBS),
    by(Mutant::JobLostOnLeaderChange, Law::J1, JOBS),
    by(Mutant::TimeoutRecordedAsFailure, Law::L1, CUT_OFF),
    // A simulated disk keeps records, not bytes.
    by(
        Mutant::ChecksumSkipped,
        Law::D3,
        real(long(20, 3, scene(4, "bit-flip", GRANTS))),
    ),
    by(
        Mutant::StaleLoadSampleAccepted,
        Law::J2,
        scene(5, "pause,isolate", "dispatch,rights"),
    ),
    // What the gate has no time for: others that show the same, and bugs of real disks.
    further(
        Mutant::LocalStaleRead,
        Law::L1,
        scene(6, "isolate,halves", GRANTS),
    ),
    further(
        Mutant::LeaderReadWithoutQuorum,
        Law::L1,
        long(20, 5, scene(13, "halves", GRANTS)),
    ),
    further(
        Mutant::TornTailAccepted,
        Law::R2,
        scene(223, "torn-tail", GRANTS),
    ),
    further(
        Mutant::TimeoutRecordedAsFailure,
        Law::L1,
        long(30, 3, scene(162, "pause,clients-cut", GRANTS)),
    ),
    further(
        Mutant::RetryTableLostInSnapshot,
        Law::D3,
        real(long(15, 3, scene(1, "power-failure", GRANTS))),
    ),
    further(
        Mutant::StaleLoadSampleAccepted,
        Law::J2,
        long(20, 3, scene(3, "pause,isolate", "dispatch,rights")),
    ),
    Trial {
        mutant: Mutant::NemesisNeverFires,
        noticed: Noticed::Inconclusive,
        scene: KILLS,
        is_short: true,
    },
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn given_the_table_then_every_mutant_is_in_the_short_form() {
        let short = TRIALS.iter().filter(|trial| trial.is_short);
        let short: BTreeSet<_> = short.map(|trial| trial.mutant).collect();
        let all: BTreeSet<_> = Mutant::ALL.iter().copied().collect();
        let missing: Vec<_> = all.difference(&short).map(|mutant| mutant.name()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
