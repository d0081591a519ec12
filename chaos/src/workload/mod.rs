//! The load on a cluster.
//!
//! Under faults: [`Run`] is what the clients of a run share, [`work`] drives the workloads over a
//! [`Port`], in the simulator as against real nodes, and records each attempt; [`read_all`] reads
//! everything once more after the cluster has healed.
//!
//! Image jobs on real nodes, as clients send them: [`User`] is a registered device that signs its
//! calls, [`Work`] an input with its hash, [`run_job`] runs one job with the retries of a client,
//! and [`OpenLoop`] runs many, each at its time. Benchmarks use these.

mod ask;
mod client;
mod confirm;
mod directory;
mod dispatch;
mod endings;
mod events;
mod grant;
mod held;
mod job;
mod journey;
mod ledger;
mod mailbox;
mod mix;
mod nodes;
mod open_loop;
mod person;
mod port;
mod rng;
mod run;
mod status;
mod user;
mod view;
mod visits;
mod work;

pub use job::{JobDone, JobFailed, run_job};
pub use journey::Journey;
pub use mix::{Made, UnknownWorkload, Workload, read_all, work};
pub use nodes::Nodes;
pub use open_loop::{Arrival, JobOutcome, OpenLoop};
pub use port::{CallFailed, Chunks, Port, Request, Response};
pub use run::{NoIdentity, Run};
pub use user::{Refused, User};
pub use work::Work;
