//! Kinds of faults.

use std::fmt;

/// What can go wrong. The name is the one of `--faults` and of histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// SIGKILL, and a start when the fault ends. The machine goes on: what was written is kept.
    Kill,
    /// SIGSTOP, and SIGCONT when the fault ends.
    Pause,
    /// SIGTERM, and a start when the fault ends.
    Stop,
    /// Each node in turn is stopped and started as another build, or at the end as its own again.
    RollingRestart,
    /// The reader of the node's log goes away: its stderr is a closed pipe.
    LogReaderGone,
    /// The node has no file descriptors left.
    Descriptors,
    /// The machine stops at once: what was not synced is lost.
    PowerFailure,
    /// A power failure that leaves a part of the last unsynced write.
    TornTail,
    /// Reads and writes of the disk fail.
    DiskError,
    /// The disk is full.
    DiskFull,
    /// Each sync takes long.
    SlowSync,
    /// Syncs fail.
    FailingSync,
    /// A bit of a closed file is another one at the node's next start.
    BitFlip,
    /// One node reaches nobody, and nobody reaches it.
    Isolate,
    /// Two halves do not reach each other.
    Halves,
    /// Two halves reach each other over one node only.
    Bridge,
    /// Each node reaches a majority, and no two reach the same one.
    Ring,
    /// One node opens no connections to the others; they open theirs to it.
    OneWay,
    /// Two halves that reach each other now and then.
    Flapping,
    /// Clients do not reach some nodes, which reach each other.
    ClientsCut,
    /// Everything takes longer.
    Delay,
    /// Packets are lost.
    Loss,
    /// Packets overtake each other.
    Reorder,
    /// Few bytes a second.
    Throttle,
    /// A node's clock is wrong by a fixed time.
    ClockJump,
    /// A node's clock is too fast or too slow.
    ClockDrift,
    /// A worker joins, and leaves when the fault ends.
    Worker,
    /// A node comes back with an older copy of its disk: log, vote, state and floors.
    RolledBack,
    /// A node leaves calls without an answer, some of them after it has carried them out.
    Withholds,
    /// A node acknowledges commands that it forwards to nobody, confirms rights that it has not
    /// seen, and gives garbage for its part.
    FalseAnswers,
    /// A node proposes views in the names of devices that did not ask for them.
    Forges,
    /// An honest node comes back with an older copy of its disk, and at the end with its newest.
    OldFolder,
}

/// Faults of one lane follow one another; those of different lanes overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Processes and their disks.
    Node,
    Network,
    Clock,
    Members,
    /// Of nodes with another program than ours.
    Lies,
    /// Of disks that are put back, at honest nodes.
    Folders,
}

impl Kind {
    /// All but [`Self::LIES`] and [`Self::OldFolder`], which have to be asked for.
    pub const ALL: [Self; 27] = [
        Self::Kill,
        Self::Pause,
        Self::Stop,
        Self::RollingRestart,
        Self::LogReaderGone,
        Self::Descriptors,
        Self::PowerFailure,
        Self::TornTail,
        Self::DiskError,
        Self::DiskFull,
        Self::SlowSync,
        Self::FailingSync,
        Self::BitFlip,
        Self::Isolate,
        Self::Halves,
        Self::Bridge,
        Self::Ring,
        Self::OneWay,
        Self::Flapping,
        Self::ClientsCut,
        Self::Delay,
        Self::Loss,
        Self::Reorder,
        Self::Throttle,
        Self::ClockJump,
        Self::ClockDrift,
        Self::Worker,
    ];

    /// Lies of a minority, which strike nobody unless they are asked for: fewer laws hold then.
    pub const LIES: [Self; 4] = [
        Self::RolledBack,
        Self::Withholds,
        Self::FalseAnswers,
        Self::Forges,
    ];

    /// Its name, as `--faults` and histories have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Stop => "stop",
            Self::RollingRestart => "rolling-restart",
            Self::LogReaderGone => "log-reader-gone",
            Self::Descriptors => "descriptors",
            Self::PowerFailure => "power-failure",
            Self::TornTail => "torn-tail",
            Self::DiskError => "disk-error",
            Self::DiskFull => "disk-full",
            Self::SlowSync => "slow-sync",
            Self::FailingSync => "failing-sync",
            Self::BitFlip => "bit-flip",
            Self::Isolate => "isolate",
            Self::Halves => "halves",
            Self::Bridge => "bridge",
            Self::Ring => "ring",
            Self::OneWay => "one-way",
            Self::Flapping => "flapping",
            Self::ClientsCut => "clients-cut",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Reorder => "reorder",
            Self::Throttle => "throttle",
            Self::ClockJump => "clock-jump",
            Self::ClockDrift => "clock-drift",
            Self::Worker => "worker",
            Self::RolledBack => "rolled-back",
            Self::Withholds => "withholds",
            Self::FalseAnswers => "false-answers",
            Self::Forges => "forges",
            Self::OldFolder => "old-folder",
        }
    }

    /// Its lane.
    #[must_use]
    pub fn lane(self) -> Lane {
        match self {
            Self::Kill
            | Self::Pause
            | Self::Stop
            | Self::RollingRestart
            | Self::LogReaderGone
            | Self::Descriptors
            | Self::PowerFailure
            | Self::TornTail
            | Self::DiskError
            | Self::DiskFull
            | Self::SlowSync
            | Self::FailingSync
            | Self::BitFlip => Lane::Node,
            Self::Isolate
            | Self::Halves
            | Self::Bridge
            | Self::Ring
            | Self::OneWay
            | Self::Flapping
            | Self::ClientsCut
            | Self::Delay
            | Self::Loss
            | Self::Reorder
            | Self::Throttle => Lane::Network,
            Self::ClockJump | Self::ClockDrift => Lane::Clock,
            Self::Worker => Lane::Members,
            Self::RolledBack | Self::Withholds | Self::FalseAnswers | Self::Forges => Lane::Lies,
            Self::OldFolder => Lane::Folders,
        }
    }

    /// Whether it strikes nobody unless it is asked for.
    #[must_use]
    pub fn has_to_be_asked_for(self) -> bool {
        matches!(self.lane(), Lane::Lies | Lane::Folders)
    }

    /// Whether it strikes the disk, or the whole machine with its disk.
    #[must_use]
    pub fn is_of_disk(self) -> bool {
        matches!(
            self,
            Self::PowerFailure
                | Self::TornTail
                | Self::DiskError
                | Self::DiskFull
                | Self::SlowSync
                | Self::FailingSync
                | Self::BitFlip
        )
    }

    /// Whether some links between nodes carry nothing.
    #[must_use]
    pub fn is_partition(self) -> bool {
        matches!(
            self,
            Self::Isolate
                | Self::Halves
                | Self::Bridge
                | Self::Ring
                | Self::OneWay
                | Self::Flapping
        )
    }

    /// Why a cluster of this size cannot have it; None if it can.
    #[must_use]
    pub fn impossible(self, nodes: u64) -> Option<&'static str> {
        match self {
            // With three nodes, two neighbours are everybody.
            Self::Ring if nodes < 4 => Some("a majority ring takes four nodes"),
            kind if kind.lane() == Lane::Lies && nodes < 3 => {
                Some("a minority of liars takes three nodes")
            }
            Self::OldFolder if nodes < 3 => {
                Some("a cluster that goes on without a node takes three nodes")
            }
            Self::Bridge if nodes < 3 => Some("a bridge takes three nodes"),
            kind if kind.is_partition() && nodes < 2 => Some("a partition takes two nodes"),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
