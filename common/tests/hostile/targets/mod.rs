//! The bodies of the fuzz targets: one function each, which takes any bytes that a peer may send,
//! and panics when a promise is broken.
//!
//! The same functions run here over the committed corpora, and in `fuzz`, which includes this file.

mod built;
mod carrier;
mod forged;
mod header;
mod input;
mod job;
mod preview;
mod round_trip;
pub mod sealed;

pub use built::carrier_built;
pub use carrier::carrier;
pub use header::header;
pub use job::job_input;
pub use preview::preview;
pub use round_trip::round_trip;
pub use sealed::{sealed_built, sealed_payload};

/// A target by the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 8] = [
    ("carrier", carrier),
    ("carrier_built", carrier_built),
    ("header", header),
    ("job_input", job_input),
    ("preview", preview),
    ("round_trip", round_trip),
    ("sealed_built", sealed_built),
    ("sealed_payload", sealed_payload),
];
