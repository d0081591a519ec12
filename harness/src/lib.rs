//! Control of real Cameo processes from outside.
//!
//! Demo, end-to-end tests, chaos and benchmarks start nodes and agents through this crate, kill,
//! pause and restart them, and read their APIs and files. It uses the programs' command lines and
//! JSON alone, never their code, so that it can judge them.

mod binary;
mod cluster;
mod http;
mod node;
mod person;
mod ports;
mod process;
mod proxy;
mod upload;
mod wait;

pub use binary::{Binaries, BinaryError};
pub use cluster::{Cluster, TokenOrder};
pub use http::{HttpError, get_json, get_text};
pub use node::{Credential, Node};
pub use person::{CommandResult, Person};
pub use ports::free_ports;
pub use process::{LogBy, Process, ProcessError};
pub use proxy::{Phase, Proxy};
pub use wait::{TimedOut, until};
