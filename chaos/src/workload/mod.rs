//! Image jobs on real nodes, as clients send them: placed by the leader, uploaded to the worker.
//!
//! [`User`] is a registered device that signs its calls, [`Work`] an input with its hash,
//! [`run_job`] runs one job with the retries of a client, and [`Workload`] runs many, each at its
//! time. Benchmarks and fault tests share this module.

mod job;
mod nodes;
mod open_loop;
mod port;
mod rng;
mod user;
mod work;

pub use job::{JobDone, JobFailed, run_job};
pub use nodes::Nodes;
pub use open_loop::{Arrival, JobOutcome, Workload};
pub use port::{CallFailed, Chunks, Port, Request, Response};
pub use user::{Refused, User};
pub use work::Work;
