//! How nodes become members and stop being members.
//!
//! `bootstrap` makes a cluster out of empty directories, once; `join` makes a node a worker of it,
//! which `admission` lets in; `removal` takes a worker out.

pub(super) mod admission;
pub(super) mod bootstrap;
pub(super) mod bootstrap_state;
pub(super) mod join;
pub(super) mod leader_query;
pub(super) mod local_member;
pub(super) mod member_view;
pub(super) mod record_file;
pub(super) mod removal;
