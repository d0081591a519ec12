//! Quarantine: voters remember how far each other had come, so that one that comes back with an
//! older copy of its folder is told so, and takes no part.
//!
//! A voter signs its marks: how far its floors, its term and its log are, each as it is durable.
//! `remembered` keeps the highest of each other voter, in its own words, and has them on the
//! disk. They are shown to the voter (`super::exchange`). Its own signature above what it has found
//! on its disk is a proof that nobody else can make: no liar quarantines another. The `gate` is
//! closed until enough voters have answered, and for good after such a proof: a `marker` in the
//! folder keeps it so from start to start.
//!
//! By its `origin` a folder is told from its copies, on a real disk by `origin_files`: the gate of
//! a node whose folder may be a copy opens only when all have answered who may remember more of it.

mod disk;
mod envelope;
mod folder;
mod gate;
mod marker;
#[cfg(test)]
pub(crate) mod memory_for_tests;
mod needed;
mod origin;
mod origin_files;
mod remembered;
mod small_file;
mod waits;

pub(crate) use envelope::{EnvelopeError, decode as decode_file, encode as encode_file};
pub(crate) use gate::{GRACE, Gate};
pub(crate) use marker::Marker;
pub(crate) use needed::NeededAnswers;
pub(crate) use remembered::{Remembered, read as read_remembered};

pub use disk::{QuarantineDisk, QuarantineFile};
pub use folder::QuarantineFolder;
pub use gate::Closed;
pub use origin::{NotProven, Origin, OriginError};
pub use remembered::PeersError;
pub use waits::Waits;
