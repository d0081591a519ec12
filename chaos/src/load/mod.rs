//! Image jobs against real nodes, as clients bring them: asked for at the leader, uploaded to the worker.
//!
//! [`User`] is a registered device that signs its calls, [`Work`] an input with its hash, [`errand`] one job's whole
//! way, with the retries that a client makes, and [`Load`] many, each at its time. Benchmarks and fault tests bring
//! their load through here.

mod bring;
mod chance;
mod errand;
mod nodes;
mod user;
mod work;

pub use bring::{Arrival, Brought, Load};
pub use errand::{Carried, Failed, errand};
pub use nodes::Nodes;
pub use user::{Refused, User};
pub use work::Work;
