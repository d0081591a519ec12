//! What happens in an agent, for whoever listens: its own log, and verbs that wait.

use cameo_common::ids::{GrantId, RequestId, UserName};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Notices that a slow listener may be behind before it loses some.
const KEPT: usize = 256;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Notice {
    /// A carrier is coming in.
    Arriving {
        request: RequestId,
        received: u64,
        length: u64,
    },
    /// A carrier is there, checked and signed for.
    Arrived { request: RequestId, grant: GrantId },
    /// The owner said no.
    Denied { request: RequestId, reason: String },
    /// The owner said yes, but his agent could not make the carrier.
    Failed { request: RequestId },
    /// Somebody wants something.
    Asked {
        request: RequestId,
        viewer: UserName,
    },
    /// An approved request is being worked on.
    Sharing { request: RequestId, step: String },
    /// A carrier reached its viewer.
    Delivered { grant: GrantId, viewer: UserName },
    /// Rights of a grant that is held have changed.
    Rights {
        grant: GrantId,
        version: u64,
        confirmed: bool,
    },
    /// A viewer has acknowledged rights.
    Acknowledged { grant: GrantId, version: u64 },
    /// A viewer has taken a view.
    Viewed { grant: GrantId, number: u32 },
    /// A viewer does not answer, and the directory was told.
    Offline { user: UserName },
    /// The session began, or began anew.
    Session { epoch: u64 },
    /// Something did not work and will be tried again, or not.
    Trouble { what_failed: String, why: String },
}

/// Where notices go.
#[derive(Debug, Clone)]
pub struct Notices(broadcast::Sender<Notice>);

impl Default for Notices {
    fn default() -> Self {
        Self(broadcast::channel(KEPT).0)
    }
}

impl Notices {
    /// Tells everybody who listens; nobody may.
    pub fn tell(&self, notice: Notice) {
        if let Notice::Trouble { what_failed, why } = &notice {
            tracing::warn!(%what_failed, %why, "trouble");
        }
        let _ = self.0.send(notice);
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }
}
