//! What this node may use, what it uses, and how it tells the leader.
//!
//! `quota` reads what the process is allowed, `sampler` measures what it uses and what its jobs really get,
//! `report` is what goes over the wire, `reporter` makes one for each heartbeat.

mod cgroup;
mod quota;
pub mod report;
mod reporter;
mod sampler;

pub use quota::available_millicores;
pub use report::{Event, Report, ReportError};
pub use reporter::Reporter;
pub use sampler::{Sample, Sampler};
