//! The leader's duty that Raft's voters are the nodes of the newest descriptor.

use parking_lot::Mutex;

use crate::raft::{Replica, VotersError};
use cameo_machine::read;

/// Follows the newest descriptor of the applied state.
#[derive(Debug, Default)]
pub struct VotersDuty {
    /// Why the voters were not changed last, so that it is logged once.
    last: Mutex<Option<VotersError>>,
}

impl VotersDuty {
    /// One attempt. The leader has applied the descriptor, so that a majority has the entry.
    pub(super) async fn follow_descriptor(&self, replica: &dyn Replica) {
        let Some(descriptor) = read::current_descriptor(&*replica.view()) else {
            return;
        };
        let error = replica.follow_descriptor(&descriptor).await.err();
        let mut last = self.last.lock();
        if *last == error {
            return;
        }
        if let Some(error) = &error {
            tracing::info!(number = descriptor.number, %error, "the voters are not changed yet");
        }
        *last = error;
    }
}
