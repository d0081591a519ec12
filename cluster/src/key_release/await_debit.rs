//! Waiting for a debit that is under way, while its viewer asks for the parts already.

use std::time::Duration;

use cameo_common::statements::ViewRequest;
use cameo_machine::{Refusal, read};
use tokio::time::timeout;

use super::error::ReleaseError;
use super::releaser::Releaser;
use crate::raft::{ReadError, Replica};

/// A debit that has not come by then was refused, or another node has to say what became of it.
const DEBIT_PATIENCE: Duration = Duration::from_secs(2);

impl Releaser {
    /// Waits until the state has a debit of this request. Call after a barrier: it covers all that
    /// was acknowledged before the viewer asked, whether the debit is older or younger.
    ///
    /// # Errors
    /// [`Refusal::NotDebited`] when it does not come in time, or when too many wait.
    pub(super) async fn wait_for_debit(
        &self,
        replica: &dyn Replica,
        request: &ViewRequest,
    ) -> Result<(), ReleaseError> {
        let mut applied = replica.applied();
        let is_there = || read::is_debited(&*replica.view(), &request.grant, &request.request);
        if is_there() {
            return Ok(());
        }
        let Ok(_place) = self.awaiting.try_acquire() else {
            return Err(Refusal::NotDebited.into());
        };
        let comes = async {
            loop {
                applied.borrow_and_update();
                if is_there() {
                    return Ok(());
                }
                if applied.changed().await.is_err() {
                    return Err(ReadError::Stopping.into());
                }
            }
        };
        let came = timeout(DEBIT_PATIENCE, comes).await;
        came.unwrap_or_else(|_| Err(Refusal::NotDebited.into()))
    }
}
