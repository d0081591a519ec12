//! What this node may use, what it uses, and how it tells the leader.
//!
//! `quota` reads what the process is allowed, `sampler` measures what it uses and what its jobs really get,
//! `reporter` makes a report of it for each heartbeat.

mod cgroup;
mod quota;
mod reporter;
mod sampler;

pub use quota::available_millicores;
pub use reporter::Reporter;
pub use sampler::{Sample, Sampler};
