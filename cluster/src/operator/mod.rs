//! The operator's side, off the nodes: the key, and the verbs of `cameod` that carry its orders to
//! the cluster.
//!
//! An order goes to the nodes over HTTP. The cluster's fingerprint, which the operator gives,
//! proves the descriptor, and so the nodes' keys. Whether an order was carried out or refused is
//! believed when a majority of the voters say so, each by its own key. `member` changes the nodes.

mod backup;
mod call;
mod client;
mod cluster_status;
mod download;
mod exit;
mod health;
mod invite;
pub mod key_file;
pub mod member;
mod member_error;
mod newest_chain;
mod nodes;
mod outcome;
pub mod passphrase;
mod patience;
mod refusal;
mod status_lines;
mod token;
mod verbs;

pub use call::CallError;
pub use client::{OperatorClient, OrderError};
pub use cluster_status::{StatusError, cluster_status, unknown_status};
pub use download::Download;
pub use exit::{EXITS, Exit, help as exit_help};
pub use invite::InviteOrder;
pub use newest_chain::ForkedChain;
pub(crate) use outcome::request_id;
pub use outcome::{Output, Report, VerbError};
pub use patience::Tell;
pub use status_lines::{ClusterStatus, NodeLine, Role};
pub use token::{TokenError, TokenFile, TokenOrder, open_pass};
pub use verbs::{Operation, Order, run, sign_token};
