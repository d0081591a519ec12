//! Whole clusters of the real node code in one process, on simulated machines.
//!
//! Real is everything from the node's HTTP routes and links (with their TLS) over openraft and the
//! machine to the codec of image jobs. Simulated are the `network` (turmoil's), each machine's
//! `disk` and `clock`, its threads (there is one), and the time that jobs take. The same seed gives
//! the same `trace` and history to the byte: one process runs one seed (`batch`), because its
//! random bytes come from the seed (`cameo_seeded`).
//!
//! `machine` is one simulated machine with its node; `cluster` is all of them with the network
//! between; `port` is the way of clients to them; `faults` carries out the plan, on the links as
//! `conditions` has them; `lies` is what lying nodes do; `observer` records what nodes say of
//! themselves; `run` puts it together.

mod batch;
mod clock;
mod cluster;
mod conditions;
mod disk;
mod faults;
mod lies;
mod machine;
mod network;
mod observer;
mod old_disks;
mod port;
mod run;
mod summary;
mod trace;

pub use batch::{Batch, BatchFailed, simulate_all};
pub use run::{RunFailed, Settings, simulate};
pub use summary::Summary;
