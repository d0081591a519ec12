//! Notices of an agent, for its log and for commands that wait.

use cameo_common::ids::{GrantId, RequestId, UserName};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Notices buffered for a slow subscriber; it loses older ones.
const BUFFER: usize = 256;

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Notice {
    /// A carrier is being received.
    Arriving {
        request: RequestId,
        received: u64,
        length: u64,
    },
    /// A carrier was received and verified, and its receipt signed.
    Arrived { request: RequestId, grant: GrantId },
    /// The owner denied a request.
    Denied { request: RequestId, reason: String },
    /// The owner approved a request, and their agent could not make the carrier.
    Failed { request: RequestId },
    /// Another user made a request.
    Asked {
        request: RequestId,
        viewer: UserName,
    },
    /// A step of sharing an approved request began.
    Sharing { request: RequestId, step: String },
    /// A carrier reached its viewer.
    Delivered { grant: GrantId, viewer: UserName },
    /// The rights of a received grant have changed.
    Rights {
        grant: GrantId,
        version: u64,
        confirmed: bool,
    },
    /// A viewer has acknowledged rights.
    Acknowledged { grant: GrantId, version: u64 },
    /// A view was charged, as a node says: the event has no signature of the viewer's.
    Viewed { grant: GrantId, number: u32 },
    /// A user does not answer and was reported offline to the directory.
    Offline { user: UserName },
    /// A session was started.
    Session { epoch: u64 },
    /// Something failed; it may be tried again.
    Trouble { what_failed: String, why: String },
}

/// The channel of notices.
#[derive(Debug, Clone)]
pub struct Notices(broadcast::Sender<Notice>);

impl Default for Notices {
    fn default() -> Self {
        Self(broadcast::channel(BUFFER).0)
    }
}

impl Notices {
    /// Sends a notice to all subscribers, if any.
    pub fn publish(&self, notice: Notice) {
        if let Notice::Trouble { what_failed, why } = &notice {
            tracing::warn!(%what_failed, %why, "trouble");
        }
        let _ = self.0.send(notice);
    }

    /// Subscribes to notices from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }
}
