//! Membership: how nodes become members.
//!
//! `bootstrap` makes a cluster from empty directories, once; `join` makes a node a worker, which
//! the leader's `admission` accepts.

pub(super) mod admission;
pub(super) mod bootstrap;
pub(super) mod bootstrap_state;
pub(super) mod descriptor_exchange;
pub(super) mod join;
pub(super) mod known_chain;
pub(super) mod leader_query;
pub(super) mod local_member;
pub(super) mod member_view;
pub(super) mod record_file;
pub(super) mod role_watch;
pub(super) mod secret_check;
pub(super) mod standing;
pub(super) mod successions;
