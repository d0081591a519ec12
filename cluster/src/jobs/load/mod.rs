//! Load of this node: CPU limits, measurement, and reports to the leader.
//!
//! `quota` reads the CPU limits of the process, `sampler` measures its use and what its jobs get,
//! `reporter` makes a load report for each heartbeat.

mod cgroup;
mod quota;
mod reporter;
mod sampler;

pub use quota::available_millicores;
pub use reporter::Reporter;
pub use sampler::{Sample, Sampler};
