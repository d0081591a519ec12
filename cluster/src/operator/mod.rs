//! The operator's side, off the nodes: the key, and the verbs of `cameod` that carry its orders to
//! the cluster.
//!
//! An order goes to any node over HTTP. What a node answers is believed as far as the cluster's
//! fingerprint, which the operator gives, proves it: the descriptor. Everything else is hints.

mod call;
mod client;
mod exit;
mod invite;
pub mod key_file;
mod outcome;
mod token;
mod verbs;

pub use client::{OperatorClient, OrderError};
pub use exit::{EXITS, Exit, help as exit_help};
pub use invite::InviteOrder;
pub use outcome::{Report, VerbError};
pub use token::{TokenError, TokenFile, TokenOrder, open_pass};
pub use verbs::{Operation, Order, run, sign_token};
