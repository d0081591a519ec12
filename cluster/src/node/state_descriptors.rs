//! The descriptors of the applied state, for Raft.

use std::sync::Weak;

use cameo_common::descriptor_chain::Descriptors;
use cameo_machine::read;

use crate::raft::{AppliedDescriptors, AppliedState};

/// Weak: tasks that ask for it may outlive the store, whose files the next start locks.
pub(super) struct StateDescriptors(pub Weak<dyn AppliedState>);

impl AppliedDescriptors for StateDescriptors {
    fn number(&self) -> Option<u64> {
        read::descriptor_number(&*self.0.upgrade()?.view())
    }

    fn descriptors(&self) -> Option<Descriptors> {
        read::descriptors(&*self.0.upgrade()?.view())
    }
}
