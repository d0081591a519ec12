//! Real processes with real disks.
//!
//! [`run`] starts a cluster, carries out a plan of faults while clients work, heals, reads
//! everything once more, and leaves a history. Each node has a network, a disk and a clock of its
//! own, as far as the machine and our rights allow; a fault that needs what is lacking is skipped
//! by name.

mod boot;
mod clock;
mod command;
mod disk;
mod guard;
mod http;
mod may_end;
mod member;
mod members;
mod network;
mod observe;
mod owner;
mod place;
mod port;
mod relay;
mod run;
mod stat;
mod strike;
mod world;

pub use command::{RunArguments, SoakArguments, run_command, soak_command};
pub use owner::{Swept, sweep};
pub use run::{Options, Outcome, run};
